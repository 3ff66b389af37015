package greenthreads.lab.crash;

import static greenthreads.lab.crash.CrashCause.certain;
import static greenthreads.lab.crash.CrashCause.possible;
import static greenthreads.lab.crash.CrashCause.unknown;
import static greenthreads.lab.crash.CrashCause.veryLikely;

import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;

/** The process ended before it could say anything: what else is known. */
final class Unrecorded {
  /** The bits of SIGILL, SIGBUS and SIGFPE in Linux's masks: nobody blocks them one by one. */
  private static final long FAULTS = 1 << 3 | 1 << 6 | 1 << 7;

  private static final String SECCOMP =
      "Allow the call (strict mode allows read, write and exit alone); a filter that answers with"
          + " SECCOMP_RET_TRAP lets the report tell which it was.";

  static final List<Rule> RULES =
      List.of(
          // 3: it has killed the process; older Linux keeps the mode, 1 strict, 2 by a filter.
          nothing(
              "seccomp",
              s -> s.is("SIGKILL", "SIGSYS") && s.report().word("seccomp").equals("3"),
              s ->
                  certain(
                      "Seccomp ended the process at a system call that the code itself has forbidden.",
                      SECCOMP)),
          nothing(
              "seccomp",
              s ->
                  s.report().word("seccomp").equals(s.is("SIGSYS") ? "2" : "1")
                      && s.is("SIGKILL", "SIGSYS"),
              s ->
                  veryLikely(
                      "Very likely seccomp ended the process at a system call that the code itself has"
                          + " forbidden.",
                      SECCOMP)),
          nothing(
              "killed",
              s -> s.is("SIGKILL"),
              s ->
                  possible(
                      "Something killed the process: it may have killed itself, memory may have run out,"
                          + " or a limit on processor time was reached (RLIMIT_CPU).",
                      "")),
          nothing(
              "watcher",
              s -> s.crash.signal().isEmpty(),
              s ->
                  unknown(
                      "The cause cannot be told: the process that watches the run was killed as well.",
                      "Look for a kill() that is sent to more than its own process.")),
          nothing(
              "blocked",
              s ->
                  isFault(s)
                      && (s.report().number("blocked", 0).orElse(0) & FAULTS) == FAULTS
                      && s.libraryNames(
                          "sigprocmask", "pthread_sigmask", "sigsetmask", "sigaction"),
              s ->
                  unknown(
                      "The cause cannot be told: the code blocks signals, and a process that blocks"
                          + " %s ends at once when it comes.".formatted(s.crash.signal()),
                      "Block no signals that a fault causes, and run it again.")),
          nothing(
              "own handler",
              s ->
                  s.libraryNames("signal", "__sysv_signal", "sigaction", "sigaltstack")
                      || !s.report().has("blocked") // else it is known that none is
                          && s.libraryNames("sigprocmask", "pthread_sigmask"),
              s ->
                  unknown(
                      ("The cause cannot be told: the code handles or blocks signals itself, so"
                              + " nothing was recorded when %s came.")
                          .formatted(s.crash.signal()),
                      "Leave that out, and run it again.")),
          nothing(
              "thread's stack",
              s -> isFault(s) && s.libraryNames("pthread_create", "thrd_create"),
              s ->
                  veryLikely(
                      "No register could be recorded, since the handler found no stack to run on: very"
                          + " likely the stack of an OS thread that the code started has overflowed.",
                      "Look at the threads' functions: deep recursion, large arrays.")),
          nothing(
              "no registers",
              s -> true,
              s ->
                  unknown(
                      "The cause cannot be told: nothing was recorded when %s ended the process."
                          .formatted(s.crash.signal()),
                      isFault(s)
                          ? "Look for code that changes how signals are handled."
                          : "Look for a raise() or kill() of that signal.")));

  private Unrecorded() {}

  private static Rule nothing(
      String name, Predicate<CrashScene> holds, Function<CrashScene, CrashCause> tell) {
    return Rule.where(name, s -> s.pc.isEmpty() && holds.test(s), tell);
  }

  private static boolean isFault(CrashScene s) {
    return s.is("SIGSEGV", "SIGBUS");
  }
}
