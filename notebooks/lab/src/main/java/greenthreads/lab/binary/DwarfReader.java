package greenthreads.lab.binary;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the debugging information entries that describe functions and types out of the DWARF
 * sections of a compiled file, versions 2 to 5.
 *
 * <p>Section numbers in this file are those of the <a
 * href="https://dwarfstd.org/dwarf5std.html">DWARF 5 standard</a>. One pass over {@code
 * .debug_info} keeps the few tags a C interface is made of and steps over the rest: an attribute
 * that is not known is skipped by its form, which says how long it is (7.5.5).
 */
final class DwarfReader {
  // Tags, 7.5.3.
  static final int TAG_ARRAY_TYPE = 0x01;
  static final int TAG_ENUMERATION_TYPE = 0x04;
  static final int TAG_FORMAL_PARAMETER = 0x05;
  static final int TAG_MEMBER = 0x0d;
  static final int TAG_POINTER_TYPE = 0x0f;
  static final int TAG_STRUCTURE_TYPE = 0x13;
  static final int TAG_SUBROUTINE_TYPE = 0x15;
  static final int TAG_TYPEDEF = 0x16;
  static final int TAG_UNION_TYPE = 0x17;
  static final int TAG_UNSPECIFIED_PARAMETERS = 0x18;
  static final int TAG_SUBRANGE_TYPE = 0x21;
  static final int TAG_BASE_TYPE = 0x24;
  static final int TAG_CONST_TYPE = 0x26;
  static final int TAG_SUBPROGRAM = 0x2e;
  static final int TAG_VOLATILE_TYPE = 0x35;
  static final int TAG_RESTRICT_TYPE = 0x37;
  static final int TAG_UNSPECIFIED_TYPE = 0x3b;
  static final int TAG_ATOMIC_TYPE = 0x47;

  // Base type encodings, 7.8.
  static final int ENCODING_BOOLEAN = 0x02;
  static final int ENCODING_FLOAT = 0x04;
  static final int ENCODING_SIGNED = 0x05;
  static final int ENCODING_SIGNED_CHAR = 0x06;
  static final int ENCODING_UNSIGNED = 0x07;
  static final int ENCODING_UNSIGNED_CHAR = 0x08;
  static final int ENCODING_UTF = 0x10;

  // Attributes, 7.5.4.
  private static final int AT_NAME = 0x03;
  private static final int AT_BYTE_SIZE = 0x0b;
  private static final int AT_BIT_OFFSET = 0x0c;
  private static final int AT_BIT_SIZE = 0x0d;
  private static final int AT_STMT_LIST = 0x10;
  private static final int AT_LOW_PC = 0x11;
  private static final int AT_PROTOTYPED = 0x27;
  private static final int AT_UPPER_BOUND = 0x2f;
  private static final int AT_ABSTRACT_ORIGIN = 0x31;
  private static final int AT_COUNT = 0x37;
  private static final int AT_DATA_MEMBER_LOCATION = 0x38;
  private static final int AT_DECL_FILE = 0x3a;
  private static final int AT_DECL_LINE = 0x3b;
  private static final int AT_DECLARATION = 0x3c;
  private static final int AT_ENCODING = 0x3e;
  private static final int AT_EXTERNAL = 0x3f;
  private static final int AT_SPECIFICATION = 0x47;
  private static final int AT_TYPE = 0x49;
  private static final int AT_DATA_BIT_OFFSET = 0x6b;
  private static final int AT_RANGES = 0x55;
  private static final int AT_STR_OFFSETS_BASE = 0x72;
  private static final int AT_ALIGNMENT = 0x88;
  private static final int AT_GNU_VECTOR = 0x2107;

