package greenthreads.lab.crash;

import java.util.List;
import java.util.stream.Stream;

/**
 * The likely cause of a crash, in a sentence that says how sure it is.
 *
 * @param rule the rule that found it, for tests
 * @param certainty how sure it is; the sentence's words agree with it
 * @param sentence the cause
 * @param advice what to try; may be empty
 * @param suspects the registers to look at
 */
public record CrashCause(
    String rule, Certainty certainty, String sentence, String advice, List<String> suspects) {

  enum Certainty {
    /** What was recorded leaves no other reading. */
    CERTAIN,
    /** The sentence says <em>very likely</em> of what is not seen but follows. */
    VERY_LIKELY,
    /** It says <em>may</em>. */
    POSSIBLE,
    /** It says that the cause <em>cannot be told</em>. */
    UNKNOWN
  }

  /** Tried in this order: from what leaves no doubt to what is only likely. */
  static final List<Rule> RULES =
      Stream.of(
              OwnEnds.RULES,
              TimeLimits.RULES,
              SentSignals.RULES,
              Unrecorded.RULES,
              Instructions.RULES,
              LostControl.RULES,
              StackFaults.RULES,
              Addresses.RULES)
          .flatMap(List::stream)
          .toList();

  /** The first rule that applies speaks; if none does, the cause cannot be told. */
  static CrashCause of(CrashScene scene) {
    return RULES.stream()
        .flatMap(rule -> rule.cause(scene).stream())
        .findFirst()
        .orElseGet(() ->
            unknown(
                "The cause cannot be told from what was recorded.",
                "Look at the instruction and at the registers that it uses."));
  }

  static CrashCause certain(String sentence, String advice, String... suspects) {
    return new CrashCause("none", Certainty.CERTAIN, sentence, advice, List.of(suspects));
  }

  static CrashCause veryLikely(String sentence, String advice, String... suspects) {
    return new CrashCause("none", Certainty.VERY_LIKELY, sentence, advice, List.of(suspects));
  }

  static CrashCause possible(String sentence, String advice, String... suspects) {
    return new CrashCause("none", Certainty.POSSIBLE, sentence, advice, List.of(suspects));
  }

  static CrashCause unknown(String sentence, String advice) {
    return new CrashCause("none", Certainty.UNKNOWN, sentence, advice, List.of());
  }

  CrashCause named(String name) {
    return new CrashCause(name, certainty, sentence, advice, suspects);
  }

  CrashCause suspecting(List<String> registers) {
    return new CrashCause(rule, certainty, sentence, advice, registers);
  }
}
