package greenthreads.lab.binary;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads the debugging information entries that describe functions and types out of the DWARF 4 of a
 * compiled file: the version that the lab asks every compiler for.
 *
 * <p>Section numbers in this file are those of the <a
 * href="https://dwarfstd.org/dwarf4std.html">DWARF 4 standard</a>. One pass over {@code
 * .debug_info} keeps the few tags a C interface is made of and steps over the rest.
 */
final class DwarfReader {
  // Tags, 7.5.4.
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

  /** Of DWARF 5; compilers use it earlier. */
  static final int TAG_ATOMIC_TYPE = 0x47;

  private static final Set<Integer> TAGS =
      Set.of(
          TAG_ARRAY_TYPE,
          TAG_ENUMERATION_TYPE,
          TAG_FORMAL_PARAMETER,
          TAG_MEMBER,
          TAG_POINTER_TYPE,
          TAG_STRUCTURE_TYPE,
          TAG_SUBROUTINE_TYPE,
          TAG_TYPEDEF,
          TAG_UNION_TYPE,
          TAG_UNSPECIFIED_PARAMETERS,
          TAG_SUBRANGE_TYPE,
          TAG_BASE_TYPE,
          TAG_CONST_TYPE,
          TAG_SUBPROGRAM,
          TAG_VOLATILE_TYPE,
          TAG_RESTRICT_TYPE,
          TAG_UNSPECIFIED_TYPE,
          TAG_ATOMIC_TYPE);

  // Base type encodings, 7.8.
  static final int ENCODING_BOOLEAN = 0x02;
  static final int ENCODING_FLOAT = 0x04;
  static final int ENCODING_SIGNED = 0x05;
  static final int ENCODING_SIGNED_CHAR = 0x06;
  static final int ENCODING_UNSIGNED = 0x07;
  static final int ENCODING_UNSIGNED_CHAR = 0x08;
  static final int ENCODING_UTF = 0x10;

  // Attributes, 7.5.4.
  static final int AT_NAME = 0x03;
  static final int AT_BYTE_SIZE = 0x0b;
  static final int AT_BIT_SIZE = 0x0d;
  private static final int AT_STMT_LIST = 0x10;
  static final int AT_LOW_PC = 0x11;
  static final int AT_PROTOTYPED = 0x27;
  static final int AT_UPPER_BOUND = 0x2f;
  static final int AT_ABSTRACT_ORIGIN = 0x31;
  static final int AT_COUNT = 0x37;
  static final int AT_DATA_MEMBER_LOCATION = 0x38;
  private static final int AT_DECL_FILE = 0x3a;
  static final int AT_DECL_LINE = 0x3b;
  static final int AT_DECLARATION = 0x3c;
  static final int AT_ENCODING = 0x3e;
  static final int AT_EXTERNAL = 0x3f;
  static final int AT_SPECIFICATION = 0x47;
  static final int AT_TYPE = 0x49;
  static final int AT_RANGES = 0x55;

  /** Of DWARF 5; compilers use it earlier. */
  static final int AT_ALIGNMENT = 0x88;

  static final int AT_GNU_VECTOR = 0x2107;

  // Forms, 7.5.4.
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
  private static final int FORM_SEC_OFFSET = 0x17;
  private static final int FORM_EXPRLOC = 0x18;
  private static final int FORM_FLAG_PRESENT = 0x19;

  /** The value of an attribute that refers to another entry. */
  private record Reference(long offset) {}

  /** A debugging information entry (2.1). */
  static final class Entry {
    final int tag;
    final long offset;

    /** Whether the entry stands at file scope, directly below its unit. */
    final boolean topLevel;

    /** The source file that declares it, as the compiler was given it; null if it did not say. */
    final String file;

    final List<Entry> children = new ArrayList<>();

    /** Numbers, strings and references, by attribute. */
    private final Map<Integer, Object> attributes;

    private Entry(
        int tag, long offset, boolean topLevel, String file, Map<Integer, Object> attributes) {
      this.tag = tag;
      this.offset = offset;
      this.topLevel = topLevel;
      this.file = file;
      this.attributes = attributes;
    }

    /** Its name, or null. */
    String name() {
      return attributes.get(AT_NAME) instanceof String name ? name : null;
    }

