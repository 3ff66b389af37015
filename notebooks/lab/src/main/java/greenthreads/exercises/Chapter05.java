package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.bind.Library;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.show.Check;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

/** There and back. */
final class Chapter05 extends Chapter {
  Chapter05() {
    super(Chapter05::whole, Chapter05::tested, Chapter05::begun);
  }

  // ------------------------------------------------------------ 05.1: a whole switch

  /** What the chapter's file does with the cell's switch. */
  interface Whole {
    int lost_by(int variant, MemorySegment names, int size);

    int round_trip(int variant, MemorySegment out);

    int right_sums(int variant, int rounds);
  }

  private static final String NONE = "none";

  private static void whole(Given given) {
    Library library = Lab.load("whole");
    Whole whole = Lab.isolate(library.bind(Whole.class), Duration.ofSeconds(1));
    Check.exercise("05.1")
        .expect("registers that a round trip loses", NONE, () -> attempt(() -> lost(whole)))
        .cause(
            result -> result instanceof NativeCrash,
            "`ret` found no return address: all that is pushed has to be popped, and no more. (On"
                + " AArch64 the address comes out of x30, which the call overwrites.)")
        .cause(
            result -> !exchanged(library, whole).isEmpty(),
            "registers came back with the values of others: a stack gives back first what came last")
        .<String>cause(
            names -> names.split(" ").length == everything(library),
            "no group is kept: it has to be pushed before the stacks are exchanged, and popped after")
        .cause(result -> true, "at least one group is not kept: pushed before, and popped after")
        .expect("sums that are right", 2, () -> attempt(() -> whole.right_sums(0, 1000)))
        .cause(
            result -> !NONE.equals(attemptQuietly(() -> lost(whole))),
            "mend the line above first: a sum needs its registers")
        .cause(result -> true, "the two sides do not take turns: what exchanges the stacks?")
        .verdict();
  }

  private static String lost(Whole whole) {
    MemorySegment names = Arena.ofAuto().allocate(256);
    int count = whole.lost_by(0, names, 256);
    return count == 0 ? NONE : names.getString(0);
  }

  private static Object attemptQuietly(Callable<?> call) {
    try {
      return attempt(call);
    } catch (Exception e) {
      return e;
    }
  }

  /** How many registers the callee owns. */
  private static int everything(Library library) {
    return library.layout("context").memberLayouts().size() - 1; // all but sp
  }

