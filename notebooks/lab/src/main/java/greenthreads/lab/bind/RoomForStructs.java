package greenthreads.lab.bind;

import greenthreads.lab.base.LabException;
import greenthreads.lab.binary.CFunction;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.List;

/**
 * Refuses memory that is smaller than what C declares there.
 *
 * @param function its name
 * @param parameters what C says of its arguments
 * @param needed for each, the bytes that it points to; 0 if it is no pointer, or that is not known
 */
record RoomForStructs(String function, List<CFunction.Parameter> parameters, List<Long> needed) {
  private static final MethodHandle CHECK;

  static {
    try {
      CHECK =
          MethodHandles.lookup()
              .findVirtual(
                  RoomForStructs.class, "check", MethodType.methodType(void.class, Object[].class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** The same handle, which looks at its arguments first. */
  static MethodHandle asked(MethodHandle handle, CFunction function) {
    List<Long> needed =
        function.parameters().stream()
            .map(parameter -> parameter.type().target().map(target -> target.size()).orElse(0L))
            .toList();
    MethodType type = handle.type();
    MethodHandle check =
        CHECK
            .bindTo(new RoomForStructs(function.name(), function.parameters(), needed))
            .asCollector(Object[].class, type.parameterCount())
            .asType(type.changeReturnType(void.class));
    return MethodHandles.foldArguments(handle, check);
  }

  private void check(Object... arguments) {
    for (int i = 0; i < Math.min(arguments.length, parameters.size()); i++) {
      if (arguments[i] instanceof MemorySegment memory
          && memory.byteSize() > 0 // of a bare address nothing is known
          && memory.byteSize() < needed.get(i)) {
        throw new LabException(
            ("Argument %d of %s has %,d bytes. C declares it as `%s`, which takes %,d.\nAllocate it"
                    + " by its layout, which Library.layout reads from the compiled code.")
                .formatted(i + 1, function, memory.byteSize(), parameters.get(i), needed.get(i)));
      }
    }
  }
}
