package greenthreads.lab.bind;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.SwitchPoint;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * Whether a cell of Java has run that the reader has changed or written.
 *
 * <p>It may have defined what other cells call. So it is not asked whose cell calls, and there is
 * no way back but a new kernel. As long as there is none, calls are as fast as without the
 * question.
 */
final class ReadersCells {
  private static final MethodHandle TELL;

  static {
    try {
      TELL =
          MethodHandles.lookup()
              .findVirtual(ReadersCells.class, "tell", MethodType.methodType(void.class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final SwitchPoint none = new SwitchPoint();
  private final AtomicBoolean told = new AtomicBoolean();
  private final Consumer<String> say;

  /**
   * @param say where the news goes that calls are made elsewhere
   */
  ReadersCells(Consumer<String> say) {
    this.say = say;
  }

  /** One is going to run. */
  void begin() {
    if (!none.hasBeenInvalidated()) {
      SwitchPoint.invalidateAll(new SwitchPoint[] {none});
    }
  }

  /** The one handle before the first of them, the other one afterwards. */
  MethodHandle choose(MethodHandle before, MethodHandle afterwards) {
    return none.guardWithTest(before, afterwards);
  }

  /** The same handle; the first call of any says where it is made. */
  MethodHandle announced(MethodHandle handle) {
    return MethodHandles.foldArguments(handle, TELL.bindTo(this));
  }

  private void tell() {
    if (told.compareAndSet(false, true)) {
      say.accept(
          "Some Java that has run is yours. So from here on C runs in a process of its own: whatever"
              + " you give it, the kernel stays. Its variables are as at the beginning.");
    }
  }
}
