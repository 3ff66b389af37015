package greenthreads.lab.binary;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.InflaterInputStream;

/**
 * A compiled file in its sections: a 64-bit little-endian ELF library (Linux), a 64-bit Mach-O
 * object or dSYM file (macOS), or a PE program or library (Windows).
 *
 * <p>The sections with DWARF carry their ELF names on all; of Mach-O and PE there are no others. A
 * Mach-O library holds no DWARF; it stays in the object file that the library was linked from,
 * where it needs no relocation.
 *
 * @param sections in the order of the file, by which they refer to each other
 * @param extent how many bytes of address space the loaded file takes; 0 if that is not known
 */
record ObjectFile(List<Section> sections, long extent) {
  private static final int ELF_MAGIC = 0x464c457f;
  private static final int MACH_O_MAGIC_64 = 0xfeedfacf;
  private static final int DOS_MAGIC = 0x5a4d;
  private static final int PE_MAGIC = 0x4550;

  private static final int ET_REL = 1;
  private static final int PT_LOAD = 1;
  private static final int SHT_NOBITS = 8;
  private static final int SHF_COMPRESSED = 0x800;
  private static final int ELFCOMPRESS_ZLIB = 1;
  private static final int LC_SEGMENT_64 = 0x19;

  /** Far above any library of the lab; what is larger is not one of them. */
  private static final int MAX_BYTES = 64 << 20;

  /**
   * A section. All but its name and content is what ELF says of it, else 0.
   *
   * @param name its name
   * @param type what it holds (SHT_…)
   * @param flags how it is used (SHF_…)
   * @param end the offset in the loaded file behind its last byte
   * @param link the index of the section with its strings
   * @param content its bytes
   */
  record Section(String name, int type, long flags, long end, int link, ByteCursor content) {
    Section(String name, ByteCursor content) {
      this(name, 0, 0, 0, 0, content);
    }

    /** A cursor at its start. */
    public ByteCursor content() {
      return content.at(0);
    }
  }

  /**
   * @throws IOException if the file cannot be read, is of another kind, or is damaged
   */
  static ObjectFile read(Path path) throws IOException {
    String name = String.valueOf(path.getFileName());
    if (Files.size(path) > MAX_BYTES) {
      throw new IOException(name + " is larger than 64 MiB: it is not read.");
    }
    ByteCursor file = ByteCursor.over(Files.readAllBytes(path));
    int magic = file.remaining() < 4 ? 0 : (int) file.u32();
    try {
      if (magic == ELF_MAGIC) {
        return elf(name, file);
      } else if (magic == MACH_O_MAGIC_64) {
        return new ObjectFile(machO(file), 0);
      } else if ((magic & 0xffff) == DOS_MAGIC) {
        return new ObjectFile(pe(name, file), 0);
      }
    } catch (IndexOutOfBoundsException e) {
      throw new IOException(name + " is damaged: it refers to what lies outside it.", e);
    }
    throw new IOException(
        name + " is neither a 64-bit ELF or Mach-O file nor a PE file of Windows.");
  }

  /** A section's content, without the compression that a linker may have put on it. */
  Optional<ByteCursor> content(String name) throws IOException {
    Optional<Section> found = sections.stream().filter(s -> s.name.equals(name)).findFirst();
    if (found.isPresent() && (found.get().flags & SHF_COMPRESSED) != 0) {
      return Optional.of(inflate(name, found.get().content()));
    }
    return found.map(Section::content);
  }

  // ELF: System V ABI, chapters 4 and 5

  private static ObjectFile elf(String name, ByteCursor file) throws IOException {
    if (file.u8() != 2 || file.u8() != 1) {
      throw new IOException(name + " is an ELF file, but not a 64-bit little-endian one.");
    }
    if (file.at(0x10).u16() == ET_REL) {
      throw new IOException(name + " is an object file: link it first, its DWARF is relocatable.");
    }
    ByteCursor header = file.at(0x20);
    long segments = header.u64();
    long table = header.u64();
    header.skip(6); // e_flags, e_ehsize
    int segmentSize = header.u16();
    int segmentCount = header.u16();
    int sectionSize = header.u16();
    int sectionCount = header.u16();
    int namesIndex = header.u16();
    long extent = 0;
    for (int i = 0; i < segmentCount; i++) {
      ByteCursor segment = file.at(segments + (long) segmentSize * i);
      if (segment.u32() == PT_LOAD) {
        segment.skip(12); // p_flags, p_offset
        long address = segment.u64();
        segment.skip(16); // p_paddr, p_filesz
        extent = Math.max(extent, address + segment.u64());
      }
    }
    var sections = new ArrayList<Section>();
    if (sectionCount > 0) { // else it is fully stripped
      ByteCursor names = elfSection(file, table + (long) sectionSize * namesIndex, "").content;
      for (int i = 0; i < sectionCount; i++) {
        long at = table + (long) sectionSize * i;
        sections.add(elfSection(file, at, names.at(file.at(at).u32()).string()));
      }
    }
    return new ObjectFile(List.copyOf(sections), extent);
  }

