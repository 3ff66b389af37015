package greenthreads.lab.crash;

import greenthreads.lab.binary.Symbols;
import greenthreads.lab.call.Mapping;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.isolate.HostReport;
import greenthreads.lab.isolate.HostReport.Argument;
import greenthreads.lab.isolate.HostReport.Stack;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What lies where in the memory of a process that crashed. */
final class AddressSpace {
  /** The kinds of places that the likely cause of a crash depends on. */
  enum Kind {
    NULL,
    NON_CANONICAL,
    STACK,
    BELOW_STACK,
    ABOVE_STACK,
    ARGUMENT,
    BELOW_ARGUMENT,
    ABOVE_ARGUMENT,
    KERNEL,
    CODE,
    CONSTANT,
    DATA,
    NO_ACCESS,
    UNMAPPED
  }

  /**
   * An address, seen from what is nearest to it.
   *
   * @param text in words, as the object of "the address is ..."
   * @param name of the stack, argument or function that it belongs to; may be empty
   * @param distance how far inside or outside of that
   */
  record Place(Kind kind, String text, String name, long distance) {}

  /** The first page is never mapped; a null pointer's members lie in it. */
  private static final long NULL_PAGE = 4096;

  /** How far from a stack or an argument an address can be and still have to do with it. */
  private static final long NEAR = 64 * 1024;

  private final HostReport report;
  private final Map<Integer, Argument> kernelMemory;
  private final boolean x86;
  private final Map<String, Symbols> symbols = new HashMap<>();

  AddressSpace(Crash crash) {
    this.report = crash.report();
    this.kernelMemory = crash.details().kernelMemory();
    this.x86 = crash.isX86();
  }

  Optional<Mapping> mapping(long address) {
    return report.mappings().stream().filter(mapping -> mapping.contains(address)).findFirst();
  }

  boolean isExecutable(long address) {
    return mapping(address).map(Mapping::executable).orElse(false);
  }

  boolean isNonCanonical(long address) {
    return x86 && address >> 47 != 0 && address >> 47 != -1;
  }

  /** The lowest address of a mapped file: what its offsets count from. */
  long base(String file) {
    return report.mappings().stream()
        .filter(mapping -> mapping.name().equals(file))
        .mapToLong(Mapping::low)
        .min()
        .orElse(0);
  }

  /** The library's or program's file that an address belongs to, if it is in one. */
  Optional<Path> file(long address) {
    return mapping(address)
        .map(Mapping::name)
        .filter(name -> name.startsWith("/"))
        .map(name -> Path.of(name.replaceFirst(" \\(deleted\\)$", "")));
  }

  Symbols symbols(Path file) {
    return symbols.computeIfAbsent(file.toString(), name -> Symbols.of(Path.of(name)));
  }

  /** {@code hello+0x1c in 03-swap.so}; the file alone where the function has no name. */
  Optional<String> code(long address) {
    if (!isExecutable(address)) {
      return Optional.empty();
    }
    return file(address)
        .map(file -> {
          String where = describe(file);
          return function(address).map(name -> name + " in " + where).orElse(where);
        });
  }

  /** {@code hello+0x1c}, if the address is in a function whose name is known. */
  Optional<String> function(long address) {
    return file(address)
        .flatMap(file -> {
          long offset = address - base(file.toString());
          return symbols(file).at(offset).map(symbol -> symbol.at(offset));
        });
  }

  /** The function alone, without the place in it; empty if it is not known. */
  String functionName(long address) {
    return function(address).map(name -> name.replaceFirst("\\+0x.*", "")).orElse("");
  }

  boolean startsFunction(long address) {
    return function(address).map(name -> !name.contains("+0x")).orElse(false);
  }

  boolean isWritable(long address) {
    return mapping(address).map(Mapping::writable).orElse(false);
  }

