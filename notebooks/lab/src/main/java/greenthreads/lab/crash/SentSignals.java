package greenthreads.lab.crash;

import static greenthreads.lab.crash.CrashCause.certain;
import static greenthreads.lab.crash.CrashCause.possible;
import static greenthreads.lab.crash.CrashCause.veryLikely;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Signals that are no fault of an instruction: sent by the code, by others, or by the system. */
final class SentSignals {
  private static final int EPIPE = 32;
  private static final int EFBIG = 27;

  static final List<Rule> RULES =
      List.of(
          new Rule(
              "broken pipe",
              s ->
                  refusedWrite(
                      s,
                      "SIGPIPE",
                      EPIPE,
                      "wrote to a pipe or a socket that nobody reads any more",
                      "Keep the reading end open as long as something is written; or ignore SIGPIPE,"
                          + " and look at what write() returns.")),
          new Rule(
              "file size",
              s ->
                  refusedWrite(
                      s,
                      "SIGXFSZ",
                      EFBIG,
                      "made a file larger than its limit allows (RLIMIT_FSIZE)",
                      "Write less, or raise the limit.")),
          new Rule("abort", SentSignals::abort),
          Rule.where(
              "sent",
              s -> s.sender().equals("self"),
              s ->
                  certain(
                      "The code sent %s to itself, with %s."
                          .formatted(
                              s.crash.signal(),
                              switch (s.code()) {
                                case "SI_TKILL" -> "raise() or pthread_kill()";
                                case "SI_QUEUE" -> "sigqueue()";
                                default -> "raise() or kill()";
                              }),
                      "Install a handler for it first, or do not send it.")),
          Rule.where(
              "sent by another",
              s -> s.sender().equals("other"),
              s ->
                  certain(
                      "Another process sent %s: no instruction of this one has caused it."
                          .formatted(s.crash.signal()),
                      "Look for a kill() in what the code has started.")),
          Rule.where(
              "timer",
              s -> s.code().equals("SI_TIMER") || isSystems(s, "SIGALRM", "SIGVTALRM", "SIGPROF"),
              s ->
                  certain(
                      "A timer ran out (%s), and nothing handles %s."
                          .formatted(
                              s.code().equals("SI_TIMER")
                                  ? "timer_settime"
                                  : s.is("SIGALRM") ? "alarm, or setitimer" : "setitimer",
                              s.crash.signal()),
                      "Install a handler for the signal before the timer is set.")),
          Rule.where(
              "processor time",
              s -> isSystems(s, "SIGXCPU"),
              s ->
                  certain(
                      "The process has used up the processor time that its limit allows (RLIMIT_CPU).",
                      "Look for a loop that does not end, or raise the limit.")),
          Rule.where(
              "seccomp",
              s -> s.is("SIGSYS") && s.code().equals("SYS_SECCOMP"),
              s ->
                  certain(
                      "A filter (seccomp) does not allow the system call with the number %d."
                          .formatted(s.report().decimal("syscall")),
                      "Look up the number in <sys/syscall.h>; allow the call, or do without it.")));

  /** What the C library prints last before it aborts, and what it means. */
  private record Message(String pattern, String meaning, String advice) {}

  private static final String BLOCK = "Look for a write past the end of a block from malloc().";

  private static final List<Message> MESSAGES =
      List.of(
          new Message(
              "(?:free|realloc)\\(\\): double free detected.*|double free or corruption.*",
              "the same memory was given to free() twice",
              "Give each block to free() once, and forget the pointer then."),
          new Message(
              "\\*\\*\\* stack smashing detected \\*\\*\\*.*",
              "a function wrote past the end of an array on its stack, over the value that the"
                  + " compiler had put behind it",
              "Look at the arrays of the function that was running, and at what fills them."),
          new Message(
              "(?:free|realloc|munmap_chunk|mremap_chunk)\\(\\): invalid pointer"
                  + "|.*pointer being freed was not allocated",
              "free() was given an address that malloc() did not return",
              "Pass to free() what malloc() returned, unchanged."),
          new Message(
              "\\*\\*\\* buffer overflow detected \\*\\*\\*.*",
              "a string or memory function was about to write past its buffer's end",
              "Compare the buffer's size with what is written to it."),
          new Message(
              "\\*\\*\\* longjmp causes uninitialized stack frame \\*\\*\\*.*",
              "longjmp() was to go back to a function that has returned",
              "Call longjmp() only while the function that called setjmp() is still running."),
          new Message(
              "(?:malloc|free|realloc|calloc|malloc_consolidate)\\(\\): .+|corrupted .+",
              "the bookkeeping beside malloc's blocks was overwritten: something wrote past the end"
                  + " of a block, or into one that was freed",
              BLOCK),
          new Message(
              "(?:.*: )?Assertion [`(].*",
              "an assert() did not hold",
              "See the condition it names."),
          new Message(
              "Assertion failed: .*", "an assert() did not hold", "See the condition it names."));

  private SentSignals() {}

  private static boolean isSystems(CrashScene s, String... signals) {
    return s.is(signals) && s.sender().equals("system");
  }

  /**
   * The system sends these as if the process had sent them itself. The call under way tells: it
   * comes back with an error, and the kill() of a signal does not.
   */
  private static Optional<CrashCause> refusedWrite(
      CrashScene s, String signal, int error, String what, String advice) {
    boolean maybe = s.is(signal) && s.sender().equals("self") && s.code().equals("SI_USER");
    OptionalLong result = s.systemCallResult();
    if (!maybe || result.orElse(-error) == 0) {
      return Optional.empty();
    }
    return Optional.of(
        result.isPresent() && result.getAsLong() == -error
            ? certain("The code %s: the system sent %s.".formatted(what, signal), advice)
            : possible(
                "The code may have %s, or sent %s to itself."
                    .formatted(what.replaceFirst("^wrote", "written"), signal),
                advice));
  }

  private static Optional<CrashCause> abort(CrashScene s) {
    if (!s.is("SIGABRT") || !s.sender().equals("self") || s.code().equals("SI_QUEUE")) {
      return Optional.empty();
    }
    String last = s.crash.details().errors().strip();
    last = last.substring(last.lastIndexOf('\n') + 1);
    boolean own = s.libraryNames("abort");
    for (Message message : MESSAGES) {
      if (last.matches(message.pattern())) {
        String ended =
            "the C library ended the process, since " + message.meaning() + ", as it printed.";
        return Optional.of(
            own
                ? veryLikely("Very likely " + ended, message.advice())
                : certain("T" + ended.substring(1), message.advice()));
      }
    }
    String advice = "See what was printed last, and where the call came from.";
    if (s.isOnStack("abort")) {
      return Optional.of(
          certain(
              "The process was ended by abort(): the code called it, or the C library did.",
              advice));
    }
    return s.code().equals("SI_USER") || s.knows("abort")
        ? Optional.empty() // by somebody else than abort
        : Optional.of(
            veryLikely(
                "Very likely abort() ended the process: the code called it, or the C library did.",
                advice));
  }
}
