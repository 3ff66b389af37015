package greenthreads.lab.isolate;

import java.util.List;

/** How an isolated run ended. */
public sealed interface Outcome {
  /**
   * The function returned.
   *
   * @param value its result as the Java type of the call's shape; null for void
   * @param warnings whole sentences about what it left behind: registers that it did not restore,
   *     threads and processes that were still running; usually none
   */
  record Returned(Object value, List<String> warnings) implements Outcome {}

  /** A signal ended the process. */
  record Crashed(Crash crash) implements Outcome {}

  /** The time limit ended it; the crash says where it was. */
  record TimedOut(Crash crash) implements Outcome {}

  /** The code ended the process itself, with exit(), _exit() or the like. */
  record Exited(Crash crash) implements Outcome {}

  /** The caller's thread was interrupted; everything that ran has been ended. */
  record Interrupted() implements Outcome {}
}