  // Forms, 7.5.6.
  private static final int FORM_ADDR = 0x01;
  private static final int FORM_BLOCK2 = 0x03;
  private static final int FORM_BLOCK4 = 0x04;
  private static final int FORM_DATA2 = 0x05;
  private static final int FORM_DATA4 = 0x06;
  private static final int FORM_DATA8 = 0x07;
  private static final int FORM_STRING = 0x08;
  private static final int FORM_BLOCK = 0x09;
  private static final int FORM_BLOCK1 = 0x0a;
  private static final int FORM_DATA1 = 0x0b;
  private static final int FORM_FLAG = 0x0c;
  private static final int FORM_SDATA = 0x0d;
  private static final int FORM_STRP = 0x0e;
  private static final int FORM_UDATA = 0x0f;
  private static final int FORM_REF_ADDR = 0x10;
  private static final int FORM_REF1 = 0x11;
  private static final int FORM_REF2 = 0x12;
  private static final int FORM_REF4 = 0x13;
  private static final int FORM_REF8 = 0x14;
  private static final int FORM_REF_UDATA = 0x15;
  private static final int FORM_INDIRECT = 0x16;
  private static final int FORM_SEC_OFFSET = 0x17;
  private static final int FORM_EXPRLOC = 0x18;
  private static final int FORM_FLAG_PRESENT = 0x19;
  private static final int FORM_STRX = 0x1a;
  private static final int FORM_ADDRX = 0x1b;
  private static final int FORM_REF_SUP4 = 0x1c;
  private static final int FORM_STRP_SUP = 0x1d;
  private static final int FORM_DATA16 = 0x1e;
  private static final int FORM_LINE_STRP = 0x1f;
  private static final int FORM_REF_SIG8 = 0x20;
  private static final int FORM_IMPLICIT_CONST = 0x21;
  private static final int FORM_LOCLISTX = 0x22;
  private static final int FORM_RNGLISTX = 0x23;
  private static final int FORM_REF_SUP8 = 0x24;
  private static final int FORM_STRX1 = 0x25;
  private static final int FORM_STRX2 = 0x26;
  private static final int FORM_STRX3 = 0x27;
  private static final int FORM_STRX4 = 0x28;
  private static final int FORM_ADDRX1 = 0x29;
  private static final int FORM_ADDRX2 = 0x2a;
  private static final int FORM_ADDRX3 = 0x2b;
  private static final int FORM_ADDRX4 = 0x2c;

  private static final int OP_PLUS_UCONST = 0x23;

  /** Compilers emit about twenty; more than this is damage, and would cost much time. */
  private static final int MAX_ATTRIBUTES = 256;

  /** A debugging information entry (2.1), reduced to the attributes that are asked for. */
  static final class Entry {
    final int tag;
    final long offset;

    /** Whether the entry stands at file scope, directly below its unit. */
    final boolean topLevel;

    String name;

    /** The offset of the entry of its type, or -1: none, which for C means void. */
    long type = -1;

    /** The entry that this one completes (DW_AT_abstract_origin, DW_AT_specification), or -1. */
    long origin = -1;

    long byteSize = -1;
    long count = -1;
    int encoding;
    long alignment;
    long memberOffset = -1;

    /** Where a bit field begins, counted from the start of the struct, or -1. */
    long bitOffset = -1;

    /** DWARF 3's count from the most significant bit of the field's storage unit, or -1. */
    long bitsAbove = -1;

    long bitSize;
    int line;
    String file;
    boolean external;
    boolean prototyped;
    boolean declaration;

    /** Whether the file holds the code: DW_AT_low_pc or DW_AT_ranges (2.17). */
    boolean hasCode;

    boolean vector;
    List<Entry> children = List.of();

    Entry(int tag, long offset, boolean topLevel) {
      this.tag = tag;
      this.offset = offset;
      this.topLevel = topLevel;
    }

    private void add(Entry child) {
      if (children.isEmpty()) {
        children = new ArrayList<>();
      }
      children.add(child);
    }
  }

  /** An abbreviation (7.5.3): the shape that many entries share. */
  private static final class Abbreviation {
    int tag;
    boolean hasChildren;

    /** Three numbers an attribute: its name, its form, the value of an implicit constant. */
    long[] attributes;
  }

  /** What the header of a unit says (7.5.1), and the tables that belong to it. */
  private static final class Unit {
    int version;
    int addressSize;

