package greenthreads.exercises;

import greenthreads.lab.Check;
import greenthreads.lab.Crash;
import greenthreads.lab.Lab;
import greenthreads.lab.NativeCrash;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;

/** There and back. */
final class Chapter05 extends Chapter {
  Chapter05() {
    super(Chapter05::wayBack, Chapter05::argument);
  }

  // ------------------------------------------------------------ 05.1: the way back

  /** What the cell defines. */
  interface Restored {
    int lost_by(int variant, MemorySegment names, int size);

    int right_sums(int variant, int rounds);
  }

  private static void wayBack(Given given) {
    Restored yours = Lab.isolate(Lab.load("restored", Restored.class), Duration.ofSeconds(1));
    String crashed =
        "`ret` takes the slot at sp: do saved registers still lie there, or did you take one too"
            + " many?";
    int all = Lab.load("05-there-and-back").layout("context").memberLayouts().size() - 1;
    Check.exercise("05.1")
        .expect("lost on a round trip", "nothing", () -> attempt(() -> lost(yours)))
        .cause(result -> result instanceof NativeCrash, crashed)
        .<String>cause(
            names -> names.split(" ").length >= all - 2,
            "nearly all came back with another one's value: what was pushed last is popped first")
        .<String>cause(
            names -> names.split(" ").length > 1,
            "these came back with other values: look at their order, and whether each is there")
        .cause(names -> true, "this one was dropped: its slot was skipped, but its value is needed")
        .expect("right sums, of 2", 2, () -> attempt(() -> yours.right_sums(0, 1000)))
        .cause(
            result ->
                result instanceof NativeCrash crash
                    && crash.crash().kind() != Crash.Kind.TIME_LIMIT,
            crashed)
        .cause(result -> true, "a register came back wrong, and a sum or a counter was in it")
        .verdict();
  }

  private static String lost(Restored yours) {
    MemorySegment names = Arena.ofAuto().allocate(256);
    int count = yours.lost_by(0, names, 256);
    return count < 0 ? "error " + count : count == 0 ? "nothing" : names.getString(0);
  }

  // ------------------------------------------------------------ 05.2: begin with an argument

  /** What the cell defines. */
  interface Begun {
    long begin_with(long argument);
  }

  private static void argument(Given given) {
    Begun begun = Lab.isolate(Lab.load("begun", Begun.class), Duration.ofSeconds(1));
    String nowhere = "the trampoline goes to what FUNCTION_IN holds: is that the address of body?";
    Check check = Check.exercise("05.2");
    for (long argument : List.of(42L, 7L)) {
      check
          .expect(
              "begin_with(" + argument + ")",
              argument,
              () -> attempt(() -> begun.begin_with(argument)))
          .<NativeCrash>cause(
              crash -> crash.crash().pc().orElse(-1) == argument,
              "it went to the argument as if it were code: the two are exchanged")
          .<NativeCrash>cause(crash -> crash.crash().pc().orElse(-1) == 0, nowhere)
          .<NativeCrash>cause(
              crash -> crash.crash().kind() == Crash.Kind.TIME_LIMIT,
              "it goes round in a circle: FUNCTION_IN leads back to where it came from")
          .cause(
              result -> result instanceof NativeCrash,
              "sp is lost: set two members of echo.context, and leave the others as they are")
          .cause(result -> result.equals(0L), "body ran with 0: nothing was put into ARGUMENT_IN")
          .cause(
              result -> true,
              "body got another value: hand it `argument`, not a number of your own");
    }
    check.verdict();
  }
}
