package greenthreads.lab.call;

import greenthreads.lab.base.LabException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** Loads libraries into this process; where that fails, the system's own reason is told. */
public final class Loader {
  private static final int RTLD_NOW = 2;
  private static final Linker LINKER = Linker.nativeLinker();

  private Loader() {}

  /**
   * @param title what is loaded, for the message
   * @param arena how long it stays
   * @throws LabException if the system cannot load it
   */
  public static SymbolLookup load(String title, Path file, Arena arena) {
    try {
      return SymbolLookup.libraryLookup(file, arena);
    } catch (IllegalArgumentException e) {
      throw new LabException(
          title + " was compiled, but the system cannot load it" + why(file, e.getMessage()), e);
    }
  }

  private static String why(Path file, String otherwise) {
    String said = reason(file);
    String told = ": " + (said.isEmpty() ? otherwise : said) + ".\n";
    if (said.contains("failed to map segment") || said.contains("Operation not permitted")) {
      return told
          + "The folder "
          + file.getParent()
          + " lies where no code may run (mounted noexec, say). Set GREEN_THREADS_BUILD to a folder"
          + " elsewhere, and restart the kernel.";
    }
    return told + "A function that is declared and used but defined nowhere is the usual reason.";
  }

  /** The JDK keeps the reason to itself: it is asked for by trying again. */
  private static String reason(Path file) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(file.toString());
      MethodHandle open =
          function(
              "dlopen",
              FunctionDescriptor.of(
                  ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
      // Looked up before: to look a symbol up is the loader's work too, and its last word is kept.
      MethodHandle lastWord = function("dlerror", FunctionDescriptor.of(ValueLayout.ADDRESS));
      var opened = (MemorySegment) open.invokeExact(name, RTLD_NOW);
      if (opened.address() != 0) {
        return "";
      }
      var error = (MemorySegment) lastWord.invokeExact();
      String text =
          error.address() == 0 ? "" : error.reinterpret(Long.MAX_VALUE).getString(0).strip();
      // A file that was about to lose its name: its name says nothing.
      return text.startsWith(file + ": ") ? text.substring((file + ": ").length()) : text;
    } catch (Throwable e) {
      return "";
    }
  }

  private static MethodHandle function(String name, FunctionDescriptor type) {
    return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), type);
  }
}