    /** A number; {@code otherwise} where there is none, or only one that is known at run time. */
    long number(int attribute, long otherwise) {
      return attributes.get(attribute) instanceof Long number ? number : otherwise;
    }

    boolean has(int attribute) {
      return attributes.containsKey(attribute);
    }

    /** The offset of the entry that an attribute refers to, or -1. */
    long reference(int attribute) {
      return attributes.get(attribute) instanceof Reference reference ? reference.offset : -1;
    }

    /** The offset of the entry of its type, or -1: none, which for C means void. */
    long type() {
      return reference(AT_TYPE);
    }

    /** Whether a definition is elsewhere. */
    boolean isDeclaration() {
      return has(AT_DECLARATION);
    }

    /** Whether the file holds the code (2.17). */
    boolean hasCode() {
      return has(AT_LOW_PC) || has(AT_RANGES);
    }
  }

  /** The shape that many entries share (7.5.3). */
  private record Abbreviation(int tag, boolean hasChildren, List<Attribute> attributes) {}

  private record Attribute(int name, int form) {}

  private final ByteCursor info;
  private final ByteCursor abbrev;
  private final ByteCursor strings;
  private final ByteCursor lines;
  private final Map<Long, Entry> entries = new LinkedHashMap<>();

  private DwarfReader(ObjectFile object) throws IOException {
    ByteCursor none = ByteCursor.over(new byte[0]);
    info = object.content(".debug_info").orElse(none);
    abbrev = object.content(".debug_abbrev").orElse(none);
    strings = object.content(".debug_str").orElse(none);
    lines = object.content(".debug_line").orElse(none);
  }

  /**
   * The entries of all units by their offsets, in order; none where there is no DWARF 4.
   *
   * @throws IOException if the file is damaged, or holds what no compiler writes that we use
   */
  static Map<Long, Entry> read(ObjectFile object) throws IOException {
    var reader = new DwarfReader(object);
    try {
      while (reader.info.remaining() > 0) {
        reader.readUnit();
      }
    } catch (IndexOutOfBoundsException e) {
      throw new IOException("The debug information is damaged: it ends too early.", e);
    }
    return reader.entries;
  }

  /** A unit: its header (7.5.1.1), then the tree of its entries in prefix order (2.3). */
  private void readUnit() throws IOException {
    long start = info.position();
    long length = info.u32();
    ByteCursor unit = info.take(length);
    if (unit.u16() != 4) {
      return; // not ours: a library's that was linked in
    }
    Map<Long, Abbreviation> shapes = abbreviations(unit.u32());
    if (unit.u8() != 8) {
      throw damaged("addresses that are not of 8 bytes");
    }
    List<String> files = List.of();
    var parents = new ArrayList<Entry>();
    while (unit.remaining() > 0) {
      long offset = unit.position();
      long code = unit.uleb();
      if (code == 0) { // ends a list of siblings
        if (!parents.isEmpty()) {
          parents.removeLast();
        }
        continue;
      }
      Abbreviation shape = shapes.get(code);
      if (shape == null) {
        throw damaged("an entry of the undefined shape " + code);
      }
      Map<Integer, Object> attributes = attributes(unit, shape, start);
      if (attributes.get(AT_STMT_LIST) instanceof Long table) {
        files = fileNames(lines.at(table));
      }
      Entry entry = null;
      if (TAGS.contains(shape.tag)) {
        String file = file(files, attributes);
        entry = new Entry(shape.tag, offset, parents.size() == 1, file, attributes);
        entries.put(offset, entry);
        if (!parents.isEmpty() && parents.getLast() != null) {
          parents.getLast().children.add(entry);
        }
      }
      if (shape.hasChildren) {
        parents.add(entry);
      }
    }
  }

  private static String file(List<String> files, Map<Integer, Object> attributes) {
    boolean known =
        attributes.get(AT_DECL_FILE) instanceof Long index && index > 0 && index <= files.size();
    return known ? files.get(((Long) attributes.get(AT_DECL_FILE)).intValue() - 1) : null;
  }

