package greenthreads.lab.binary;

import greenthreads.lab.binary.Entry.Attribute;
import greenthreads.lab.binary.Entry.Reference;
import greenthreads.lab.binary.Entry.Tag;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads the debugging information entries that describe functions and types out of the DWARF 4 of a
 * compiled file: the version that the lab asks every compiler for.
 *
 * <p>Section numbers in this file are those of the <a
 * href="https://dwarfstd.org/dwarf4std.html">DWARF 4 standard</a>. One pass over {@code
 * .debug_info} keeps what {@link Entry} has words for and steps over the rest: an attribute that is
 * not known has a form, which says how long it is (7.5.4).
 */
final class DwarfReader {
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
  private static final int FORM_REF4 = 0x13;
  private static final int FORM_SEC_OFFSET = 0x17;
  private static final int FORM_EXPRLOC = 0x18;
  private static final int FORM_FLAG_PRESENT = 0x19;

  /** The shape that many entries share (7.5.3). */
  private record Abbreviation(Optional<Tag> tag, boolean hasChildren, List<Field> fields) {}

  private record Field(Optional<Attribute> attribute, int form) {}

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
      return; // not ours: that of a library that was linked in
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
      Map<Attribute, Object> attributes = attributes(unit, shape, start);
      if (attributes.get(Attribute.STMT_LIST) instanceof Long table) {
        files = fileNames(lines.at(table));
      }
      Entry entry = null;
      if (shape.tag.isPresent()) {
        String file = file(files, attributes);
        entry = new Entry(shape.tag.get(), offset, parents.size() == 1, file, attributes);
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

  private static String file(List<String> files, Map<Attribute, Object> attributes) {
    // Files are counted from 1; 0 means that none is known.
    return attributes.get(Attribute.DECL_FILE) instanceof Long file
            && file > 0
            && file <= files.size()
        ? files.get(file.intValue() - 1)
        : null;
  }

  private Map<Attribute, Object> attributes(ByteCursor unit, Abbreviation shape, long start)
      throws IOException {
    var attributes = new EnumMap<Attribute, Object>(Attribute.class);
    for (Field field : shape.fields) {
      Object value = value(unit, field.form, start);
      if (value != null && field.attribute.isPresent()) {
        attributes.put(field.attribute.get(), value);
      }
    }
    return attributes;
  }

  /**
   * A number, a string or a {@link Reference} (7.5.4); null for an expression or a block, whose
   * value is known only at run time.
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
      case FORM_REF4 -> new Reference(start + unit.u32());
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
      Optional<Tag> tag = Tag.of(cursor.uleb());
      boolean hasChildren = cursor.u8() != 0;
      var fields = new ArrayList<Field>();
      long name = cursor.uleb();
      int form = (int) cursor.uleb();
      while (name != 0 || form != 0) {
        fields.add(new Field(Attribute.of(name), form));
        name = cursor.uleb();
        form = (int) cursor.uleb();
      }
      table.put(code, new Abbreviation(tag, hasChildren, fields));
    }
    return table;
  }

  /**
   * The file names of a line number program (6.2.4) in the order in which DW_AT_decl_file counts.
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
    header.skip(header.u8() - 1L); // opcode_base tells how many standard_opcode_lengths follow
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
