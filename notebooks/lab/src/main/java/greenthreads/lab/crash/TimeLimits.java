package greenthreads.lab.crash;

import static greenthreads.lab.crash.CrashCause.certain;
import static greenthreads.lab.crash.CrashCause.possible;
import static greenthreads.lab.crash.CrashCause.unknown;

import greenthreads.lab.base.Words;
import greenthreads.lab.isolate.Crash;
import java.time.Duration;
import java.util.List;

/** The call took too long: what it may have been doing. */
final class TimeLimits {
  private static final long MUCH_OUTPUT = 1_000_000;

  static final List<Rule> RULES =
      List.of(
          limit(
              "time limit",
              s -> s.crash.details().printed() > MUCH_OUTPUT,
              s ->
                  possible(
                      "It may be a loop that prints without end: it had printed %,d bytes."
                          .formatted(s.crash.details().printed()),
                      "Look at the condition that is to end the loop.")),
          limit(
              "time limit",
              s -> s.pc.isEmpty(),
              s ->
                  unknown(
                      "Where it was cannot be told: it did not answer the signal that asks (%s)."
                          .formatted(time(s)),
                      "Look for a %s without end, with signals blocked or handled by the code itself."
                          .formatted(busy(s) * 10 >= took(s) * 8 ? "loop" : "wait"))),
          limit(
              "time limit",
              s -> s.crash.isa().isSelfJump(s.code(4)),
              s ->
                  certain(
                      "It is an endless loop: the instruction jumps to itself.",
                      "Give the loop a condition that ends it.")),
          // Each fault is a way into the operating system and back: that is where such a loop
          // stays.
          limit(
              "handler returns",
              s ->
                  s.report().has("handles")
                      && s.report().decimal("system") * 4 >= s.report().decimal("system") + busy(s)
                      && !isWaiting(s),
              s ->
                  possible(
                      ("It may be a handler that returns to the instruction that failed: the code"
                              + " handles %s itself, and after its handler the same instruction is"
                              + " carried out again (%s).")
                          .formatted(s.report().word("handles"), time(s)),
                      "Let the handler end the process, or leave it with siglongjmp().")),
          limit(
              "time limit",
              s -> !isWaiting(s),
              s ->
                  possible(
                      "It may be a loop that does not end: it was still computing%s (%s)."
                          .formatted(
                              s.space.function(s.pc.getAsLong()).map(f -> " in " + f).orElse(""),
                              time(s)),
                      "Look at the condition that is to end the loop, or allow more time.")),
          limit(
              "system calls",
              s -> busy(s) * 20 >= took(s),
              s ->
                  possible(
                      ("It was in the operating system when it was looked at, and had computed before"
                              + " (%s): it may be a loop that calls it again and again, or it may wait"
                              + " for what never happens.")
                          .formatted(time(s)),
                      "Look at the condition that is to end the loop, and at what it waits for.")),
          limit(
              "time limit",
              s -> true,
              s ->
                  possible(
                      "It was waiting in the operating system (%s): it may wait for what never happens."
                          .formatted(time(s)),
                      "Look at what it waits for, or allow more time.")));

  private TimeLimits() {}

  private static Rule limit(
      String name,
      java.util.function.Predicate<CrashScene> holds,
      java.util.function.Function<CrashScene, CrashCause> tell) {
    return Rule.where(name, s -> s.crash.kind() == Crash.Kind.TIME_LIMIT && holds.test(s), tell);
  }

  /** A busy machine leaves a loop little processor time: where it was says more than how long. */
  private static boolean isWaiting(CrashScene s) {
    return s.isInSystemCall() && busy(s) * 2 < took(s);
  }

  private static long busy(CrashScene s) {
    return s.crash.details().busy().toMillis();
  }

  private static long took(CrashScene s) {
    return Math.max(1, s.crash.took().toMillis());
  }

  private static String time(CrashScene s) {
    return "it used %s of processor time in %s"
        .formatted(
            Words.duration(Duration.ofMillis(busy(s)).toNanos()),
            Words.duration(s.crash.took().toNanos()));
  }
}
