package greenthreads.lab.isolate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * The processes that a call in a living process has left running.
 *
 * <p>They are ended from here, since here each has the number that the system lists it by: inside,
 * in a namespace of their own, they have others. Where the watcher takes orphans in (Linux) none
 * can hide; elsewhere one whose parent has ended is not seen.
 */
final class Strays {
  /** One that waits for something after that time waits for long. */
  private static final int GRACE_MILLIS = 20;

  /**
   * One that runs may be about to end, and on a busy machine it may not have had a processor yet.
   */
  private static final int GRACE_OF_RUNNING_MILLIS = 400;

  /** One that forks and ends while the system's list is read may hide its child from one look. */
  private static final int LOOKS = 3;

  private static final int PATIENCE_MILLIS = 2_000;

  /**
   * @param ended how many were ended
   * @param isLeft whether some could not be
   */
  record End(int ended, boolean isLeft) {}

  private final ProcessHandle guard;
  private final Set<Long> ours = new HashSet<>();

  /**
   * @param guard the process that was started
   * @param runner the number of the one that makes the calls; its parent is the watcher
   */
  Strays(ProcessHandle guard, long runner) {
    this.guard = guard;
    ours.add(runner);
    ProcessHandle.of(runner)
        .flatMap(ProcessHandle::parent)
        .ifPresent(watcher -> ours.add(watcher.pid()));
  }

  /** Ends all of them. Those that end by themselves in a moment are not counted. */
  End end() {
    var ended = new HashSet<Long>();
    long start = System.nanoTime();
    int noneSeen = 0;
    while (true) {
      List<ProcessHandle> running = running();
      long millis = (System.nanoTime() - start) / 1_000_000;
      noneSeen = running.isEmpty() ? noneSeen + 1 : 0;
      if (noneSeen == LOOKS || millis > PATIENCE_MILLIS) {
        return new End(ended.size(), !running.isEmpty());
      }
      running.stream()
          .filter(stray -> millis >= (waits(stray.pid()) ? GRACE_MILLIS : GRACE_OF_RUNNING_MILLIS))
          .filter(ProcessHandle::destroyForcibly)
          .forEach(stray -> ended.add(stray.pid()));
      LockSupport.parkNanos(1_000_000);
    }
  }

  private List<ProcessHandle> running() {
    return guard
        .descendants()
        .filter(process -> !ours.contains(process.pid()))
        .filter(ProcessHandle::isAlive)
        .filter(process -> !hasEnded(process.pid()))
        .toList();
  }

  /** Whether it is only still listed, since nobody has waited for it; Linux says so. */
  private static boolean hasEnded(long pid) {
    return state(pid).map("Z"::equals).orElseGet(() -> Files.exists(Path.of("/proc/self")));
  }

  /** Whether it sleeps; false where the system does not say so. */
  private static boolean waits(long pid) {
    return state(pid).filter("S"::equals).isPresent();
  }

  /**
   * The letter for what a process does (proc_pid_stat(5)); empty if it is gone, or not on Linux.
   */
  private static Optional<String> state(long pid) {
    try {
      String status = Files.readString(Path.of("/proc/" + pid + "/stat"));
      int at = status.lastIndexOf(')') + 2;
      return Optional.of(status.substring(at, at + 1));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
