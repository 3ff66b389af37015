package greenthreads.lab.call;

import greenthreads.lab.binary.CType;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The Java types an interface may use for native calls, each with its C counterpart.
 *
 * <p>The layouts are the linker's canonical ones for C's own types.
 */
public enum JavaType {
  VOID(void.class, null, "void"),
  BOOLEAN(boolean.class, "bool", "_Bool"),
  BYTE(byte.class, "char", "char or int8_t"),
  SHORT(short.class, "short", "short or int16_t"),
  INT(int.class, "int", "int or another 32-bit integer"),
  LONG(long.class, "long long", "long or another 64-bit integer"),
  FLOAT(float.class, "float", "float"),
  DOUBLE(double.class, "double", "double"),
  SEGMENT(MemorySegment.class, "void*", "a pointer"),
  STRING(String.class, "void*", "char *");

  private final Class<?> carrier;
  private final MemoryLayout layout;
  private final String counterpart;

  JavaType(Class<?> carrier, String canonical, String counterpart) {
    this.carrier = carrier;
    this.layout =
        canonical == null ? null : Linker.nativeLinker().canonicalLayouts().get(canonical);
    this.counterpart = counterpart;
  }

  /** The type in Java. */
  public Class<?> carrier() {
    return carrier;
  }

  /** The layout for a function descriptor; null for {@link #VOID}. */
  MemoryLayout layout() {
    return layout;
  }

  /** What to write in C for it. */
  String counterpart() {
    return counterpart;
  }

  static Optional<JavaType> of(Class<?> carrier) {
    return Arrays.stream(values()).filter(type -> type.carrier == carrier).findFirst();
  }

  static String known() {
    return Arrays.stream(values())
        .map(type -> type.carrier.getSimpleName())
        .collect(Collectors.joining(", "));
  }

  /** Whether a C value of this type and a Java value of ours are the same bits. */
  boolean matches(CType c) {
    return switch (c.kind()) {
      case VOID -> this == VOID;
      case BOOL -> this == BOOLEAN;
      case FLOAT -> this == (c.size() == 4 ? FLOAT : DOUBLE) && c.size() <= 8;
      case POINTER -> this == SEGMENT || this == STRING && pointsToChar(c);
      case CHAR, SIGNED, UNSIGNED, ENUM -> this == integer(c.size());
      case ARRAY, FUNCTION, STRUCT, UNION, UNKNOWN -> false;
    };
  }

  private static JavaType integer(long size) {
    return switch ((int) size) {
      case 1 -> BYTE;
      case 2 -> SHORT;
      case 4 -> INT;
      default -> LONG;
    };
  }

  private static boolean pointsToChar(CType pointer) {
    return pointer.target().filter(target -> target.kind() == CType.Kind.CHAR).isPresent();
  }

  /** The Java type to use for a C type, for messages. */
  static String advice(CType c) {
    return Arrays.stream(values())
        .filter(type -> type != STRING && type.matches(c))
        .map(type -> "use " + type.carrier.getSimpleName())
        .findFirst()
        .orElse(
            c.kind() == CType.Kind.STRUCT || c.kind() == CType.Kind.UNION
                ? "a struct cannot be passed by value from here: add a C function that takes or fills"
                    + " one by pointer, and bind that"
                : "pass it by pointer, as a MemorySegment");
  }
}
