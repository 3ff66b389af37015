package greenthreads.lab.call;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/** Where a library's code runs: in this process, or in one of its own that lives on. */
public interface CodeHome {
  /**
   * A handle of exactly the method's type.
   *
   * <p>Nothing is loaded before it is called for the first time.
   */
  MethodHandle handle(Signature signature);

  /** The address of a function or a variable; loads the library if need be. */
  Optional<MemorySegment> look(String symbol);

  /** Where the library lies; 0 if it is not loaded, or if that is not known. */
  long base();

  /** The same for a method beside one that returns addresses: both must run in one process. */
  default MethodHandle handleBesideAddresses(Signature signature) {
    return handle(signature);
  }

  /** Nobody will call any more. If somebody does, it begins anew. */
  default void leave() {}
}
