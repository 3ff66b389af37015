package greenthreads.lab.binary;

import greenthreads.lab.binary.Entry.Attribute;
import greenthreads.lab.binary.Entry.Tag;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A C type as the compiler described it.
 *
 * <p>{@link #spelling()} keeps the typedefs and qualifiers that the source uses; {@link #kind()},
 * {@link #size()} and the rest see through them.
 */
public final class CType {
  /** What a type is at bottom. */
  public enum Kind {
    VOID,
    BOOL,
    /** Plain {@code char}, whose sign depends on the machine. */
    CHAR,
    SIGNED,
    UNSIGNED,
    FLOAT,
    ENUM,
    POINTER,
    ARRAY,
    STRUCT,
    UNION,
    FUNCTION,
    /** What the lab has no use for, such as complex numbers and vectors. */
    UNKNOWN
  }

  // DWARF's encodings of base types, 7.8.
  private static final int ENCODING_BOOLEAN = 0x02;
  private static final int ENCODING_FLOAT = 0x04;
  private static final int ENCODING_SIGNED = 0x05;
  private static final int ENCODING_SIGNED_CHAR = 0x06;
  private static final int ENCODING_UNSIGNED = 0x07;
  private static final int ENCODING_UNSIGNED_CHAR = 0x08;
  private static final int ENCODING_UTF = 0x10;

  /** More parts than this in one declaration are damage: types that contain themselves. */
  private static final int MAX_PARTS = 256;

  private final DebugInfo info;

  /** The entry as the source uses it, and those that its typedefs and qualifiers lead to. */
  private final List<Entry> chain = new ArrayList<>();

  /** The last of these, which is neither; null for void and unknown. */
  private final Entry bare;

  private final Kind kind;

  /** For an array of several dimensions, which one this is: DWARF has one entry for them all. */
  private final int dimension;

  /** The type whose entry is at an offset; -1 is how DWARF says void (DWARF 4, section 5.2). */
  CType(DebugInfo info, long offset) {
    this(info, offset, 0);
  }

  private CType(DebugInfo info, long offset, int dimension) {
    this.info = info;
    this.dimension = dimension;
    long at = offset;
    Entry current = info.entry(at);
    while (current != null && isAlias(current) && chain.size() < DebugInfo.MAX_DEPTH) {
      chain.add(current);
      at = current.type();
      current = info.entry(at);
    }
    if (current != null) {
      chain.add(current);
    }
    bare = current == null || isAlias(current) ? null : current;
    kind = bare != null ? kindOf(bare) : at == -1 ? Kind.VOID : Kind.UNKNOWN;
  }

  /** What the type is at bottom. */
  public Kind kind() {
    return kind;
  }

  /** Its size in bytes; 0 for void, functions, incomplete types and arrays of unknown length. */
  public long size() {
    return size(0);
  }

  /** The type as C writes it, without a name: {@code const char *}, {@code int (*)(void)}. */
  public String spelling() {
    return declare("");
  }

  /** The declaration of a name with this type: {@code const char *name}, {@code int name[4]}. */
  String declare(String name) {
    return declare(name, "", new int[] {MAX_PARTS});
  }

  /** What a pointer points to, an array consists of, or a function returns. */
  public Optional<CType> target() {
    return switch (kind) {
      case POINTER, FUNCTION -> Optional.of(new CType(info, bare.type()));
      case ARRAY -> Optional.of(element());
      default -> Optional.empty();
    };
  }

  /** The members of a struct or union; empty where this file only declares it. */
  Optional<CStruct> struct() {
    if (kind != Kind.STRUCT && kind != Kind.UNION) {
      return Optional.empty();
    }
    Entry complete = info.completed(bare);
    String typedef =
        chain.stream()
            .filter(entry -> entry.tag == Tag.TYPEDEF && entry.name() != null)
            .findFirst()
            .map(Entry::name)
            .orElse("");
    return complete.isDeclaration()
        ? Optional.empty()
        : Optional.of(info.struct(complete, typedef));
  }

  /** The {@link #spelling()}. */
  @Override
  public String toString() {
    return spelling();
  }

  // What it is

  private static boolean isAlias(Entry entry) {
    return entry.tag == Tag.TYPEDEF || qualifier(entry) != null;
  }

  private static String qualifier(Entry entry) {
    return switch (entry.tag) {
      case CONST_TYPE -> "const";
      case VOLATILE_TYPE -> "volatile";
      case RESTRICT_TYPE -> "restrict";
      case ATOMIC_TYPE -> "_Atomic";
      default -> null;
    };
  }

  private static Kind kindOf(Entry entry) {
    return switch (entry.tag) {
      case BASE_TYPE -> kindOfBase(entry);
      case POINTER_TYPE -> Kind.POINTER;
      case ARRAY_TYPE -> entry.is(Attribute.GNU_VECTOR) ? Kind.UNKNOWN : Kind.ARRAY;
      case STRUCTURE_TYPE -> Kind.STRUCT;
      case UNION_TYPE -> Kind.UNION;
      case ENUMERATION_TYPE -> Kind.ENUM;
      case SUBROUTINE_TYPE -> Kind.FUNCTION;
      default -> Kind.UNKNOWN;
    };
  }

  /** DWARF 4, section 5.1. */
  private static Kind kindOfBase(Entry entry) {
    boolean isPlain = "char".equals(entry.name());
    return switch ((int) entry.number(Attribute.ENCODING, 0)) {
      case ENCODING_BOOLEAN -> Kind.BOOL;
      case ENCODING_FLOAT -> Kind.FLOAT;
      case ENCODING_SIGNED -> Kind.SIGNED;
      case ENCODING_UNSIGNED, ENCODING_UTF -> Kind.UNSIGNED;
      case ENCODING_SIGNED_CHAR -> isPlain ? Kind.CHAR : Kind.SIGNED;
      case ENCODING_UNSIGNED_CHAR -> isPlain ? Kind.CHAR : Kind.UNSIGNED;
      default -> Kind.UNKNOWN;
    };
  }

  private long size(int depth) {
    if (bare == null || depth > DebugInfo.MAX_DEPTH) {
      return 0;
    }
    long said = Math.max(0, info.completed(bare).number(Attribute.BYTE_SIZE, 0));
    return switch (kind) {
      case POINTER -> said > 0 ? said : ValueLayout.ADDRESS.byteSize();
      case ARRAY -> {
        long element = element().size(depth + 1);
        long count = count();
        boolean fits = count == 0 || element <= Long.MAX_VALUE / count;
        yield fits ? element * count : 0;
      }
      case FUNCTION -> 0;
      default -> said;
    };
  }

  /** The length of an array; 0 where the declaration leaves it open. */
  private long count() {
    long upper = range().map(range -> range.number(Attribute.UPPER_BOUND, -1)).orElse(-1L);
    return Math.max(0, range().map(range -> range.number(Attribute.COUNT, upper + 1)).orElse(0L));
  }

  /** The subrange of an array's dimension (DWARF 4, section 5.12). */
  private Optional<Entry> range() {
    return bare.children(Tag.SUBRANGE_TYPE).skip(dimension).findFirst();
  }

  private CType element() {
    var inner = new CType(info, bare.offset, dimension + 1);
    return inner.range().isPresent() ? inner : new CType(info, bare.type());
  }

  // How C writes it

  /**
   * Writes a declaration from the inside out, as C wants it: a pointer goes in front of what is
   * declared so far, an array or a function behind it.
   *
   * @param name what is declared so far
   * @param outer the qualifiers of an array that this is an element of
   * @param parts how many parts may still follow
   */
  private String declare(String name, String outer, int[] parts) {
    String qualifiers = outer;
    for (Entry entry : chain.subList(0, unqualified())) {
      String own = qualifier(entry) + " ";
      qualifiers = (" " + qualifiers).contains(" " + own) ? qualifiers : own + qualifiers;
    }
    if (--parts[0] < 0 || unqualified() == chain.size()) {
      return named(kind == Kind.VOID ? "void" : "?", name, qualifiers);
    }
    Entry entry = chain.get(unqualified());
    return switch (entry.tag) {
      case POINTER_TYPE -> {
        var target = new CType(info, entry.type());
        String pointer = "*" + (name.isEmpty() ? qualifiers.strip() : qualifiers) + name;
        yield target.declare(target.isSuffix() ? "(" + pointer + ")" : pointer, "", parts);
      }
      case ARRAY_TYPE -> {
        String length = count() == 0 ? "" : Long.toString(count());
        yield element().declare(name + "[" + length + "]", qualifiers, parts);
      }
      case SUBROUTINE_TYPE ->
          new CType(info, entry.type()).declare(name + "(" + list(entry, parts) + ")", "", parts);
      case STRUCTURE_TYPE -> named(tagged("struct", entry), name, qualifiers);
      case UNION_TYPE -> named(tagged("union", entry), name, qualifiers);
      case ENUMERATION_TYPE -> named(tagged("enum", entry), name, qualifiers);
      default -> named(entry.name() == null ? "?" : plain(entry.name()), name, qualifiers);
    };
  }

  /** Where in the chain the qualifiers end. */
  private int unqualified() {
    int i = 0;
    while (i < chain.size() && qualifier(chain.get(i)) != null) {
      i++;
    }
    return i;
  }

  /** gcc's names of the integer types as everybody writes them, clang too. */
  private static String plain(String type) {
    return switch (type) {
      case "short int" -> "short";
      case "short unsigned int" -> "unsigned short";
      case "long int" -> "long";
      case "long unsigned int" -> "unsigned long";
      case "long long int" -> "long long";
      case "long long unsigned int" -> "unsigned long long";
      case "__int128 unsigned" -> "unsigned __int128";
      default -> type;
    };
  }

  private static String named(String type, String name, String qualifiers) {
    return qualifiers + type + (name.isEmpty() || name.startsWith("[") ? "" : " ") + name;
  }

  private static String tagged(String keyword, Entry entry) {
    return entry.name() == null ? keyword + " {...}" : keyword + " " + entry.name();
  }

  /** Whether C writes the type behind the name, where a pointer to it needs parentheses. */
  private boolean isSuffix() {
    Tag tag = unqualified() < chain.size() ? chain.get(unqualified()).tag : null;
    return tag == Tag.SUBROUTINE_TYPE || tag == Tag.ARRAY_TYPE;
  }

  private String list(Entry function, int[] parts) {
    var list = new ArrayList<String>();
    for (Entry parameter : function.children(Tag.FORMAL_PARAMETER).toList()) {
      if (parts[0] >= 0) {
        list.add(new CType(info, parameter.type()).declare("", "", parts));
      }
    }
    if (list.isEmpty()) {
      return function.is(Attribute.PROTOTYPED) ? "void" : "";
    }
    return String.join(", ", list) + (function.isVariadic() ? ", ..." : "");
  }

  // How Java lays it out

  /**
   * The layout, with the alignment the C compiler gives it, where at most {@code limit} of
   * alignment is to be had, as in a packed struct.
   *
   * @param declared the alignment that the declaration asks for, or 0
   * @param depth how many structs and arrays this is inside of
   * @throws IllegalStateException if it has none, as void and incomplete types
   */
  MemoryLayout layout(long limit, long declared, int depth) {
    if (depth > DebugInfo.MAX_DEPTH) {
      throw new IllegalStateException(spelling() + " contains itself.");
    }
    MemoryLayout layout =
        switch (kind) {
          case STRUCT, UNION -> struct().orElseThrow(this::noLayout).layout(limit, depth + 1);
          case ARRAY -> MemoryLayout.sequenceLayout(count(), element().layout(limit, 0, depth + 1));
          case VOID, FUNCTION -> throw noLayout();
          default -> scalar(limit);
        };
    long wanted = declared;
    for (Entry entry : chain) {
      wanted = Math.max(wanted, entry.number(Attribute.ALIGNMENT, 0));
    }
    boolean more = wanted > layout.byteAlignment() && wanted <= limit;
    return more && Long.bitCount(wanted) == 1 ? layout.withByteAlignment(wanted) : layout;
  }

  private MemoryLayout scalar(long limit) {
    MemoryLayout layout = javas();
    if (layout != null) {
      return layout.withByteAlignment(Math.min(limit, layout.byteAlignment()));
    }
    long size = size();
    if (size <= 0) {
      throw noLayout();
    }
    // Java has no such number: its bytes. Those of 16 bytes are aligned to as many.
    MemoryLayout bytes = MemoryLayout.sequenceLayout(size, ValueLayout.JAVA_BYTE);
    return bytes.withByteAlignment(Math.min(limit, Math.min(16, Long.lowestOneBit(size))));
  }

  /** The layout of Java's own type of this kind and size, or null. */
  private ValueLayout javas() {
    return switch (kind) {
      case POINTER -> ValueLayout.ADDRESS;
      case BOOL -> ValueLayout.JAVA_BOOLEAN;
      case FLOAT ->
          size() == 4 ? ValueLayout.JAVA_FLOAT : size() == 8 ? ValueLayout.JAVA_DOUBLE : null;
      case CHAR, SIGNED, UNSIGNED, ENUM ->
          switch ((int) size()) {
            case 1 -> ValueLayout.JAVA_BYTE;
            case 2 -> ValueLayout.JAVA_SHORT;
            case 4 -> ValueLayout.JAVA_INT;
            case 8 -> ValueLayout.JAVA_LONG;
            default -> null;
          };
      default -> null;
    };
  }

  private IllegalStateException noLayout() {
    return new IllegalStateException("The type " + spelling() + " has no layout.");
  }
}
