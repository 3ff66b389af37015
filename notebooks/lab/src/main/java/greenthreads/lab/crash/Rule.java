package greenthreads.lab.crash;

import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;

/** Knows one kind of end, and what would contradict it. */
record Rule(String name, Function<CrashScene, Optional<CrashCause>> test) {
  /** One that applies where a condition holds. */
  static Rule where(
      String name, Predicate<CrashScene> holds, Function<CrashScene, CrashCause> tell) {
    return new Rule(
        name, scene -> holds.test(scene) ? Optional.of(tell.apply(scene)) : Optional.empty());
  }

  /** The cause, if it is of this kind. */
  Optional<CrashCause> cause(CrashScene scene) {
    return test.apply(scene).map(cause -> cause.named(name));
  }
}
