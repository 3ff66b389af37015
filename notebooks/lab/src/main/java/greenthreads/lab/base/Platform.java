package greenthreads.lab.base;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;

/** What this machine is, in the words the rest of the lab uses. */
public final class Platform {
  private Platform() {}

  public static final boolean IS_MAC = System.getProperty("os.name").startsWith("Mac");

  /** {@code x86-64} or {@code AArch64}; anything else as the JDK names it. */
  public static final String ARCHITECTURE =
      switch (System.getProperty("os.arch")) {
        case "amd64", "x86_64" -> "x86-64";
        case "aarch64", "arm64" -> "AArch64";
        case String other -> other;
      };

  public static final boolean IS_X86_64 = ARCHITECTURE.equals("x86-64");

  public static final String LIBRARY_SUFFIX = IS_MAC ? ".dylib" : ".so";

  /** The size of a page of memory, as POSIX's getpagesize says. */
  public static int pageBytes() {
    Linker linker = Linker.nativeLinker();
    var handle =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("getpagesize"),
            FunctionDescriptor.of(ValueLayout.JAVA_INT));
    try {
      return (int) handle.invokeExact();
    } catch (Throwable e) {
      throw new IllegalStateException("getpagesize could not be called", e);
    }
  }
}
