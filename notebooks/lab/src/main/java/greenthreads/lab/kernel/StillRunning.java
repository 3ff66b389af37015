package greenthreads.lab.kernel;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Says what an interrupt could and could not stop.
 *
 * <p>An interrupt ends a wait, and every isolated run. It cannot end a loop in Java that never
 * looks, nor native code in this process: the cell is given up, but its thread goes on.
 */
final class StillRunning {
  private static final long PATIENCE_MILLIS = 400;
  private static final long LOOK_MILLIS = 100;
  private static final String CELL_THREAD = "IJava-executor-";

  /** Threads a report has named: a later interrupt is about a later cell. */
  private static final Set<Thread> NAMED = ConcurrentHashMap.newKeySet();

  private StillRunning() {}

  /** A thread that came to an end of what was given up may run the cell that begins. */
  static void cellBegins() {
    NAMED.removeIf(thread -> Arrays.stream(thread.getStackTrace()).noneMatch(StillRunning::isCell));
  }

  static List<String> report() {
    var lines = new ArrayList<String>();
    lines.add(ErrorText.BOLD + "Interrupted." + ErrorText.PLAIN);
    Optional<Thread> busy = waitForEnd();
    if (busy.isPresent() && NAMED.add(busy.get())) {
      lines.add(
          "The cell is given up, but its code is still running"
              + where(busy.get().getStackTrace())
              + (keepsBusy(busy.get()) ? " and keeps a processor busy" : " and waits for something")
              + ": nothing in Java can stop it from outside.");
      lines.add(
          "To be rid of it, restart the kernel (menu Kernel, Restart Kernel). Until then the"
              + " notebook works as usual. To try such code safely, run it isolated:"
              + " Lab.isolate(x).f() in place of x.f().");
    }
    return lines;
  }

  /** Gives an interrupted cell the time to end, so that its last words are still its own. */
  static void await() {
    waitForEnd();
  }

  private static Optional<Thread> waitForEnd() {
    long deadline = System.nanoTime() + PATIENCE_MILLIS * 1_000_000;
    Optional<Thread> busy = busy();
    while (busy.isPresent() && System.nanoTime() < deadline) {
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return busy;
      }
      busy = busy();
    }
    return busy;
  }

  /** Whether a thread computes; else it sleeps, or waits for the system. */
  private static boolean keepsBusy(Thread thread) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long start = System.nanoTime();
    long used = threads.getThreadCpuTime(thread.threadId());
    try {
      Thread.sleep(LOOK_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    long more = threads.getThreadCpuTime(thread.threadId()) - used;
    return used < 0 || more * 50 > System.nanoTime() - start; // a busy machine gives it little
  }

  /** A thread of the kernel that is inside a cell's code. */
  private static Optional<Thread> busy() {
    return Thread.getAllStackTraces().entrySet().stream()
        .filter(entry -> isOfACell(entry.getKey()))
        .filter(entry -> !NAMED.contains(entry.getKey()))
        .filter(entry -> Arrays.stream(entry.getValue()).anyMatch(StillRunning::isCell))
        .map(Map.Entry::getKey)
        .findFirst();
  }

  /** Whether a thread runs the cells' code. */
  static boolean isOfACell(Thread thread) {
    return thread.getName().startsWith(CELL_THREAD);
  }

  private static boolean isCell(StackTraceElement frame) {
    return frame.getClassName().startsWith("REPL.$JShell$");
  }

  private static String where(StackTraceElement[] stack) {
    for (StackTraceElement frame : stack) {
      if (frame.getClassName().endsWith("$Native")) {
        return " (in native code, called as `" + frame.getMethodName() + "`)";
      }
    }
    return " (in Java)";
  }
}