  /** The lowest memory above an address that can be written to, if it is so near. */
  Optional<Mapping> writableAbove(long address, long near) {
    return report.mappings().stream()
        .filter(Mapping::writable)
        .filter(mapping -> mapping.low() - address > 0 && mapping.low() - address <= near)
        .min(Comparator.comparingLong(Mapping::low));
  }

  /** Linux lets the main stack grow down to what is touched: whether it did not. */
  boolean isGrowing(long address) {
    return mapping(address).isEmpty()
        && report.mappings().stream()
            .filter(mapping -> Long.compareUnsigned(mapping.low(), address) > 0)
            .findFirst()
            .filter(mapping -> mapping.name().equals("[stack]"))
            .isPresent();
  }

  private String describe(Path file) {
    String name = String.valueOf(file.getFileName());
    return name.startsWith("libc.so") || name.startsWith("libsystem_")
        ? name + " (the C library)"
        : name;
  }

  /** Whether the address is inside one of the stacks that are known, guard left out. */
  Optional<Stack> stackAt(long address) {
    return report.stacks().stream()
        .filter(s -> Long.compareUnsigned(s.low(), address) <= 0)
        .filter(s -> Long.compareUnsigned(address, s.high()) < 0)
        .findFirst();
  }

  Place place(long address) {
    if (Long.compareUnsigned(address, NULL_PAGE) < 0) {
      String text = address == 0 ? "null" : "null + " + address;
      return new Place(Kind.NULL, text, "", address);
    }
    if (isNonCanonical(address)) {
      return new Place(
          Kind.NON_CANONICAL,
          "not an address at all: on x86-64 the upper 17 bits of one are all equal",
          "",
          0);
    }
    Optional<Mapping> mapping = mapping(address);
    boolean mapped = mapping.isPresent() && mapping.get().readable();
    return inside(address)
        .or(() -> guard(address))
        .or(() -> mapped ? Optional.of(mapped(address, mapping.get())) : Optional.empty())
        .or(() -> nearby(address))
        .or(() -> kernel(address))
        .or(() -> mapping.map(r -> noAccess(address, r)))
        .orElseGet(() -> unmapped(address));
  }

  private Optional<Place> inside(long address) {
    for (Argument argument : report.arguments()) {
      long offset = address - argument.address();
      if (offset >= 0 && offset < argument.size()) {
        String name = name(argument);
        return place(Kind.ARGUMENT, "%s into %s", bytes(offset), name, offset);
      }
    }
    return stackAt(address)
        .flatMap(stack -> {
          long depth = stack.high() - address;
          String left = bytes(address - stack.low());
          boolean gone = !report.mappings().isEmpty() && mapping(address).isEmpty();
          return place(
              Kind.STACK,
              "in %2$s, %1$s below its top, "
                  + (gone ? "where no memory is any more" : "with " + left + " left"),
              bytes(depth),
              stack.name(),
              depth);
        });
  }

  private static Optional<Place> place(
      Kind kind, String format, String bytes, String name, long distance) {
    return Optional.of(new Place(kind, format.formatted(bytes, name), name, distance));
  }

  private Optional<Place> guard(long address) {
    return report.stacks().stream()
        .filter(s -> s.guard() > 0)
        .filter(s -> address - (s.low() - s.guard()) >= 0 && address < s.low())
        .findFirst()
        .flatMap(s ->
            place(
                Kind.BELOW_STACK,
                s.guard() >= 1 << 20 ? "%s below %s" : "%s below %s, in its guard page",
                bytes(s.low() - address),
                s.name(),
                s.low() - address));
  }