    /** The size of an offset into a section: 4 bytes, or 8 in the 64-bit format (7.4). */
    int offsetSize;

    long start;
    long stringOffsetsBase;
    String[] files = {};
    Map<Long, Abbreviation> abbreviations;
  }

  private final ByteCursor info;
  private final ByteCursor abbrev;
  private final ByteCursor strings;
  private final ByteCursor lineStrings;
  private final ByteCursor stringOffsets;
  private final ByteCursor lines;
  private final Map<Long, Map<Long, Abbreviation>> abbreviationTables = new HashMap<>();
  private final List<Entry> entries = new ArrayList<>();

  private DwarfReader(ObjectFile object) {
    info = object.section(".debug_info");
    abbrev = object.section(".debug_abbrev");
    strings = object.section(".debug_str");
    lineStrings = object.section(".debug_line_str");
    stringOffsets = object.section(".debug_str_offsets");
    lines = object.section(".debug_line");
  }

  /** The entries of all units in the order of their offsets; none where there is no DWARF. */
  static List<Entry> read(ObjectFile object) throws IOException {
    DwarfReader reader = new DwarfReader(object);
    if (reader.info != null && reader.abbrev != null) {
      while (reader.info.remaining() > 0) {
        reader.readUnit();
      }
    }
    return reader.entries;
  }

  /** A unit: its header (7.5.1.1), then the tree of its entries in prefix order (2.3). */
  private void readUnit() throws IOException {
    Unit unit = new Unit();
    unit.start = info.position();
    long length = readLength(info, unit);
    ByteCursor cursor = info.until(info.position() + checked(length));
    info.skip(length);
    unit.version = cursor.u16();
    if (unit.version < 2 || unit.version > 5) {
      return; // of a standard to come: its length lets us step over it
    }
    long abbreviationsAt;
    if (unit.version == 5) {
      int unitType = cursor.u8();
      unit.addressSize = cursor.u8();
      abbreviationsAt = cursor.unsigned(unit.offsetSize);
      if (unitType != 0x01 && unitType != 0x03) {
        return; // neither DW_UT_compile nor DW_UT_partial: types and split units hold no functions
      }
    } else {
      abbreviationsAt = cursor.unsigned(unit.offsetSize);
      unit.addressSize = cursor.u8();
    }
    if (unit.addressSize < 1 || unit.addressSize > 8) {
      throw damaged("an address of " + unit.addressSize + " bytes");
    }
    unit.abbreviations = abbreviations(abbreviationsAt);
    readUnitEntry(cursor.at(cursor.position()), unit);
    readEntries(cursor, unit);
  }

  /** The unit's own entry is read ahead: its attributes say how to read all others (3.1.1). */
  private void readUnitEntry(ByteCursor cursor, Unit unit) throws IOException {
    Abbreviation shape = cursor.remaining() == 0 ? null : abbreviation(cursor, unit);
    if (shape == null) {
      return;
    }
    long lineTable = -1;
    unit.stringOffsetsBase = unit.offsetSize == 8 ? 16 : 8; // just behind the header, 7.26
    for (int i = 0; i < shape.attributes.length; i += 3) {
      int form = (int) shape.attributes[i + 1];
      long value = readValue(cursor, form, shape.attributes[i + 2], unit);
      if (shape.attributes[i] == AT_STR_OFFSETS_BASE) {
        unit.stringOffsetsBase = value;
      } else if (shape.attributes[i] == AT_STMT_LIST) {
        lineTable = value;
      }
    }
    if (lineTable >= 0 && lines != null) {
      unit.files = readFileNames(lines.at(lineTable), unit);
    }
  }

  private void readEntries(ByteCursor cursor, Unit unit) throws IOException {
    List<Entry> parents = new ArrayList<>();
    while (cursor.remaining() > 0) {
      long offset = cursor.position();
      Abbreviation shape = abbreviation(cursor, unit);
      if (shape == null) { // a null entry ends a list of siblings
        if (!parents.isEmpty()) {
          parents.remove(parents.size() - 1);
        }
        continue;
      }
      Entry entry = isWanted(shape.tag) ? new Entry(shape.tag, offset, parents.size() == 1) : null;
      readAttributes(cursor, shape, unit, entry);
      if (entry != null) {
        entries.add(entry);
        Entry parent = parents.isEmpty() ? null : parents.get(parents.size() - 1);
        if (parent != null) {
          parent.add(entry);
        }
      }
      if (shape.hasChildren) {
        parents.add(entry);
      }
    }
  }

