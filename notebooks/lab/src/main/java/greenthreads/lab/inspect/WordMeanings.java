package greenthreads.lab.inspect;

import greenthreads.lab.base.Platform;
import greenthreads.lab.binary.CodePlace;
import greenthreads.lab.call.CodeMap;
import greenthreads.lab.call.Mapping;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongFunction;

/**
 * Says what a word of 64 bits is: an address on a stack, a place in the code, a small number.
 *
 * <p>It is a guess, and a good one: addresses are so large that few numbers look like one by
 * accident.
 */
final class WordMeanings {
  /** What kind of thing a value is. */
  enum Kind {
    ZERO,
    NUMBER,
    TEXT,
    PAINT,
    STACK,
    CODE,
    DATA,
    BITS;

    /** What the style sheet and the player's data call it. */
    String style() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * What a value is.
   *
   * @param kind its kind
   * @param text the same in words, for the reader
   */
  record Meaning(Kind kind, String text) {}

  /**
   * A piece of memory with a name.
   *
   * @param name what the reader calls it
   * @param low its lowest address
   * @param high its end
   * @param mark an address that others are measured from
   * @param markName what that address is called
   * @param kind what an address in it is
   */
  record NamedMemory(String name, long low, long high, long mark, String markName, Kind kind) {
    /** A stack, or a part of one. */
    NamedMemory(String name, long low, long high, long mark, String markName) {
      this(name, low, high, mark, markName, Kind.STACK);
    }

    /** The address right behind its end belongs to it: a stack pointer may stand there. */
    boolean contains(long address) {
      return Long.compareUnsigned(low, address) <= 0 && Long.compareUnsigned(address, high) <= 0;
    }

    String at(long address) {
      return "%s, %s".formatted(name, distance(address));
    }

    String distance(long address) {
      long distance = address - mark;
      return distance == 0
          ? markName
          : "%s %s %d".formatted(markName, distance < 0 ? "−" : "+", Math.abs(distance));
    }
  }

  private static final long SMALL = 1 << 16;

  private final List<NamedMemory> named = new ArrayList<>();
  private final TreeMap<Long, Mapping> mappings;
  private final LongFunction<Optional<CodePlace>> code;
  private final LongFunction<Optional<CodePlace>> variables;
  private final boolean areSigned;

  /**
   * @param mappings the process's memory; may be empty
   * @param code names the function that an address lies in
   * @param variables names the global variable that an address lies in
   */
  WordMeanings(
      List<Mapping> mappings,
      LongFunction<Optional<CodePlace>> code,
      LongFunction<Optional<CodePlace>> variables) {
    this(mappings, code, variables, !Platform.IS_X86_64);
  }

  /** The same, with whether return addresses may be signed. */
  WordMeanings(
      List<Mapping> mappings,
      LongFunction<Optional<CodePlace>> code,
      LongFunction<Optional<CodePlace>> variables,
      boolean areSigned) {
    this.areSigned = areSigned;
    this.mappings = CodeMap.byAddress(mappings);
    this.code = code;
    this.variables = variables;
  }

  /** For values found in this process now. */
  static WordMeanings here() {
    return new WordMeanings(
        CodeMap.mappings(),
        address -> CodeMap.function(address).or(() -> CodeMap.exported(address)),
        CodeMap::variable);
  }

  /** Adds memory with a name; what was added first wins. */
  WordMeanings with(NamedMemory memory) {
    named.add(memory);
    return this;
  }

  /** The mapped memory around an address. */
  Optional<Mapping> mapping(long address) {
    return Optional.ofNullable(mappings.floorEntry(address))
        .map(Map.Entry::getValue)
        .filter(mapping -> mapping.contains(address));
  }

