package greenthreads.lab.binary;

import greenthreads.lab.binary.DwarfReader.Entry;
import java.lang.foreign.AddressLayout;
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

  /** More parts than this in one declaration are damage: types that contain themselves. */
  private static final int MAX_PARTS = 256;

  private final DebugInfo info;

  /** The entry as the source uses it, with qualifiers and typedefs; null for void and unknown. */
  private final Entry entry;

  /** The entry without them. */
  private final Entry bare;

  private final Kind kind;

  /** For an array of several dimensions, which one this is: DWARF has one entry for them all. */
  private final int dimension;

  /** The type whose entry is at an offset; -1 is how DWARF says void (DWARF 5, section 5.2). */
  CType(DebugInfo info, long offset) {
    this(info, offset == -1 ? null : info.entry(offset), offset == -1, 0);
  }

  CType(DebugInfo info, Entry entry) {
    this(info, entry, false, 0);
  }

  private CType(DebugInfo info, Entry entry, boolean isVoid, int dimension) {
    this.info = info;
    this.entry = entry;
    this.dimension = dimension;
    Entry current = entry;
    boolean endsInVoid = isVoid;
    for (int i = 0; current != null && isAlias(current.tag); i++) {
      endsInVoid = current.type == -1;
      current = i < DebugInfo.MAX_DEPTH ? info.entry(current.type) : null;
    }
    bare = current;
    kind = current == null ? (endsInVoid ? Kind.VOID : Kind.UNKNOWN) : kindOf(current);
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
      case POINTER, FUNCTION -> Optional.of(new CType(info, bare.type));
      case ARRAY -> Optional.of(element());
      default -> Optional.empty();
    };
  }

  /** The length of an array; 0 where the declaration leaves it open. */
  long count() {
    Entry range = kind == Kind.ARRAY ? range() : null;
    return range == null ? 0 : Math.max(0, range.count);
  }

  /** The parameters of a function type. */
  List<CType> parameters() {
    List<CType> parameters = new ArrayList<>();
    if (kind == Kind.FUNCTION) {
      for (Entry child : bare.children) {
        if (child.tag == DwarfReader.TAG_FORMAL_PARAMETER) {
          parameters.add(new CType(info, child.type));
        }
      }
    }
    return List.copyOf(parameters);
  }

  /** The members of a struct or union; empty where this file only declares it. */
  Optional<CStruct> struct() {
    if (kind != Kind.STRUCT && kind != Kind.UNION) {
      return Optional.empty();
    }
    Entry complete = info.completed(bare);
    if (complete.declaration) {
      return Optional.empty();
    }
    CStruct struct = info.struct(complete);
    return Optional.of(struct.name().isEmpty() ? struct.named(typedefName()) : struct);
  }

  /**
   * The type's layout, with the alignment the C compiler gives it.
   *
   * @throws IllegalStateException if it has none, as void and incomplete types
   */
  MemoryLayout layout() {
    return layout(Long.MAX_VALUE, 0, 0);
  }

  /** The {@link #spelling()}. */
  @Override
  public String toString() {
    return spelling();
  }

  private static boolean isAlias(int tag) {
    return tag == DwarfReader.TAG_TYPEDEF || qualifier(tag) != null;
  }

  private static String qualifier(int tag) {
    return switch (tag) {
      case DwarfReader.TAG_CONST_TYPE -> "const";
      case DwarfReader.TAG_VOLATILE_TYPE -> "volatile";
      case DwarfReader.TAG_RESTRICT_TYPE -> "restrict";
      case DwarfReader.TAG_ATOMIC_TYPE -> "_Atomic";
      default -> null;
    };
  }

  private static Kind kindOf(Entry entry) {
    return switch (entry.tag) {
      case DwarfReader.TAG_BASE_TYPE -> kindOfBase(entry);
      case DwarfReader.TAG_POINTER_TYPE -> Kind.POINTER;
      case DwarfReader.TAG_ARRAY_TYPE -> entry.vector ? Kind.UNKNOWN : Kind.ARRAY;
      case DwarfReader.TAG_STRUCTURE_TYPE -> Kind.STRUCT;
      case DwarfReader.TAG_UNION_TYPE -> Kind.UNION;
      case DwarfReader.TAG_ENUMERATION_TYPE -> Kind.ENUM;
      case DwarfReader.TAG_SUBROUTINE_TYPE -> Kind.FUNCTION;
      default -> Kind.UNKNOWN;
    };
  }

  /** DWARF 5, section 5.1.1. */
  private static Kind kindOfBase(Entry entry) {
    return switch (entry.encoding) {
      case DwarfReader.ENCODING_BOOLEAN -> Kind.BOOL;
      case DwarfReader.ENCODING_FLOAT -> Kind.FLOAT;
      case DwarfReader.ENCODING_SIGNED -> Kind.SIGNED;
      case DwarfReader.ENCODING_UNSIGNED, DwarfReader.ENCODING_UTF -> Kind.UNSIGNED;
      case DwarfReader.ENCODING_SIGNED_CHAR -> "char".equals(entry.name) ? Kind.CHAR : Kind.SIGNED;
      case DwarfReader.ENCODING_UNSIGNED_CHAR ->
          "char".equals(entry.name) ? Kind.CHAR : Kind.UNSIGNED;
      default -> Kind.UNKNOWN;
    };
  }

  private long size(int depth) {
    if (bare == null || depth > DebugInfo.MAX_DEPTH) {
      return 0;
    }
    return switch (kind) {
      case POINTER -> bare.byteSize > 0 ? bare.byteSize : 8;
      case STRUCT, UNION -> Math.max(0, info.completed(bare).byteSize);
      case ARRAY -> {
        long element = element().size(depth + 1);
        long count = count();
        boolean fits = count == 0 || element <= Long.MAX_VALUE / count;
        yield fits ? element * count : 0;
      }
      case FUNCTION -> 0;
      default -> Math.max(0, bare.byteSize);
    };
  }

  /** The subrange of an array's dimension (DWARF 5, section 5.13). */
  private Entry range() {
    int index = 0;
    for (Entry child : bare.children) {
      if (child.tag == DwarfReader.TAG_SUBRANGE_TYPE && index++ == dimension) {
        return child;
      }
    }
    return null;
  }

  private CType element() {
    CType inner = new CType(info, bare, false, dimension + 1);
    return inner.range() != null ? inner : new CType(info, bare.type);
  }

  /**
   * Writes a declaration from the inside out, as C wants it: a pointer goes in front of what is
   * declared so far, an array or a function behind it.
   */
  private String declare(String name, String qualifiers, int[] parts) {
    if (--parts[0] < 0) {
      return named("?", name, "");
    }
    if (entry == null) {
      return named(kind == Kind.VOID ? "void" : "?", name, qualifiers);
    }
    String own = qualifier(entry.tag);
    if (own != null) {
      boolean twice = (" " + qualifiers).contains(" " + own + " ");
      String all = twice ? qualifiers : own + " " + qualifiers;
      return new CType(info, entry.type).declare(name, all, parts);
    }
    return switch (entry.tag) {
      case DwarfReader.TAG_POINTER_TYPE -> {
        CType target = new CType(info, entry.type);
        boolean bare = qualifiers.isEmpty() || name.isEmpty();
        String pointer = "*" + (bare ? qualifiers.strip() : qualifiers) + name;
        yield target.declare(target.isSuffix() ? "(" + pointer + ")" : pointer, "", parts);
      }
      case DwarfReader.TAG_ARRAY_TYPE -> {
        String length = count() == 0 ? "" : Long.toString(count());
        yield element().declare(name + "[" + length + "]", qualifiers, parts);
      }
      case DwarfReader.TAG_SUBROUTINE_TYPE ->
          new CType(info, entry.type).declare(name + "(" + list(parts) + ")", "", parts);
      case DwarfReader.TAG_STRUCTURE_TYPE -> named(tagged("struct"), name, qualifiers);
      case DwarfReader.TAG_UNION_TYPE -> named(tagged("union"), name, qualifiers);
      case DwarfReader.TAG_ENUMERATION_TYPE -> named(tagged("enum"), name, qualifiers);
      default -> named(entry.name == null ? "?" : plain(entry.name), name, qualifiers);
    };
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

  private String tagged(String keyword) {
    return entry.name == null ? keyword + " {...}" : keyword + " " + entry.name;
  }

  /** Whether C writes the type behind the name, where a pointer to it needs parentheses. */
  private boolean isSuffix() {
    Entry current = entry;
    for (int i = 0; current != null && i < DebugInfo.MAX_DEPTH; i++) {
      if (qualifier(current.tag) == null) {
        return current.tag == DwarfReader.TAG_SUBROUTINE_TYPE
            || current.tag == DwarfReader.TAG_ARRAY_TYPE;
      }
      current = info.entry(current.type);
    }
    return false;
  }

  private String list(int[] parts) {
    StringBuilder list = new StringBuilder();
    for (Entry child : entry.children) {
      if (child.tag == DwarfReader.TAG_FORMAL_PARAMETER) {
        String parameter = new CType(info, child.type).declare("", "", parts);
        list.append(list.isEmpty() ? "" : ", ").append(parameter);
        if (parts[0] < 0) {
          break;
        }
      } else if (child.tag == DwarfReader.TAG_UNSPECIFIED_PARAMETERS && !list.isEmpty()) {
        list.append(", ...");
      }
    }
    return list.isEmpty() && entry.prototyped ? "void" : list.toString();
  }

  /** The typedef through which an anonymous struct is used. */
  private String typedefName() {
    Entry current = entry;
    for (int i = 0; current != null && i < DebugInfo.MAX_DEPTH; i++) {
      if (current.tag == DwarfReader.TAG_TYPEDEF && current.name != null) {
        return current.name;
      }
      current = isAlias(current.tag) ? info.entry(current.type) : null;
    }
    return "";
  }

  /** The largest alignment that a typedef on the way to the bare type asks for. */
  private long typedefAlignment() {
    long alignment = 0;
    Entry current = entry;
    for (int i = 0; current != null && i < DebugInfo.MAX_DEPTH; i++) {
      alignment = Math.max(alignment, current.alignment);
      current = isAlias(current.tag) ? info.entry(current.type) : null;
    }
    return alignment;
  }

  /**
   * The layout where at most {@code limit} of alignment is to be had, as in a packed struct.
   *
   * @param declared the alignment that the declaration asks for, or 0
   */
  MemoryLayout layout(long limit, long declared, int depth) {
    if (depth > DebugInfo.MAX_DEPTH) {
      throw new IllegalStateException(spelling() + " contains itself.");
    }
    MemoryLayout layout =
        switch (kind) {
          case STRUCT, UNION -> {
            CStruct struct = struct().orElseThrow(this::noLayout);
            yield struct.layout(limit, depth + 1);
          }
          case ARRAY -> {
            MemoryLayout element = element().layout(limit, 0, depth + 1);
            yield MemoryLayout.sequenceLayout(count(), element);
          }
          case VOID, FUNCTION -> throw noLayout();
          default -> scalar(limit);
        };
    long wanted = Math.max(declared, typedefAlignment());
    boolean more = wanted > layout.byteAlignment() && wanted <= limit;
    return more && Long.bitCount(wanted) == 1 ? layout.withByteAlignment(wanted) : layout;
  }

  private MemoryLayout scalar(long limit) {
    long size = size();
    if (kind == Kind.POINTER) {
      AddressLayout address = ValueLayout.ADDRESS;
      return address.withByteAlignment(Math.min(limit, address.byteAlignment()));
    }
    ValueLayout layout = null;
    if (kind == Kind.BOOL && size == 1) {
      layout = ValueLayout.JAVA_BOOLEAN;
    } else if (kind == Kind.FLOAT) {
      layout = size == 4 ? ValueLayout.JAVA_FLOAT : size == 8 ? ValueLayout.JAVA_DOUBLE : null;
    } else if (kind != Kind.UNKNOWN) {
      layout =
          size == 1
              ? ValueLayout.JAVA_BYTE
              : size == 2
                  ? ValueLayout.JAVA_SHORT
                  : size == 4 ? ValueLayout.JAVA_INT : size == 8 ? ValueLayout.JAVA_LONG : null;
    }
    if (layout != null) {
      return layout.withByteAlignment(Math.min(limit, layout.byteAlignment()));
    }
    if (size <= 0) {
      throw noLayout();
    }
    // Java has no such number: its bytes. Those of 16 bytes are aligned to as many.
    MemoryLayout bytes = MemoryLayout.sequenceLayout(size, ValueLayout.JAVA_BYTE);
    return bytes.withByteAlignment(Math.min(limit, Math.min(16, Long.lowestOneBit(size))));
  }

  private IllegalStateException noLayout() {
    return new IllegalStateException("The type " + spelling() + " has no layout.");
  }
}
