package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.show.Check;
import java.time.Duration;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A museum of bugs. */
final class Chapter10 extends Chapter {
  Chapter10() {
    super(Chapter10::culprit, Chapter10::radio);
  }

  private static Predicate<Object> says(String words) {
    return seen -> seen.toString().contains(words);
  }

  // ------------------------------------------------------------ 10.1: the report, nothing else

  /** What the cell defines, in the place of the chapter's threads. */
  interface Culprit {
    int book_example();
  }

  private static final String NO_CRASH = "no crash";
  private static final String TRAP = "a place marked as never reached";
  private static final Pattern WHERE = Pattern.compile("(?m)^Where: +(\\w+)");
  private static final Pattern STACK =
      Pattern.compile("(?m)^Stack pointer: .*in the stack of (thread \\d+)");

  private static void culprit(Given given) {
    Culprit culprit = Lab.isolate(Lab.load("culprit", Culprit.class), Duration.ofSeconds(1));
    Object end = run(culprit);
    Check.exercise("10.1")
        .expect("how it ends", TRAP, () -> ending(end))
        .cause(says(NO_CRASH), "nothing crashed: nobody has come to that place")
        .cause(
            says("null"),
            "it dies of a null pointer: in the report no address is wrong, an instruction is"
                + " reached that nobody should reach")
        .cause(
            says("Stack overflow"),
            "a stack overflows: in the report there is plenty of it left, and no address is wrong")
        .cause(says("abort"), "abort() is called: in the report the process came to an instruction")
        .cause(says("exit"), "the code leaves the process by exit(): in the report nobody calls it")
        .cause(
            says("loop"),
            "it never ends: somebody waits for what does not come, or yields for ever")
        .cause(
            says("SIG"),
            "it crashes in another way: in the report every address is right, and a place is"
                + " reached that never should be")
        .cause(seen -> true, "it ends in another way than in the report")
        .expect("in the function", "thread_entry", () -> found(end, WHERE))
        .cause(
            says("thread_"),
            "the trap is one of your own: in the report it is the one that the runtime has")
        .cause(seen -> !ending(end).equals(TRAP), "see the first line")
        .cause(seen -> true, "the trap is in another function: look at the report's `Where`")
        .expect("on the stack of", "thread 1", () -> found(end, STACK))
        .cause(seen -> !ending(end).equals(TRAP), "see the first line")
        .cause(
            says("thread 2"),
            "it is the other way round: thread 1 had finished, and thread 2 was alive")
        .cause(seen -> true, "it is on another stack than in the report")
        .verdict();
  }

  private static Object run(Culprit culprit) {
    try {
      return attempt(culprit::book_example);
    } catch (Exception e) {
      return e;
    }
  }

  private static Object ending(Object end) {
    if (!(end instanceof NativeCrash crash)) {
      return end instanceof Exception e ? e : NO_CRASH;
    }
    String cause = crash.report().cause();
    return cause.contains("marked as never reached")
        ? TRAP
        : crash.report().headline().replaceFirst(".*?`[^`]*` ", "") + " " + cause;
  }

  /** What a line of the report names; or what there is in its place. */
  private static String found(Object end, Pattern line) {
    Matcher match = line.matcher(end instanceof NativeCrash crash ? crash.report().text() : "");
    return match.find() ? match.group(1) : "nothing that has a name";
  }

  // ------------------------------------------------------------ 10.2: the innocent

  /** What the cell defines. */
  interface Radio {
    long many(int threads, int whom);
  }

  private static void radio(Given given) {
    Radio radio = Lab.isolate(Lab.load("radio", Radio.class), Duration.ofSeconds(1));
    Check check = Check.exercise("10.2");
    heard(check, radio, "told 3, 2, 1: the youngest first", 123, 321);
    heard(check, radio, "told 1, 2, 3: the oldest first", 321, 123);
    heard(check, radio, "told 2, 3, 1", 132, 231);
    heard(check, radio, "told 2, 1, 3", 312, 213);
    check.verdict();
  }

  /**
   * Demands that the threads hear in the order in which they are told.
   *
   * @param whom the threads' numbers as digits; the last one is told first
   */
  private static void heard(Check check, Radio radio, String what, int whom, long expected) {
    check
        .expect(what, expected, () -> attempt(() -> radio.many(4, whom)))
        .cause(
            says("loop"),
            "somebody waits for ever: its record is no longer in the list, or the list leads in a"
                + " circle, or a thread that has heard does not end")
        .cause(says("time limit"), "somebody waits for ever for what never comes")
        .cause(
            says("free()"),
            "the record was never allocated: it is a local variable, and has only to leave the"
                + " list")
        .cause(says("exit"), "the process ended: a thread has to end, not the program")
        .cause(
            NULL_POINTER,
            "a null pointer is followed: the list ends with NULL, and before its first record there"
                + " is none, only `listeners`")
        .cause(says("abort()"), "abort() is called: a thread has to end, not the program")
        .cause(says("SIG"), "the speaker still finds a record whose thread has ended")
        .cause(
            seen -> seen instanceof Long,
            "somebody has not heard, or in another order: the records of the others have to stay in"
                + " the list");
  }
}