  private static Section elfSection(ByteCursor file, long at, String name) {
    ByteCursor header = file.at(at);
    header.skip(4); // sh_name
    int type = (int) header.u32();
    long flags = header.u64();
    long address = header.u64();
    long offset = header.u64();
    long size = header.u64();
    int link = (int) header.u32();
    ByteCursor content = type == SHT_NOBITS ? file.range(0, 0) : file.range(offset, size);
    return new Section(name, type, flags, address + size, link, content);
  }

  /** What a linker compressed: an Elf64_Chdr, then the data. */
  private static ByteCursor inflate(String name, ByteCursor section) throws IOException {
    long algorithm = section.u32();
    section.skip(4);
    long size = section.u64();
    section.skip(8);
    if (algorithm != ELFCOMPRESS_ZLIB || size < 0 || size > MAX_BYTES) {
      throw new IOException(name + " is compressed, but not with zlib: link without compression.");
    }
    try (var in = new InflaterInputStream(new ByteArrayInputStream(section.rest()))) {
      return ByteCursor.over(in.readNBytes((int) size));
    } catch (IOException e) {
      throw new IOException(name + " is damaged: its compressed data cannot be read.", e);
    }
  }

  /** OS X ABI Mach-O File Format Reference: mach_header_64, segment_command_64, section_64. */
  private static List<Section> machO(ByteCursor file) {
    var sections = new ArrayList<Section>();
    long commands = file.at(16).u32();
    ByteCursor command = file.at(32);
    for (long i = 0; i < commands; i++) {
      ByteCursor body = file.at(command.position());
      long type = body.u32();
      command.skip(Math.max(8, body.u32()));
      if (type == LC_SEGMENT_64) {
        body.skip(56); // up to nsects
        long count = body.u32();
        body.skip(4); // flags
        for (long n = 0; n < count; n++) {
          addMachOSection(file, body.take(80), sections);
        }
      }
    }
    return sections;
  }

  private static void addMachOSection(ByteCursor file, ByteCursor header, List<Section> sections) {
    String name = header.padded(16);
    String segment = header.padded(16);
    header.skip(8); // addr
    long size = header.u64();
    long offset = header.u32();
    if (segment.equals("__DWARF") && name.startsWith("__debug_")) {
      sections.add(new Section("." + name.substring(2), file.range(offset, size)));
    }
  }

  /** PE Format: the COFF file header, the section table and the string table behind the symbols. */
  private static List<Section> pe(String fileName, ByteCursor file) throws IOException {
    ByteCursor header = file.at(file.at(0x3c).u32());
    if (header.u32() != PE_MAGIC) {
      throw new IOException(fileName + " begins like a program for DOS, but is none for Windows.");
    }
    header.skip(2); // Machine
    int count = header.u16();
    header.skip(4); // TimeDateStamp
    long symbols = header.u32();
    long strings = symbols + 18 * header.u32();
    int optional = header.u16();
    header.skip(2 + optional); // Characteristics, the optional header
    var sections = new ArrayList<Section>();
    for (int i = 0; i < count; i++) {
      ByteCursor section = header.take(40);
      String name = section.padded(8);
      long size = section.u32();
      section.skip(4); // VirtualAddress
      long stored = section.u32();
      long offset = section.u32();
      if (symbols != 0 && name.matches("/\\d+")) { // too long for its eight bytes
        name = file.at(strings + Long.parseLong(name.substring(1))).string();
      }
      if (name.startsWith(".debug_")) {
        sections.add(new Section(name, file.range(offset, Math.min(size, stored))));
      }
    }
    return sections;
  }
}
