package greenthreads.lab.crash;

import static greenthreads.lab.crash.CrashCause.certain;
import static greenthreads.lab.crash.CrashCause.unknown;
import static greenthreads.lab.crash.CrashCause.veryLikely;

import greenthreads.lab.isolate.Crash;
import java.util.List;

/** The code ended its process or its thread, or has returned and left something behind. */
final class OwnEnds {
  private static final String RETURN = "Return from the function instead.";

  static final List<Rule> RULES =
      List.of(
          Rule.where(
              "pthread_exit",
              s -> isExit(s) && s.report().has("threadexit"),
              s ->
                  certain(
                      "The thread that made the call ended itself: by pthread_exit, or because it"
                          + " was cancelled (pthread_cancel).",
                      RETURN)),
          Rule.where(
              "exit",
              s -> isExit(s) && s.report().has("exit"),
              s ->
                  certain(
                      "The code called exit(%d), which ends the whole process: not isolated, the notebook's kernel."
                          .formatted(s.crash.exitStatus()),
                      RETURN)),
          Rule.where(
              "descriptors",
              s -> isExit(s) && s.report().word("reached").equals("result"),
              s ->
                  veryLikely(
                      "The function returned, but its result could not be told: very likely it has"
                          + " closed file descriptors that are not its own.",
                      "Close only what the code itself has opened.")),
          Rule.where(
              "exec",
              s ->
                  isExit(s)
                      && s.report().has("program")
                      && s.libraryNames(
                          "execl", "execle", "execlp", "execv", "execve", "execvp", "execvpe",
                          "fexecve")
                      && !s.libraryNames("prctl", "pthread_setname_np"),
              s ->
                  veryLikely(
                      ("The process ended with status %d, and was called `%s` by then: very likely"
                              + " that program took its place (exec).")
                          .formatted(s.crash.exitStatus(), s.report().word("program")),
                      "Start a program in a process of its own: fork() first, or posix_spawn().")),
          Rule.where(
              "_exit",
              OwnEnds::isExit,
              s ->
                  veryLikely(
                      ("The process ended with status %d and without exit()'s clean-up: very likely by"
                              + " _exit(%1$d) or quick_exit(%1$d), or by a program that took its place"
                              + " (exec).")
                          .formatted(s.crash.exitStatus()),
                      RETURN)),
          Rule.where(
              "vfork",
              s -> s.isFault() && s.report().word("copies").equals("1") && s.libraryNames("vfork"),
              s ->
                  veryLikely(
                      "Very likely the child that vfork() made has returned from the function: until it"
                          + " ends it shares the stack with its parent, which then found other values"
                          + " there.",
                      "After vfork() call only an exec function or _exit(); or use fork().")),
          Rule.where(
              "result",
              s ->
                  hasReturned(s)
                      && s.report().has("reads")
                      && s.isFaultNear(s.report().number("returned", 0).orElse(0)),
              s ->
                  certain(
                      "The function returned, but what it returned (0x%x) is not the address of a string."
                          .formatted(s.report().number("returned", 0).orElse(0)),
                      "Return a char * that is still valid after the function, or declare another"
                          + " result.")),
          Rule.where(
              "left behind",
              s -> hasReturned(s) && s.is("SIGBUS") && s.trap() == 17 && s.flag(18),
              s ->
                  certain(
                      "The function returned, and left the processor checking alignment (the AC flag is set).",
                      "Clear bit 18 of the flags before returning.",
                      "rflags")),
          Rule.where(
              "left behind",
              s -> hasReturned(s) && s.lostThreadPointer().isPresent(),
              s ->
                  certain(
                      "The function returned, but with a thread pointer (0x%x) that is not the thread's own."
                          .formatted(s.lostThreadPointer().getAsLong()),
                      "Leave %s alone, or put back what was there.".formatted(s.threadRegister()))),
          Rule.where(
              "left behind",
              OwnEnds::hasReturned,
              s ->
                  unknown(
                      "The function returned, and what it left behind made the process crash"
                          + " afterwards. What that was cannot be told.",
                      "Look for what outlives a call: flags and control registers, memory that was"
                          + " overwritten, threads.")));

  private OwnEnds() {}

  private static boolean isExit(CrashScene s) {
    return s.crash.kind() == Crash.Kind.EXIT;
  }

  private static boolean hasReturned(CrashScene s) {
    return s.isFault() && s.report().word("phase").equals("result");
  }
}