  private Optional<Place> nearby(long address) {
    record Candidate(long distance, Kind kind, String format, String name) {
      /** A stack's top is the address behind its highest byte, and is what one counts from. */
      long shown() {
        return kind == Kind.ABOVE_STACK && distance > 1 ? distance - 1 : distance;
      }
    }
    var candidates = new java.util.ArrayList<Candidate>();
    for (Stack s : report.stacks()) {
      candidates.add(new Candidate(s.low() - address, Kind.BELOW_STACK, "%s below %s", s.name()));
      candidates.add(
          new Candidate(
              address - s.high() + 1,
              Kind.ABOVE_STACK,
              address == s.high() ? "%s above the highest byte of %s" : "%s above the top of %s",
              s.name()));
    }
    for (Argument a : report.arguments()) {
      candidates.add(
          new Candidate(a.address() - address, Kind.BELOW_ARGUMENT, "%s below %s", name(a)));
      candidates.add(
          new Candidate(
              address - a.address() - a.size() + 1,
              Kind.ABOVE_ARGUMENT,
              "%s past the end of %s",
              name(a)));
    }
    return candidates.stream()
        .filter(c -> c.distance() > 0 && c.distance() <= NEAR)
        .min(Comparator.comparingLong(Candidate::distance))
        .flatMap(c -> place(c.kind(), c.format(), bytes(c.shown()), c.name(), c.distance()));
  }

  private Optional<Place> kernel(long address) {
    for (Argument a : kernelMemory.values()) {
      long offset = address - a.address();
      if (offset >= 0 && offset < a.size()) {
        String name = name(a);
        return place(
            Kind.KERNEL,
            "%s into what is %s in the notebook's own process",
            bytes(offset),
            name,
            offset);
      }
    }
    return Optional.empty();
  }

  private Place mapped(long address, Mapping mapping) {
    String owner = mapping.name().isEmpty() ? "" : " of " + fileName(mapping);
    if (mapping.executable()) {
      String text = code(address).map(code -> "code: " + code).orElse("code" + owner);
      return new Place(Kind.CODE, text, function(address).orElse(""), 0);
    }
    if (!mapping.writable()) {
      String text = owner.isEmpty() ? "memory that may only be read" : "read-only data" + owner;
      return new Place(Kind.CONSTANT, text, fileName(mapping), 0);
    }
    String text =
        mapping.name().equals("[heap]")
            ? "in the heap (malloc's memory)"
            : owner.isEmpty() ? "in anonymous memory (mmap's, or malloc's)" : "data" + owner;
    return new Place(Kind.DATA, text, fileName(mapping), 0);
  }

  static String fileName(Mapping mapping) {
    return mapping.name().substring(mapping.name().lastIndexOf('/') + 1);
  }

  private Place noAccess(long address, Mapping mapping) {
    long above = mapping.high() - address;
    return new Place(
        Kind.NO_ACCESS,
        "memory that nobody may access (a guard page, perhaps), %s below its end"
            .formatted(bytes(above)),
        "",
        above);
  }

  private Place unmapped(long address) {
    Optional<Mapping> above =
        report.mappings().stream()
            .filter(r -> Long.compareUnsigned(r.low(), address) > 0)
            .filter(r -> r.low() - address > 0 && r.low() - address <= NEAR)
            .findFirst();
    Optional<Mapping> below =
        report.mappings().stream()
            .filter(r -> address - r.high() >= 0 && address - r.high() < NEAR)
            .reduce((first, second) -> second);
    String more =
        below
            .map(r -> ", %s past the end of %s".formatted(bytes(address - r.high() + 1), owner(r)))
            .or(() -> above.map(r -> ", %s below %s".formatted(bytes(r.low() - address), owner(r))))
            .orElse("");
    return new Place(Kind.UNMAPPED, "not mapped: no memory is there" + more, "", 0);
  }

  private static String owner(Mapping mapping) {
    return mapping.name().isEmpty() ? "a mapped area" : fileName(mapping);
  }

  private static String name(Argument argument) {
    return "argument %d's memory (%s)".formatted(argument.index() + 1, bytes(argument.size()));
  }

  static String bytes(long count) {
    return count == 1 ? "1 byte" : "%,d bytes".formatted(count);
  }

  List<Stack> stacks() {
    return report.stacks();
  }

  Stack stack(String name) {
    return stacks().stream().filter(stack -> stack.name().equals(name)).findFirst().orElseThrow();
  }
}
