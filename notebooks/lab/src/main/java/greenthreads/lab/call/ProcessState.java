package greenthreads.lab.call;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import greenthreads.lab.compile.OwnCode;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What native code that runs in this process can spoil for Java, looked at and put back: state.c
 * does it.
 *
 * <p>After each call the calling thread's part is looked at; at the end of a cell, what belongs to
 * the process.
 */
public final class ProcessState {
  private static final String SOURCE = "state.c";

  /** In the order of state.c's bits. */
  private static final List<String> CHANGES =
      List.of(
          "how the processor computes with floating point numbers",
          "the processor's direction flag",
          "which signals are blocked",
          "the thread's locale",
          "standard input, output or error",
          "what happens at a signal that Java uses",
          "the locale",
          "the working folder",
          "the file mode mask (umask)",
          "a timer, which was still running",
          "a limit of this process (setrlimit)");

  private static final int OUT_OF_REACH = 1 << 11;

  private static volatile ProcessState current;

  private final MethodHandle afterCall;
  private final MethodHandle afterCell;
  private final MethodHandle takeCopy;
  private final MethodHandle bury;
  private final MethodHandle keepHandlers;
  private volatile boolean called;

  private ProcessState(Path library, int[] outputs) throws Throwable {
    SymbolLookup symbols = Loader.load(SOURCE, library, Arena.global());
    var number = FunctionDescriptor.of(JAVA_INT);
    // Without a thread's way out of Java and back: it returns at once, and calls nothing.
    afterCall = handle(symbols, "state_after_call", number, Linker.Option.critical(false));
    afterCell = handle(symbols, "state_after_cell", number);
    takeCopy = handle(symbols, "state_take_copy", number);
    bury = handle(symbols, "state_bury", FunctionDescriptor.ofVoid(JAVA_INT));
    keepHandlers = handle(symbols, "state_keep_handlers", FunctionDescriptor.ofVoid());
    handle(symbols, "state_begin", FunctionDescriptor.ofVoid(JAVA_INT, JAVA_INT))
        .invokeExact(outputs[0], outputs[1]);
  }

  private static MethodHandle handle(
      SymbolLookup symbols, String name, FunctionDescriptor type, Linker.Option... options) {
    return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), type, options);
  }

  /**
   * From now on this process is looked after. To be called before it runs native code of the
   * reader's; a second call does nothing.
   *
   * @param compiler the C compiler's command
   * @param cache an existing folder of ours
   */
  public static synchronized void keep(List<String> compiler, Path cache) {
    if (current != null) {
      return;
    }
    var source = new LinkedHashMap<String, byte[]>();
    source.put(SOURCE, OwnCode.text("/greenthreads/lab/call/" + SOURCE));
    Path library = OwnCode.library(compiler, source, cache, "state").file();
    try {
      current = new ProcessState(library, NativeOutput.readEnds());
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** The lab has installed a handler of its own for a signal: from now on that one is kept. */
  public static void keepHandlers() {
    ProcessState state = current;
    if (state != null) {
      try {
        state.keepHandlers.invokeExact();
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /**
   * To be called in the thread that has made a call, when that has returned: puts back what it
   * changed of the thread, and passes on what it printed.
   */
  public static void afterCall(String function) {
    ProcessState state = current;
    if (state == null) {
      NativeOutput.drain();
      return;
    }
    state.called = true;
    int found = call(state.afterCall);
    if (found == 0) {
      return;
    }
    NativeOutput.drain();
    told("`" + function + "`", found).ifPresent(System.err::println);
  }

  /** To be called when a cell has ended: puts back what was changed of the process. */
  public static void afterCell() {
    ProcessState state = current;
    if (state == null || !state.called) {
      return;
    }
    state.called = false;
    told("This cell's native code", call(state.afterCell)).ifPresent(System.err::println);
    state.endCopies();
  }

  private static int call(MethodHandle function) {
    try {
      return (int) function.invokeExact();
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** What is said of changes; empty if there are none. */
  static Optional<String> told(String who, int changes) {
    var names = new ArrayList<String>();
    IntStream.range(0, CHANGES.size())
        .filter(bit -> (changes & (1 << bit)) != 0)
        .forEach(bit -> names.add(CHANGES.get(bit)));
    if (names.isEmpty()) {
      return Optional.empty();
    }
    String reached =
        (changes & OUT_OF_REACH) == 0
            ? "It was put back as it was before"
            : "Not all of it could be put back: restart the kernel (menu Kernel, Restart Kernel)";
    return Optional.of(
        "%s changed %s, and left it so. %s, since whatever runs later in this process relies on it."
            .formatted(who, String.join("; ", names), reached));
  }

  /** What fork has made of this process, and what has not become another program since. */
  private void endCopies() {
    List<Integer> forked =
        IntStream.generate(() -> call(takeCopy)).takeWhile(pid -> pid > 0).boxed().toList();
    if (forked.isEmpty()) {
      return;
    }
    Optional<String> own = ProcessHandle.current().info().commandLine();
    boolean anyLeft = false;
    for (int pid : forked) {
      Optional<ProcessHandle> copy = ProcessHandle.of(pid);
      Optional<String> runs = copy.flatMap(process -> process.info().commandLine());
      if (runs.isEmpty() || runs.equals(own)) { // else it is another program by now
        anyLeft |= copy.map(ProcessHandle::destroyForcibly).orElse(false);
        bury(pid);
      }
    }
    System.err.println(
        "This cell's native code called fork in the kernel's own process: that makes a copy of the"
            + " whole kernel."
            + (anyLeft ? " What was left of that was ended." : "")
            + " To try fork, run the code isolated: Lab.isolate(x).f() in place of x.f().");
  }

  private void bury(int pid) {
    try {
      bury.invokeExact(pid);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