  private static boolean isWanted(int tag) {
    switch (tag) {
      case TAG_ARRAY_TYPE:
      case TAG_ENUMERATION_TYPE:
      case TAG_FORMAL_PARAMETER:
      case TAG_MEMBER:
      case TAG_POINTER_TYPE:
      case TAG_STRUCTURE_TYPE:
      case TAG_SUBROUTINE_TYPE:
      case TAG_TYPEDEF:
      case TAG_UNION_TYPE:
      case TAG_UNSPECIFIED_PARAMETERS:
      case TAG_SUBRANGE_TYPE:
      case TAG_BASE_TYPE:
      case TAG_CONST_TYPE:
      case TAG_SUBPROGRAM:
      case TAG_VOLATILE_TYPE:
      case TAG_RESTRICT_TYPE:
      case TAG_UNSPECIFIED_TYPE:
      case TAG_ATOMIC_TYPE:
        return true;
      default:
        return false;
    }
  }

  private void readAttributes(ByteCursor cursor, Abbreviation shape, Unit unit, Entry entry)
      throws IOException {
    long[] attributes = shape.attributes;
    for (int i = 0; i < attributes.length; i += 3) {
      int form = (int) attributes[i + 1];
      long implicit = attributes[i + 2];
      while (form == FORM_INDIRECT) {
        form = (int) cursor.uleb();
        if (form == FORM_IMPLICIT_CONST) {
          implicit = cursor.sleb();
        }
      }
      if (entry == null) {
        readValue(cursor, form, implicit, unit);
        continue;
      }
      switch ((int) attributes[i]) {
        case AT_NAME -> entry.name = readString(cursor, form, unit);
        case AT_TYPE -> entry.type = readReference(cursor, form, unit);
        case AT_ABSTRACT_ORIGIN, AT_SPECIFICATION ->
            entry.origin = readReference(cursor, form, unit);
        case AT_DATA_MEMBER_LOCATION -> entry.memberOffset = readMemberOffset(cursor, form, unit);
        case AT_BYTE_SIZE -> entry.byteSize = readConstant(cursor, form, implicit, unit);
        case AT_BIT_SIZE -> entry.bitSize = readConstant(cursor, form, implicit, unit);
        case AT_DATA_BIT_OFFSET -> entry.bitOffset = readConstant(cursor, form, implicit, unit);
        case AT_BIT_OFFSET -> entry.bitsAbove = readConstant(cursor, form, implicit, unit);
        case AT_ALIGNMENT -> entry.alignment = readConstant(cursor, form, implicit, unit);
        case AT_ENCODING -> entry.encoding = (int) readConstant(cursor, form, implicit, unit);
        case AT_COUNT -> entry.count = readConstant(cursor, form, implicit, unit);
        case AT_UPPER_BOUND -> {
          if (isConstant(form)) {
            entry.count = readValue(cursor, form, implicit, unit) + 1;
          } else {
            readValue(cursor, form, implicit, unit); // computed at run time
          }
        }
        case AT_DECL_FILE -> {
          long index = readConstant(cursor, form, implicit, unit);
          if (index >= 0 && index < unit.files.length) {
            entry.file = unit.files[(int) index];
          }
        }
        case AT_DECL_LINE -> entry.line = (int) readConstant(cursor, form, implicit, unit);
        case AT_EXTERNAL -> entry.external = readValue(cursor, form, implicit, unit) != 0;
        case AT_PROTOTYPED -> entry.prototyped = readValue(cursor, form, implicit, unit) != 0;
        case AT_DECLARATION -> entry.declaration = readValue(cursor, form, implicit, unit) != 0;
        case AT_LOW_PC, AT_RANGES -> {
          readValue(cursor, form, implicit, unit);
          entry.hasCode = true;
        }
        case AT_GNU_VECTOR -> entry.vector = readValue(cursor, form, implicit, unit) != 0;
        default -> readValue(cursor, form, implicit, unit);
      }
    }
  }

