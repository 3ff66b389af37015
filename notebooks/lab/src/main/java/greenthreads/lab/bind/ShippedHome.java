package greenthreads.lab.bind;

import greenthreads.lab.call.CodeHome;
import greenthreads.lab.call.Signature;
import greenthreads.lab.isolate.SharedMemory;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Optional;

/**
 * Code as it was shipped: called in this process as long as whoever calls is as it was shipped too,
 * and in a process of its own from then on.
 *
 * <p>The code itself is trusted; what it is given need not be. A count that is larger than the
 * memory beside it, no memory at all or a billion rounds end or stop a process however good its
 * code is.
 *
 * @param here in this process
 * @param elsewhere in a process of its own
 * @param readers tells whether a cell of the reader's has run
 */
record ShippedHome(KernelHome here, LivingHome elsewhere, ReadersCells readers)
    implements CodeHome {
  private static final MethodHandle WANTS_KERNEL;

  static {
    try {
      WANTS_KERNEL =
          MethodHandles.lookup()
              .findStatic(
                  ShippedHome.class,
                  "wantsKernel",
                  MethodType.methodType(boolean.class, Object[].class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  @Override
  public MethodHandle handle(Signature signature) {
    MethodHandle direct = here.handle(signature);
    MethodType type = direct.type();
    MethodHandle wantsKernel =
        WANTS_KERNEL
            .asCollector(Object[].class, type.parameterCount())
            .asType(type.changeReturnType(boolean.class));
    return readers.choose(
        direct,
        MethodHandles.guardWithTest(
            wantsKernel, direct, readers.announced(elsewhere.handle(signature))));
  }

  /** A bare address means something in this process alone; and memory can be too large to share. */
  private static boolean wantsKernel(Object[] arguments) {
    for (Object argument : arguments) {
      if (argument instanceof MemorySegment memory
          && memory.isNative()
          && memory.address() != 0
          && (memory.byteSize() == 0 || memory.byteSize() > SharedMemory.MOST)) {
        return true;
      }
    }
    return false;
  }

  /** Who is handed addresses gives them back, to this process: then memory is looked at. */
  @Override
  public MethodHandle handleBesideAddresses(Signature signature) {
    MethodHandle direct = here.handle(signature);
    return here.function(signature.name())
        .map(function -> readers.choose(direct, RoomForStructs.asked(direct, function)))
        .orElse(direct);
  }

  @Override
  public Optional<MemorySegment> look(String symbol) {
    return here.look(symbol);
  }

  @Override
  public long base() {
    return here.base();
  }

  @Override
  public void leave() {
    elsewhere.leave();
  }
}
