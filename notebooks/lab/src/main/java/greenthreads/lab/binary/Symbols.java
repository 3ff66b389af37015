package greenthreads.lab.binary;

import greenthreads.lab.base.Platform;
import greenthreads.lab.base.Program;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The functions and global variables of a library by address, from its symbol table.
 *
 * <p>ELF is read here; for Mach-O the system's nm is asked. A file that cannot be read has no
 * symbols: a report then says less.
 */
public final class Symbols {
  /**
   * A function: its name, the offset in the library at which it begins, and its size (0: unknown).
   */
  public record Symbol(String name, long start, long size) {
    /** The place in it that an offset in the library is. */
    public CodePlace place(long offset) {
      return new CodePlace(name, offset - start);
    }

    /** {@code name+0x1c}, or the bare name at its first instruction. */
    public String at(long offset) {
      return offset == start ? name : "%s+0x%x".formatted(name, offset - start);
    }
  }

  private static final int PT_LOAD = 1;
  private static final int SHT_SYMTAB = 2;
  private static final int SHT_DYNSYM = 11;
  private static final int STT_NOTYPE = 0;
  private static final int STT_OBJECT = 1;
  private static final int STT_FUNC = 2;
  private static final int STT_GNU_IFUNC = 10;
  private static final long SHF_EXECINSTR = 4;

  private final TreeMap<Long, Symbol> functions = new TreeMap<>();

  private final TreeMap<Long, Symbol> variables = new TreeMap<>();

  private final Set<String> exports = new HashSet<>();

  private long extent;

  /** Where the section ends that a function begins in, by the function's start; ELF alone says. */
  private final Map<Long, Long> sectionEnds = new HashMap<>();

  private Symbols() {}