  /** A constant; -1 where the attribute is an expression or a reference, known only at run time. */
  private long readConstant(ByteCursor cursor, int form, long implicit, Unit unit)
      throws IOException {
    long value = readValue(cursor, form, implicit, unit);
    return isConstant(form) ? value : -1;
  }

  private static boolean isConstant(int form) {
    return form == FORM_DATA1
        || form == FORM_DATA2
        || form == FORM_DATA4
        || form == FORM_DATA8
        || form == FORM_UDATA
        || form == FORM_SDATA
        || form == FORM_IMPLICIT_CONST;
  }

  /** The offset of the entry referred to (7.5.5), or -1 if that is in another file. */
  private long readReference(ByteCursor cursor, int form, Unit unit) throws IOException {
    long value = readValue(cursor, form, 0, unit);
    switch (form) {
      case FORM_REF1:
      case FORM_REF2:
      case FORM_REF4:
      case FORM_REF8:
      case FORM_REF_UDATA:
        return unit.start + value;
      case FORM_REF_ADDR:
        return value;
      default:
        return Long.MAX_VALUE; // in a type unit or a supplementary file: no entry is there
    }
  }

  /** A member's offset (5.7.6): a constant; until DWARF 3, an expression that adds it. */
  private long readMemberOffset(ByteCursor cursor, int form, Unit unit) throws IOException {
    if (isConstant(form)) {
      return readValue(cursor, form, 0, unit);
    }
    int from = cursor.position();
    readValue(cursor, form, 0, unit);
    if (form != FORM_BLOCK1 && form != FORM_EXPRLOC) {
      return -1;
    }
    ByteCursor block = cursor.at(from);
    block.uleb(); // its length, below 128, so that FORM_BLOCK1 reads the same
    return block.u8() == OP_PLUS_UCONST ? block.uleb() : -1;
  }

  /** A string, in place, by offset or by index (7.5.5). */
  private String readString(ByteCursor cursor, int form, Unit unit) throws IOException {
    if (form == FORM_STRING) {
      return cursor.string();
    }
    long value = readValue(cursor, form, 0, unit);
    switch (form) {
      case FORM_STRP:
        return section(strings, ".debug_str").at(value).string();
      case FORM_LINE_STRP:
        return section(lineStrings, ".debug_line_str").at(value).string();
      case FORM_STRX:
      case FORM_STRX1:
      case FORM_STRX2:
      case FORM_STRX3:
      case FORM_STRX4:
        long entry = unit.stringOffsetsBase + checked(value) * unit.offsetSize;
        long offset =
            section(stringOffsets, ".debug_str_offsets").at(entry).unsigned(unit.offsetSize);
        return section(strings, ".debug_str").at(offset).string();
      default:
        return null; // in a supplementary file
    }
  }