  /** The callee-saved registers that came back with what had been planted in another one. */
  private static Set<String> exchanged(Library library, Whole whole) {
    StructLayout trip = library.layout("round_trip");
    StructLayout registers = library.layout("registers");
    MemorySegment out = Arena.ofAuto().allocate(trip);
    whole.round_trip(0, out);
    MemorySegment before = out.asSlice(0, registers.byteSize());
    MemorySegment after = out.asSlice(registers.byteSize(), registers.byteSize());
    List<String> names =
        library.layout("context").memberLayouts().stream()
            .map(member -> member.name().orElseThrow())
            .filter(name ->
                registers.memberLayouts().stream()
                    .anyMatch(r -> r.name().equals(Optional.of(name))))
            .toList();
    Set<Long> planted =
        names.stream().map(name -> member(registers, before, name)).collect(Collectors.toSet());
    return names.stream()
        .filter(name -> member(registers, before, name) != member(registers, after, name))
        .filter(name -> planted.contains(member(registers, after, name)))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  // ------------------------------------------------------------ 05.2: a test for switches

  /** What the cell defines, and a function of the chapter. */
  interface Tested {
    int test_says(int candidate);

    String candidate_name(int candidate);
  }

  private static void tested(Given given) {
    Tested tested = Lab.isolate(Lab.load("tested", Tested.class), Duration.ofSeconds(2));
    Check.exercise("05.2")
        .expect("of the right switch", "right", () -> attempt(() -> judgement(tested, 0)))
        .cause(result -> isEndless(result), "the test does not come to an end: look at its loop")
        .cause(
            result -> result instanceof NativeCrash,
            "the test crashed: it may use the indices from 0 to REGISTERS - 1")
        .cause(
            result -> true,
            "it refuses a right switch. Is each value planted before, and compared after the trip? And"
                + " which registers may come back with another value?")
        .expect("faulty ones that it calls right", "none", () -> attempt(() -> letThrough(tested)))
        .cause(
            result -> result instanceof NativeCrash,
            "on a faulty switch the test crashed or never ended: it should only look and compare")
        .<String>cause(
            names -> names.contains("all"),
            "it sees no fault at all: is something compared, and is what you plant another value than"
                + " the -1 that the other side leaves?")
        .<String>cause(
            names -> names.contains("forgets"), "it does not look at every callee-saved register")
        .<String>cause(
            names -> names.contains("exchanges"),
            "two registers that hold equal values can be exchanged, and nobody notices")
        .cause(
            names -> true,
            "only the lower half of a register came back, and it was equal: is anything in the upper"
                + " half of what you plant?")
        .verdict();
  }

  private static boolean isEndless(Object result) {
    return result instanceof NativeCrash crash && crash.crash().kind() == Crash.Kind.TIME_LIMIT;
  }

  private static String judgement(Tested tested, int candidate) {
    return tested.test_says(candidate) != 0 ? "right" : "faulty";
  }

  private static String letThrough(Tested tested) {
    List<String> names = new ArrayList<>();
    for (int i = 1; tested.candidate_name(i) != null; i++) {
      if (tested.test_says(i) != 0) {
        names.add("it " + tested.candidate_name(i));
      }
    }
    return names.isEmpty() ? "none" : String.join(", ", names);
  }

  // ------------------------------------------------------------ 05.3: begin with an argument

  /** What the cell defines. */
  interface Begun {
    long begin_with(long argument, MemorySegment hasRun);
  }

  private static void begun(Given given) {
    Begun begun = Lab.isolate(Lab.load("begun", Begun.class), Duration.ofSeconds(1));
    Check check =
        Check.exercise("05.3")
            .expect("body ran on the new stack", "yes", () -> attempt(() -> ran(begun)))
            .cause(
                result -> isEndless(result),
                "it goes round in a circle: TRAMPOLINE_FUNCTION leads back to where it came from")
            .<NativeCrash>cause(
                crash -> crash.crash().pc().orElse(-1) == 42,
                "it went to the argument as if it were code: the two are exchanged")
            .<NativeCrash>cause(
                crash -> crash.crash().pc().orElse(-1) == 0,
                "the trampoline found no address in TRAMPOLINE_FUNCTION, or sp leads to no function")
            .cause(
                result -> result instanceof NativeCrash,
                "it went to a place where no function begins: which address is in"
                    + " TRAMPOLINE_FUNCTION, and is sp as new_side left it?")
            .cause(
                result -> true,
                "body is to be begun by the switch below: forge echo.context, and leave the rest to"
                    + " it");
    for (long argument : List.of(42L, 7L)) {
      check
          .expect(
              "what body got of begin_with(" + argument + ")",
              argument,
              () -> attempt(() -> begun.begin_with(argument, number())))
          .cause(result -> result instanceof NativeCrash, "mend the line above first")
          .cause(
              result -> result.equals(0L), "body got 0: nothing was put into TRAMPOLINE_ARGUMENT")
          .cause(
              result -> result instanceof Long value && (value < 0 || value > 1L << 32),
              "body got an address: hand over the value of `argument`, not the place where it lies")
          .cause(result -> true, "body got another value than the one in `argument`");
    }
    check.verdict();
  }

  private static String ran(Begun begun) {
    MemorySegment hasRun = number();
    begun.begin_with(42, hasRun);
    return hasRun.get(ValueLayout.JAVA_LONG, 0) == 1 ? "yes" : "no";
  }

  private static MemorySegment number() {
    return Arena.ofAuto().allocate(ValueLayout.JAVA_LONG);
  }
}
