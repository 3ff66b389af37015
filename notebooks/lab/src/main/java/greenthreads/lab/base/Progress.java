package greenthreads.lab.base;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What the lab is busy with, for whoever waits: compiling, building for another machine.
 *
 * <p>Work says what it is while it is done; the kernel shows it once it has taken a while.
 */
public final class Progress {
  private Progress() {}

  /**
   * Work that has begun and not ended.
   *
   * @param what a few words: {@code compiling 03-a-single-stack-swap.c}
   * @param thread whose work it is
   * @param began {@link System#nanoTime()} then
   */
  public record Task(String what, Thread thread, long began) {}

  /** Work that may fail in its own way. */
  public interface Work<T, E extends Exception> {
    /** Does the work, and returns what came of it. */
    T done() throws E;
  }

  private static final Map<Thread, Task> RUNNING = new ConcurrentHashMap<>();

  /** Does work. Of work inside other work the outer one is told: it knows what it is for. */
  public static <T, E extends Exception> T during(String what, Work<T, E> work) throws E {
    Thread thread = Thread.currentThread();
    if (RUNNING.putIfAbsent(thread, new Task(what, thread, System.nanoTime())) != null) {
      return work.done();
    }
    try {
      return work.done();
    } finally {
      RUNNING.remove(thread);
    }
  }

  /** All that is being done now. */
  public static List<Task> running() {
    return List.copyOf(RUNNING.values());
  }
}