  /** Reads a value of any form, or steps over it; blocks and strings in place give 0. */
  private long readValue(ByteCursor cursor, int form, long implicit, Unit unit) throws IOException {
    switch (form) {
      case FORM_ADDR:
        return cursor.unsigned(unit.addressSize);
      case FORM_DATA1:
      case FORM_FLAG:
      case FORM_REF1:
      case FORM_STRX1:
      case FORM_ADDRX1:
        return cursor.u8();
      case FORM_DATA2:
      case FORM_REF2:
      case FORM_STRX2:
      case FORM_ADDRX2:
        return cursor.unsigned(2);
      case FORM_STRX3:
      case FORM_ADDRX3:
        return cursor.unsigned(3);
      case FORM_DATA4:
      case FORM_REF4:
      case FORM_STRX4:
      case FORM_ADDRX4:
      case FORM_REF_SUP4:
        return cursor.unsigned(4);
      case FORM_DATA8:
      case FORM_REF8:
      case FORM_REF_SIG8:
      case FORM_REF_SUP8:
        return cursor.unsigned(8);
      case FORM_DATA16:
        cursor.skip(16);
        return 0;
      case FORM_SDATA:
        return cursor.sleb();
      case FORM_UDATA:
      case FORM_REF_UDATA:
      case FORM_STRX:
      case FORM_ADDRX:
      case FORM_LOCLISTX:
      case FORM_RNGLISTX:
        return cursor.uleb();
      case FORM_STRP:
      case FORM_LINE_STRP:
      case FORM_SEC_OFFSET:
      case FORM_STRP_SUP:
        return cursor.unsigned(unit.offsetSize);
      case FORM_REF_ADDR:
        return cursor.unsigned(unit.version == 2 ? unit.addressSize : unit.offsetSize);
      case FORM_FLAG_PRESENT:
        return 1;
      case FORM_IMPLICIT_CONST:
        return implicit;
      case FORM_STRING:
        cursor.skipString();
        return 0;
      case FORM_BLOCK1:
        cursor.skip(cursor.u8());
        return 0;
      case FORM_BLOCK2:
        cursor.skip(cursor.u16());
        return 0;
      case FORM_BLOCK4:
        cursor.skip(cursor.u32());
        return 0;
      case FORM_BLOCK:
      case FORM_EXPRLOC:
        cursor.skip(cursor.uleb());
        return 0;
      case FORM_INDIRECT:
        return readValue(cursor, directForm(cursor), implicit, unit);
      default:
        throw damaged("a form of attribute 0x" + Integer.toHexString(form));
    }
  }

  private static int directForm(ByteCursor cursor) throws IOException {
    int form = (int) cursor.uleb();
    if (form == FORM_INDIRECT || form == FORM_IMPLICIT_CONST) {
      throw damaged("an indirect form that is indirect itself");
    }
    return form;
  }

  /** The shape of the entry at the cursor, or null for a null entry (7.5.2). */
  private static Abbreviation abbreviation(ByteCursor cursor, Unit unit) throws IOException {
    long code = cursor.uleb();
    if (code == 0) {
      return null;
    }
    Abbreviation shape = unit.abbreviations.get(code);
    if (shape == null) {
      throw damaged("an entry of the undefined shape " + code);
    }
    return shape;
  }

  /** The table of abbreviations at an offset of .debug_abbrev (7.5.3). */
  private Map<Long, Abbreviation> abbreviations(long offset) throws IOException {
    Map<Long, Abbreviation> table = abbreviationTables.get(offset);
    if (table != null) {
      return table;
    }
    table = new HashMap<>();
    abbreviationTables.put(offset, table);
    ByteCursor cursor = abbrev.at(offset);
    long[] attributes = new long[3 * MAX_ATTRIBUTES];
    for (long code = cursor.uleb(); code != 0; code = cursor.uleb()) {
      Abbreviation shape = new Abbreviation();
      shape.tag = (int) cursor.uleb();
      shape.hasChildren = cursor.u8() != 0;
      int used = 0;
      while (true) {
        long name = cursor.uleb();
        long form = cursor.uleb();
        long implicit = form == FORM_IMPLICIT_CONST ? cursor.sleb() : 0;
        if (name == 0 && form == 0) {
          break;
        }
        if (used == attributes.length) {
          throw damaged("an entry of more than " + MAX_ATTRIBUTES + " attributes");
        }
        attributes[used++] = name;
        attributes[used++] = form;
        attributes[used++] = implicit;
      }
      shape.attributes = Arrays.copyOf(attributes, used);
      table.put(code, shape);
    }
    return table;
  }