  Meaning of(long value) {
    if (value == 0) {
      return new Meaning(Kind.ZERO, "0");
    }
    if (Math.abs(value) < SMALL) {
      return new Meaning(Kind.NUMBER, "the number " + value);
    }
    for (NamedMemory memory : named) {
      if (memory.contains(value)) {
        return new Meaning(memory.kind(), memory.at(value));
      }
    }
    Optional<Mapping> mapping = mapping(value);
    if (mappings.isEmpty() || mapping.isPresent()) {
      Optional<Meaning> named =
          mappings.isEmpty() || mapping.get().executable() ? code(value) : variable(value);
      if (named.isPresent()) {
        return named.get();
      }
    }
    return mapping
        .map(WordMeanings::inside)
        .or(() -> signed(value))
        .or(() -> text(value))
        .orElseGet(() -> number(value));
  }

  /** A return address that an AArch64 processor has signed: the signature is its upper bits. */
  private Optional<Meaning> signed(long value) {
    long address = value & 0xffff_ffff_ffffL;
    return areSigned && address != value && (value >>> 55 & 1) == 0
        ? mapping(address)
            .filter(Mapping::executable)
            .map(mapping -> code(address).orElseGet(() -> inside(mapping)))
            .map(plain -> new Meaning(plain.kind(), "signed: " + plain.text()))
        : Optional.empty();
  }

  private Optional<Meaning> code(long value) {
    return code.apply(value)
        .map(place ->
            new Meaning(
                Kind.CODE,
                place.offset() == 0
                    ? "start of " + readable(place.function())
                    : "in %s + %d".formatted(readable(place.function()), place.offset())));
  }

  private Optional<Meaning> variable(long value) {
    return variables
        .apply(value)
        .map(place ->
            new Meaning(
                Kind.DATA,
                place.offset() == 0
                    ? "the variable " + place.function()
                    : "the variable %s, + %d".formatted(place.function(), place.offset())));
  }

  /** C++ names are mangled: they would fill the picture. */
  private static String readable(String function) {
    return function.startsWith("_Z") ? "a C++ function" : function;
  }

  private static Meaning inside(Mapping mapping) {
    String file = mapping.name().substring(mapping.name().lastIndexOf('/') + 1);
    String owner = file.endsWith(" (deleted)") ? "" : file;
    if (mapping.executable()) {
      return new Meaning(
          Kind.CODE, owner.isEmpty() ? "code that was made at run time" : "code of " + owner);
    }
    if (owner.equals("[heap]")) {
      return new Meaning(Kind.DATA, "an address in the heap");
    }
    if (owner.startsWith("[stack")) {
      return new Meaning(Kind.DATA, "an address on the process's first stack");
    }
    return new Meaning(
        Kind.DATA, owner.isEmpty() ? "an address in memory" : "an address in data of " + owner);
  }

  /** Eight printable characters, lowest address first. */
  private static Optional<Meaning> text(long value) {
    byte[] bytes =
        ByteBuffer.allocate(8).order(java.nio.ByteOrder.LITTLE_ENDIAN).putLong(value).array();
    int length = 8;
    while (length > 0 && bytes[length - 1] == 0) {
      length--;
    }
    for (int i = 0; i < length; i++) {
      if (bytes[i] < ' ' || bytes[i] > '~') {
        return Optional.empty();
      }
    }
    return length < 4
        ? Optional.empty()
        : Optional.of(
            new Meaning(
                Kind.TEXT,
                "text: \"%s\"".formatted(new String(bytes, 0, length, StandardCharsets.US_ASCII))));
  }

  private Meaning number(long value) {
    if (value == -1) {
      return new Meaning(Kind.NUMBER, "the number -1");
    }
    if (isRepeated(value)) {
      return new Meaning(Kind.PAINT, "the byte %02x, eight times".formatted(value & 0xff));
    }
    return new Meaning(
        Kind.BITS, mappings.isEmpty() ? "an address, or just bits" : "no address, just bits");
  }

  /** Whether all eight bytes are the same. */
  static boolean isRepeated(long value) {
    return value == (value & 0xff) * 0x0101010101010101L;
  }
}