  public static Symbols of(Path file) {
    var symbols = new Symbols();
    try {
      if (Platform.IS_MAC) {
        symbols.readNm(file);
      } else {
        symbols.readElf(ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN));
      }
    } catch (IOException | IndexOutOfBoundsException | IllegalArgumentException e) {
      // Not there, or not what it should be: what was understood stands.
    }
    return symbols;
  }

  /** The function that an offset lies in; empty between functions, or if the table is silent. */
  public Optional<Symbol> at(long offset) {
    return Optional.ofNullable(functions.floorEntry(offset))
        .map(Map.Entry::getValue)
        .filter(symbol -> offset < end(symbol));
  }

  /** The global variable that an offset lies in; ELF alone says. */
  public Optional<Symbol> variable(long offset) {
    return Optional.ofNullable(variables.floorEntry(offset))
        .map(Map.Entry::getValue)
        .filter(symbol -> offset < symbol.start() + symbol.size());
  }

  /** How many bytes of address space the loaded file takes; 0 if that is not known. */
  public long extent() {
    return extent;
  }

  /** The function that ends at or before an offset, nearest to it. */
  public Optional<Symbol> before(long offset) {
    return Optional.ofNullable(functions.lowerEntry(offset)).map(Map.Entry::getValue);
  }

  /** Where a function ends: by its size, or else where the next one begins or its section ends. */
  public long end(Symbol symbol) {
    if (symbol.size() > 0) {
      return symbol.start() + symbol.size();
    }
    Long next = functions.higherKey(symbol.start());
    long last = sectionEnds.getOrDefault(symbol.start(), symbol.start() + 4096);
    return next == null ? last : Math.min(next, last);
  }

  /** The names of all functions, in the order of their addresses. */
  public List<String> names() {
    return functions.values().stream().map(Symbol::name).toList();
  }

  public Optional<Symbol> named(String name) {
    return functions.values().stream().filter(symbol -> symbol.name().equals(name)).findFirst();
  }

  /** Whether code outside the library can find a function or variable of this name in it. */
  public boolean exports(String name) {
    return exports.contains(name);
  }

  boolean isEmpty() {
    return functions.isEmpty();
  }

  /** System V ABI, chapter 4: the section headers, then the symbol tables among the sections. */
  private void readElf(ByteBuffer file) {
    if (file.getInt(0) != 0x464c457f || file.get(4) != 2 || file.get(5) != 1) {
      return;
    }
    readSegments(file);
    int table = Math.toIntExact(file.getLong(0x28));
    int entrySize = Short.toUnsignedInt(file.getShort(0x3a));
    int count = Short.toUnsignedInt(file.getShort(0x3c));
    for (int i = 0; i < count; i++) {
      int header = table + i * entrySize;
      int type = file.getInt(header + 4);
      if (type == SHT_SYMTAB || type == SHT_DYNSYM) {
        int names = table + file.getInt(header + 40) * entrySize;
        int strings = Math.toIntExact(file.getLong(names + 24));
        int at = Math.toIntExact(file.getLong(header + 24));
        int end = at + Math.toIntExact(file.getLong(header + 32));
        for (; at + 24 <= end; at += 24) {
          readSymbol(file, at, strings, table, entrySize, count);
          if (type == SHT_DYNSYM && file.getShort(at + 6) != 0) {
            exports.add(string(file, strings + file.getInt(at)));
          }
        }
      }
    }
  }

  /** The same, chapter 5: the program header, whose segments are what is mapped. */
  private void readSegments(ByteBuffer file) {
    int table = Math.toIntExact(file.getLong(0x20));
    int entrySize = Short.toUnsignedInt(file.getShort(0x36));
    int count = Short.toUnsignedInt(file.getShort(0x38));
    for (int at = table; at < table + count * entrySize; at += entrySize) {
      if (file.getInt(at) == PT_LOAD) {
        extent = Math.max(extent, file.getLong(at + 0x10) + file.getLong(at + 0x28));
      }
    }
  }

  private void readSymbol(
      ByteBuffer file, int at, int strings, int table, int entrySize, int sections) {
    int type = file.get(at + 4) & 15;
    int section = Short.toUnsignedInt(file.getShort(at + 6));
    String name = string(file, strings + file.getInt(at));
    long start = file.getLong(at + 8);
    long size = file.getLong(at + 16);
    if (type == STT_OBJECT && section != 0) {
      // A compiler numbers the static variables of functions: `names.0`.
      variables.put(start, new Symbol(name.replaceFirst("\\.\\d+$", ""), start, size));
      return;
    }
    boolean function = type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
    if (!function || section == 0 || section >= sections) {
      return;
    }
    int header = table + section * entrySize;
    long flags = file.getLong(header + 8);
    // $x and $d mark code and data on AArch64; .L labels are the compiler's own.
    if ((flags & SHF_EXECINSTR) == 0 || name.isEmpty() || "$.".indexOf(name.charAt(0)) >= 0) {
      return;
    }
    sectionEnds.put(start, file.getLong(header + 16) + file.getLong(header + 32));
    // Two names for one address: the one that has a size says more.
    functions.merge(start, new Symbol(name, start, size), (a, b) -> a.size() > 0 ? a : b);
  }

  private static String string(ByteBuffer file, int at) {
    int end = at;
    while (file.get(end) != 0) {
      end++;
    }
    byte[] bytes = new byte[end - at];
    file.get(at, bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private void readNm(Path file) {
    Program.Result result = Program.run(List.of("nm", "-n", file.toString()));
    for (String line : result.output().lines().toList()) {
      String[] parts = line.strip().split("\\s+");
      String name =
          parts.length < 3 ? "" : parts[2].startsWith("_") ? parts[2].substring(1) : parts[2];
      if (parts.length == 3 && "TDSBC".contains(parts[1])) {
        exports.add(name);
      }
      if (parts.length == 3 && parts[1].equalsIgnoreCase("t")) {
        long start = Long.parseUnsignedLong(parts[0], 16);
        functions.put(start, new Symbol(name, start, 0));
      }
    }
  }
}
