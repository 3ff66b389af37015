package greenthreads.lab.call;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.function.LongUnaryOperator;

/**
 * A function of Java's that C may call.
 *
 * <p>An exception that leaves an upcall ends the JVM. So it is kept here, C is told 0, and the call
 * into C that led to the upcall throws it when it returns. Of several, the first one.
 */
public final class Upcall {
  private static final MethodHandle CALL;

  /** What was thrown during the downcall that this thread is in. */
  private static final ThreadLocal<Throwable> THROWN = new ThreadLocal<>();

  static {
    try {
      CALL =
          MethodHandles.lookup()
              .findVirtual(Upcall.class, "call", MethodType.methodType(long.class, long.class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final LongUnaryOperator function;

  private Upcall(LongUnaryOperator function) {
    this.function = function;
  }

  /**
   * A C function, {@code int64_t f(int64_t)}, that calls this one. It is never freed: nobody knows
   * how long C keeps its address.
   */
  public static MemorySegment of(LongUnaryOperator function) {
    return Linker.nativeLinker()
        .upcallStub(
            CALL.bindTo(new Upcall(function)),
            FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG),
            Arena.global());
  }

  private long call(long argument) {
    try {
      return function.applyAsLong(argument);
    } catch (Throwable e) {
      if (THROWN.get() == null) {
        THROWN.set(e);
      }
      return 0;
    }
  }

  /** To be called when a downcall has returned: throws what its upcalls threw. */
  public static void rethrow() {
    Throwable thrown = THROWN.get();
    if (thrown != null) {
      THROWN.remove();
      Upcall.<RuntimeException>raise(thrown);
    }
  }

  @SuppressWarnings(
      "unchecked") // the compiler takes any exception for one that need not be declared
  private static <E extends Throwable> void raise(Throwable thrown) throws E {
    throw (E) thrown;
  }
}