  private Map<Integer, Object> attributes(ByteCursor unit, Abbreviation shape, long start)
      throws IOException {
    var attributes = new HashMap<Integer, Object>();
    for (Attribute attribute : shape.attributes) {
      Object value = value(unit, attribute.form, start);
      if (value != null) {
        attributes.put(attribute.name, value);
      }
    }
    return attributes;
  }

  /**
   * A number, a string or a reference (7.5.4); null for an expression or a block, whose value is
   * known only at run time.
   */
  private Object value(ByteCursor unit, int form, long start) throws IOException {
    return switch (form) {
      case FORM_DATA1, FORM_FLAG -> (long) unit.u8();
      case FORM_DATA2 -> (long) unit.u16();
      case FORM_DATA4, FORM_SEC_OFFSET -> unit.u32();
      case FORM_DATA8, FORM_ADDR -> unit.u64();
      case FORM_SDATA -> unit.sleb();
      case FORM_UDATA -> unit.uleb();
      case FORM_FLAG_PRESENT -> 1L;
      case FORM_STRING -> unit.string();
      case FORM_STRP -> strings.at(unit.u32()).string();
      case FORM_REF1 -> new Reference(start + unit.u8());
      case FORM_REF2 -> new Reference(start + unit.u16());
      case FORM_REF4 -> new Reference(start + unit.u32());
      case FORM_REF8 -> new Reference(start + unit.u64());
      case FORM_REF_UDATA -> new Reference(start + unit.uleb());
      case FORM_REF_ADDR -> new Reference(unit.u32());
      case FORM_BLOCK1 -> skip(unit, unit.u8());
      case FORM_BLOCK2 -> skip(unit, unit.u16());
      case FORM_BLOCK4 -> skip(unit, unit.u32());
      case FORM_BLOCK, FORM_EXPRLOC -> skip(unit, unit.uleb());
      default -> throw damaged("a form of attribute 0x" + Integer.toHexString(form));
    };
  }

  private static Object skip(ByteCursor unit, long length) {
    unit.skip(length);
    return null;
  }

  /** The table of abbreviations at an offset of .debug_abbrev, by their codes (7.5.3). */
  private Map<Long, Abbreviation> abbreviations(long offset) {
    var table = new HashMap<Long, Abbreviation>();
    ByteCursor cursor = abbrev.at(offset);
    for (long code = cursor.uleb(); code != 0; code = cursor.uleb()) {
      int tag = (int) cursor.uleb();
      boolean hasChildren = cursor.u8() != 0;
      var attributes = new ArrayList<Attribute>();
      int name = (int) cursor.uleb();
      int form = (int) cursor.uleb();
      while (name != 0 || form != 0) {
        attributes.add(new Attribute(name, form));
        name = (int) cursor.uleb();
        form = (int) cursor.uleb();
      }
      table.put(code, new Abbreviation(tag, hasChildren, attributes));
    }
    return table;
  }

  /**
   * The file names of a line number program (6.2.4), in the order in which DW_AT_decl_file counts
   * them from 1.
   *
   * <p>A name is given as the compiler was given it: relative to the directory in which it ran,
   * unless it was absolute, or whatever a {@code #line} directive said.
   */
  private static List<String> fileNames(ByteCursor header) {
    header.skip(4); // unit_length
    int version = header.u16(); // the assembler's: it may write an older one than the compiler
    if (version > 4) {
      return List.of();
    }
    header.skip(4); // header_length
    header.skip(version == 4 ? 5 : 4); // up to line_range
    header.skip(header.u8() - 1L); // opcode_base says how many standard_opcode_lengths there are
    var directories = new ArrayList<String>();
    for (String name = header.string(); !name.isEmpty(); name = header.string()) {
      directories.add(name);
    }
    var files = new ArrayList<String>();
    for (String name = header.string(); !name.isEmpty(); name = header.string()) {
      long directory = header.uleb(); // 0 is the one the compiler ran in
      header.uleb(); // time of last change
      header.uleb(); // length
      boolean isWhole = name.startsWith("/") || directory < 1 || directory > directories.size();
      files.add(isWhole ? name : directories.get((int) directory - 1) + "/" + name);
    }
    return files;
  }

  private static IOException damaged(String what) {
    return new IOException("The debug information is damaged: it has " + what + ".");
  }
}
