package greenthreads.lab.bind;

import greenthreads.lab.base.LabException;
import greenthreads.lab.binary.CFunction;
import greenthreads.lab.call.CodeHome;
import greenthreads.lab.call.Signature;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.List;
import java.util.Optional;

/**
 * Code that stays in this process since addresses go to and fro; once a cell of the reader's has
 * run, memory that is too small for what C puts there is refused.
 *
 * @param here in this process
 * @param readers tells whether a cell of the reader's has run
 */
record RoomyHome(KernelHome here, ReadersCells readers) implements CodeHome {
  private static final MethodHandle CHECK;

  static {
    try {
      CHECK =
          MethodHandles.lookup()
              .findVirtual(Call.class, "check", MethodType.methodType(void.class, Object[].class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  @Override
  public MethodHandle handle(Signature signature) {
    MethodHandle direct = here.handle(signature);
    Optional<CFunction> function = here.function(signature.name());
    if (function.isEmpty()) {
      return direct;
    }
    MethodType type = direct.type();
    MethodHandle check =
        CHECK
            .bindTo(new Call(signature.name(), function.get().parameters()))
            .asCollector(Object[].class, type.parameterCount())
            .asType(type.changeReturnType(void.class));
    return readers.choose(direct, MethodHandles.foldArguments(direct, check));
  }

  /** What C says of a function's arguments. */
  private record Call(String function, List<CFunction.Parameter> parameters) {
    void check(Object... arguments) {
      for (int i = 0; i < Math.min(arguments.length, parameters.size()); i++) {
        long needed = parameters.get(i).type().target().map(target -> target.size()).orElse(0L);
        if (arguments[i] instanceof MemorySegment memory
            && memory.byteSize() > 0 // of a bare address nothing is known
            && memory.byteSize() < needed) {
          throw new LabException(
              ("Argument %d of %s has %,d bytes. C declares it as `%s`, which takes %,d.\nAllocate it"
                      + " by its layout, which Library.layout reads from the compiled code.")
                  .formatted(i + 1, function, memory.byteSize(), parameters.get(i), needed));
        }
      }
    }
  }

  @Override
  public Optional<MemorySegment> look(String symbol) {
    return here.look(symbol);
  }

  @Override
  public long base() {
    return here.base();
  }
}
