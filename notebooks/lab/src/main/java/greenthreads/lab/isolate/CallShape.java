package greenthreads.lab.isolate;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.call.JavaType;
import greenthreads.lab.call.Signature;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Method;
import java.util.List;

/**
 * How a native function is called, as the host is told it: one letter for the result and one for
 * each parameter.
 *
 * @param signature the letters; host/main.c says what they mean
 */
public record CallShape(String signature) {
  static final int MAX_FLOATS = 8;

  /** What the host can pass besides floating point numbers; Apple packs what goes on the stack. */
  static final int MAX_INTEGERS = Platform.IS_MAC && !Platform.IS_X86_64 ? 8 : 12;

  /**
   * @throws LabException if a type has no counterpart in C, or there are too many parameters
   */
  public static CallShape of(Method method) {
    return of(Signature.of(method));
  }

  public static CallShape of(Signature signature) {
    CallShape shape = of(signature.result(), signature.parameters());
    long floats = shape.parameters().chars().filter(kind -> kind == 'f' || kind == 'd').count();
    if (floats > MAX_FLOATS || shape.parameters().length() - floats > MAX_INTEGERS) {
      throw new LabException(
          "%s has too many parameters for an isolated call: at most %d floating point, %d others."
                  .formatted(signature.java(), MAX_FLOATS, MAX_INTEGERS)
              + "\nPass a struct by pointer, or call it without isolating it.");
    }
    return shape;
  }

  static CallShape of(JavaType result, List<JavaType> parameters) {
    var letters = new StringBuilder().append(letter(result));
    parameters.forEach(type -> letters.append(letter(type)));
    return new CallShape(letters.toString());
  }

  private static char letter(JavaType type) {
    return switch (type) {
      case VOID -> 'v';
      case BOOLEAN -> 'z';
      case BYTE -> 'b';
      case SHORT -> 'h';
      case INT -> 'w';
      case LONG -> 'l';
      case FLOAT -> 'f';
      case DOUBLE -> 'd';
      case SEGMENT -> 'p';
      case STRING -> 's';
    };
  }

  /** A number as the host is given it: integers extended, a float in the low half. */
  public static long bits(Object number) {
    return switch (number) {
      case Boolean value -> value ? 1 : 0;
      case Float value -> Float.floatToRawIntBits(value) & 0xffff_ffffL;
      case Double value -> Double.doubleToRawLongBits(value);
      case Number value -> value.longValue();
      default -> throw new IllegalArgumentException("not a number: " + number);
    };
  }

  /** The result as a Java value, where it is neither a pointer nor a string. */
  public Object value(long integer, long floating) {
    return switch (result()) {
      case 'v' -> null;
      case 'z' -> (integer & 0xff) != 0;
      case 'b' -> (byte) integer;
      case 'h' -> (short) integer;
      case 'w' -> (int) integer;
      case 'l' -> integer;
      case 'f' -> Float.intBitsToFloat((int) floating);
      case 'd' -> Double.longBitsToDouble(floating);
      default -> throw new IllegalStateException("no number: " + result());
    };
  }

  /**
   * What errors call a pointer that is passed.
   *
   * @param index from 0 on
   * @throws LabException if it is null, which no pointer is
   */
  public static String argument(String function, int index, MemorySegment segment) {
    String name = "Argument " + (index + 1) + " of " + function;
    if (segment == null) {
      throw new LabException(name + " is null: pass MemorySegment.NULL for a null pointer.");
    }
    return name;
  }

  /**
   * @param name what {@link #argument} says
   * @throws LabException if this thread cannot read the segment, or nobody can any more
   */
  public static void requireReadable(String name, MemorySegment segment) {
    if (!segment.scope().isAlive()) {
      throw new LabException(name + " lies in an arena that is closed: allocate it again.");
    }
    if (!segment.isAccessibleBy(Thread.currentThread())) {
      throw new LabException(
          name + " belongs to another thread's confined arena: use Arena.ofAuto() in a cell.");
    }
  }

  public char result() {
    return signature.charAt(0);
  }

  public String parameters() {
    return signature.substring(1);
  }
}
