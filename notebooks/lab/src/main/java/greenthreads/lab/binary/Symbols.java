package greenthreads.lab.binary;

import greenthreads.lab.base.Platform;
import greenthreads.lab.base.Program;
import java.io.IOException;
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

  private static final int SHT_SYMTAB = 2;
  private static final int SHT_DYNSYM = 11;
  private static final int SHF_EXECINSTR = 4;
  private static final int STT_NOTYPE = 0;
  private static final int STT_OBJECT = 1;
  private static final int STT_FUNC = 2;
  private static final int STT_GNU_IFUNC = 10;

  private final TreeMap<Long, Symbol> functions = new TreeMap<>();

  private final TreeMap<Long, Symbol> variables = new TreeMap<>();

  private final Set<String> exports = new HashSet<>();

  private long extent;

  /** Where the section ends that a function begins in, by the function's start; ELF alone says. */
  private final Map<Long, Long> sectionEnds = new HashMap<>();

  private Symbols() {}

  public static Symbols of(Path file) {
    if (Platform.IS_MAC) {
      var symbols = new Symbols();
      symbols.readNm(file);
      return symbols;
    }
    try {
      return of(ObjectFile.read(file));
    } catch (IOException e) {
      return new Symbols(); // not there, or not what it should be
    }
  }

  private static Symbols of(ObjectFile file) {
    var symbols = new Symbols();
    symbols.extent = file.extent();
    try {
      for (ObjectFile.Section table : file.sections()) {
        if (table.type() == SHT_SYMTAB || table.type() == SHT_DYNSYM) {
          symbols.readTable(file.sections(), table);
        }
      }
    } catch (IndexOutOfBoundsException e) {
      // Damaged: what was understood stands.
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

  /** A symbol table (System V ABI, chapter 4). */
  private void readTable(List<ObjectFile.Section> sections, ObjectFile.Section table) {
    ByteCursor names = sections.get(table.link()).content();
    ByteCursor entry = table.content().at(0);
    while (entry.remaining() >= 24) {
      String name = names.at(entry.u32()).string();
      int type = entry.u8() & 15;
      entry.skip(1); // st_other
      int section = entry.u16();
      long start = entry.u64();
      long size = entry.u64();
      if (section == 0 || section >= sections.size()) {
        continue; // it is defined elsewhere, or is no place
      }
      if (table.type() == SHT_DYNSYM) {
        exports.add(name);
      }
      if (type == STT_OBJECT) {
        // A compiler numbers the static variables of functions: `names.0`.
        variables.put(start, new Symbol(name.replaceFirst("\\.\\d+$", ""), start, size));
      } else if (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE) {
        addFunction(new Symbol(name, start, size), sections.get(section));
      }
    }
  }

  private void addFunction(Symbol function, ObjectFile.Section section) {
    String name = function.name();
    boolean isCode = (section.flags() & SHF_EXECINSTR) != 0;
    // $x and $d mark code and data on AArch64; .L labels are the compiler's own.
    if (isCode && !name.isEmpty() && "$.".indexOf(name.charAt(0)) < 0) {
      sectionEnds.put(function.start(), section.end());
      // Two names for one address: the one that has a size says more.
      functions.merge(function.start(), function, (a, b) -> a.size() > 0 ? a : b);
    }
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
