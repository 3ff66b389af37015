package greenthreads.lab.binary;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * The DWARF sections of a compiled file: a 64-bit little-endian ELF library (Linux), a 64-bit
 * Mach-O object or dSYM file (macOS), or a PE program or library (Windows).
 *
 * <p>The sections carry their ELF names on all. A Mach-O library holds no DWARF; it stays in the
 * object file that the library was linked from, where it needs no relocation.
 */
final class ObjectFile {
  private static final int ELF_MAGIC = 0x464c457f;
  private static final int MACH_O_MAGIC_64 = 0xfeedfacf;
  private static final int DOS_MAGIC = 0x5a4d;
  private static final int PE_MAGIC = 0x4550;

  /** Far above any library of the lab; what is larger is not one of them. */
  private static final long MAX_BYTES = 64L << 20;

  private final Map<String, ByteCursor> sections = new HashMap<>();

  private ObjectFile() {}

  static ObjectFile read(Path path) throws IOException {
    String name = String.valueOf(path.getFileName());
    if (Files.size(path) > MAX_BYTES) {
      throw new IOException(name + " is larger than 64 MiB: its debug information is not read.");
    }
    ByteCursor file = ByteCursor.over(name, Files.readAllBytes(path));
    int magic = file.size() < 4 ? 0 : (int) file.u32();
    ObjectFile object = new ObjectFile();
    if (magic == ELF_MAGIC) {
      object.readElf(name, file);
    } else if (magic == MACH_O_MAGIC_64) {
      object.readMachO(name, file);
    } else if ((magic & 0xffff) == DOS_MAGIC) {
      object.readPe(name, file);
    } else {
      throw new IOException(
          name + " is neither a 64-bit ELF or Mach-O file nor a PE file of Windows.");
    }
    return object;
  }

  /** A cursor at the start of the section, or null where the file has none of that name. */
  ByteCursor section(String name) {
    return sections.get(name);
  }

  /** System V ABI, chapter 4: the ELF header and the section header table. */
  private void readElf(String name, ByteCursor file) throws IOException {
    int elfClass = file.u8();
    int encoding = file.u8();
    if (elfClass != 2 || encoding != 1) {
      throw new IOException(name + " is an ELF file, but not a 64-bit little-endian one.");
    }
    file.seek(0x10);
    int type = file.u16();
    if (type == 1) {
      throw new IOException(name + " is an object file: link it first, its DWARF is relocatable.");
    }
    file.seek(0x28);
    long table = file.u64();
    file.seek(0x3a);
    int entrySize = file.u16();
    int count = file.u16();
    int namesIndex = file.u16();
    if (count == 0) {
      return; // no section headers: fully stripped
    }
    if (entrySize < 64 || namesIndex >= count) {
      throw new IOException(name + " is damaged: its section header table makes no sense.");
    }
    ByteCursor headers = file.range(name, table, (long) entrySize * count);
    ByteCursor names = elfSection(name, file, headers, (long) entrySize * namesIndex);
    for (int i = 1; i < count; i++) {
      long header = (long) entrySize * i;
      headers.seek(header);
      ByteCursor sectionName = names == null ? null : names.at(headers.u32());
      if (sectionName == null) {
        return;
      }
      String text = sectionName.string();
      if (text.startsWith(".debug_")) {
        ByteCursor section = elfSection(text, file, headers, header);
        if (section != null) {
          sections.put(text, section);
        }
      }
    }
  }

  private static ByteCursor elfSection(
      String name, ByteCursor file, ByteCursor headers, long header) throws IOException {
    headers.seek(header + 4);
    long type = headers.u32();
    long flags = headers.u64();
    headers.skip(8); // sh_addr
    long offset = headers.u64();
    long size = headers.u64();
    if (type == 8) {
      return null; // SHT_NOBITS: occupies no space in this file
    }
    ByteCursor section = file.range(name, offset, size);
    return (flags & 0x800) == 0 ? section : inflate(name, section); // SHF_COMPRESSED
  }

  /** A section that the linker compressed: an Elf64_Chdr, then the data. */
  private static ByteCursor inflate(String name, ByteCursor section) throws IOException {
    long algorithm = section.u32();
    section.skip(4);
    long size = section.u64();
    section.skip(8);
    if (algorithm != 1) {
      throw new IOException(name + " is compressed, but not with zlib: link without compression.");
    }
    if (size < 0 || size > MAX_BYTES) {
      throw new IOException(name + " is damaged: it claims to hold " + size + " bytes.");
    }
    byte[] data = new byte[(int) size];
    try (Inflater inflater = new Inflater()) {
      inflater.setInput(section.rest());
      int done = 0;
      while (done < data.length) {
        int more = inflater.inflate(data, done, data.length - done);
        if (more == 0) {
          throw new IOException(name + " is damaged: its compressed data ends early.");
        }
        done += more;
      }
    } catch (DataFormatException e) {
      throw new IOException(name + " is damaged: its compressed data cannot be read.", e);
    }
    return ByteCursor.over(name, data);
  }

  /** OS X ABI Mach-O File Format Reference: mach_header_64, segment_command_64, section_64. */
  private void readMachO(String name, ByteCursor file) throws IOException {
    file.seek(16);
    long commands = file.u32();
    long position = 32;
    for (long i = 0; i < commands; i++) {
      file.seek(position);
      long command = file.u32();
      long commandSize = file.u32();
      if (commandSize < 8) {
        throw new IOException(name + " is damaged: a load command has no size.");
      }
      ByteCursor body = file.range(name, position, commandSize);
      if (command == 0x19) { // LC_SEGMENT_64
        readMachOSegment(file, body);
      }
      position += commandSize;
    }
  }

  private void readMachOSegment(ByteCursor file, ByteCursor segment) throws IOException {
    segment.seek(64);
    long count = segment.u32();
    for (long i = 0; i < count; i++) {
      segment.seek(72 + 80 * i);
      String sectionName = segment.string(16);
      String segmentName = segment.string(16);
      segment.skip(8); // addr
      long size = segment.u64();
      long offset = segment.u32();
      if (segmentName.equals("__DWARF") && sectionName.startsWith("__debug_")) {
        // The field has 16 bytes, so that one name is cut short.
        String elfName =
            sectionName.equals("__debug_str_offs")
                ? ".debug_str_offsets"
                : "." + sectionName.substring(2);
        sections.put(elfName, file.range(elfName, offset, size));
      }
    }
  }

  /** PE Format: the COFF file header, the section table and the string table behind the symbols. */
  private void readPe(String name, ByteCursor file) throws IOException {
    file.seek(0x3c);
    long header = file.u32();
    file.seek(header);
    if (file.u32() != PE_MAGIC) {
      throw new IOException(name + " begins like a program for DOS, but is none for Windows.");
    }
    file.skip(2); // Machine
    int count = file.u16();
    file.skip(4); // TimeDateStamp
    long symbols = file.u32();
    long strings = symbols + 18 * file.u32();
    int optional = file.u16();
    for (int i = 0; i < count; i++) {
      file.seek(header + 24 + optional + 40L * i);
      String sectionName = file.string(8);
      long size = file.u32();
      file.skip(4); // VirtualAddress
      long stored = file.u32();
      long offset = file.u32();
      if (symbols != 0 && sectionName.matches("/\\d+")) { // too long for its eight bytes
        sectionName = file.at(strings + Long.parseLong(sectionName.substring(1))).string();
      }
      if (sectionName.startsWith(".debug_")) {
        sections.put(sectionName, file.range(sectionName, offset, Math.min(size, stored)));
      }
    }
  }
}