  /**
   * The file names of a line number program (6.2.4), at the indexes that DW_AT_decl_file uses.
   *
   * <p>A name is given as the compiler was given it: relative to the directory in which it ran,
   * unless it was absolute, or whatever a {@code #line} directive said.
   */
  private String[] readFileNames(ByteCursor table, Unit user) throws IOException {
    Unit unit = new Unit();
    long length = readLength(table, unit);
    ByteCursor cursor = table.until(table.position() + checked(length));
    unit.version = cursor.u16();
    unit.addressSize = user.addressSize;
    unit.stringOffsetsBase = user.stringOffsetsBase;
    if (unit.version < 2 || unit.version > 5) {
      return new String[] {};
    }
    if (unit.version == 5) {
      cursor.skip(2); // address_size, segment_selector_size
    }
    cursor.skip(unit.offsetSize); // header_length
    cursor.skip(unit.version >= 4 ? 5 : 4); // up to line_range
    int opcodeBase = cursor.u8();
    cursor.skip(Math.max(0, opcodeBase - 1)); // standard_opcode_lengths
    return unit.version == 5 ? fileNames5(cursor, unit) : fileNames4(cursor);
  }

  /** DWARF 5: two tables that describe their own columns; entry 0 is the unit's own. */
  private String[] fileNames5(ByteCursor cursor, Unit unit) throws IOException {
    String[] directories = readNameTable(cursor, unit, null);
    return readNameTable(cursor, unit, directories);
  }

  private String[] readNameTable(ByteCursor cursor, Unit unit, String[] directories)
      throws IOException {
    int columns = cursor.u8();
    long[] format = new long[2 * columns];
    for (int i = 0; i < format.length; i++) {
      format[i] = cursor.uleb();
    }
    long count = cursor.uleb();
    if (count < 0 || count > cursor.remaining()) {
      throw damaged("a table of " + count + " file names");
    }
    String[] names = new String[(int) count];
    for (int i = 0; i < names.length; i++) {
      String name = "";
      long directory = 0;
      for (int column = 0; column < format.length; column += 2) {
        int form = (int) format[column + 1];
        if (format[column] == 1) { // DW_LNCT_path
          name = String.valueOf(readString(cursor, form, unit));
        } else if (format[column] == 2) { // DW_LNCT_directory_index
          directory = readValue(cursor, form, 0, unit);
        } else {
          readValue(cursor, form, 0, unit);
        }
      }
      names[i] = directories == null ? name : join(directories, directory, name);
    }
    return names;
  }

  /** Until DWARF 4: strings up to an empty one, directories then files; both count from 1. */
  private static String[] fileNames4(ByteCursor cursor) throws IOException {
    List<String> directories = new ArrayList<>();
    directories.add(""); // directory 0 is the one the compiler ran in
    for (String name = cursor.string(); !name.isEmpty(); name = cursor.string()) {
      directories.add(name);
    }
    String[] directoryNames = directories.toArray(new String[0]);
    List<String> files = new ArrayList<>();
    files.add(null); // file 0 means that no file is known
    for (String name = cursor.string(); !name.isEmpty(); name = cursor.string()) {
      long directory = cursor.uleb();
      cursor.uleb(); // time of last change
      cursor.uleb(); // length
      files.add(join(directoryNames, directory, name));
    }
    return files.toArray(new String[0]);
  }

  private static String join(String[] directories, long directory, String name) {
    if (name.startsWith("/") || directory <= 0 || directory >= directories.length) {
      return name;
    }
    return directories[(int) directory].concat("/").concat(name);
  }

  /** The initial length of a unit (7.4), which also tells the 32-bit from the 64-bit format. */
  private static long readLength(ByteCursor cursor, Unit unit) throws IOException {
    long length = cursor.u32();
    unit.offsetSize = 4;
    if (length == 0xffffffffL) {
      unit.offsetSize = 8;
      length = cursor.u64();
    }
    return length;
  }

  /** Keeps sums of offsets from overflowing; no section is that large. */
  private static long checked(long value) throws IOException {
    if (value < 0 || value > Integer.MAX_VALUE) {
      throw damaged("an offset of " + value);
    }
    return value;
  }

  private static ByteCursor section(ByteCursor section, String name) throws IOException {
    if (section == null) {
      throw new IOException("The debug information is damaged: it has no section " + name + ".");
    }
    return section;
  }

  private static IOException damaged(String what) {
    return new IOException("The debug information is damaged: it has " + what + ".");
  }
}
