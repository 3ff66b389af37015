package greenthreads.exercises;

import greenthreads.lab.Check;
import greenthreads.lab.Crash;
import greenthreads.lab.Lab;
import greenthreads.lab.NativeCrash;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** There and back. */
final class Chapter05 extends Chapter {
  Chapter05() {
    super(Chapter05::needless, Chapter05::tested, Chapter05::begun);
  }

  // ------------------------------------------------------------ 05.1: what need not be kept

  private static final Set<String> X86 =
      Set.of("rip", "rsp", "rax", "rbx", "rdi", "r10", "rbp", "xmm0");
  private static final Set<String> ARM = Set.of("pc", "sp", "x0", "x19", "x1", "x10", "d8", "d0");
  private static final Set<String> KEPT = Set.of("rsp", "rbx", "rbp", "sp", "x19", "d8");
  private static final Set<String> FLOATS = Set.of("xmm0", "d0");

  private static void needless(Given given) {
    Collection<?> answer = given.get(0);
    Set<String> names =
        answer.stream()
            .map(name -> String.valueOf(name).strip().toLowerCase(Locale.ROOT))
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> strangers =
        names.stream()
            .filter(name -> !X86.contains(name) && !ARM.contains(name))
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> here = isX86() ? X86 : ARM;
    Set<String> missing =
        here.stream()
            .filter(name -> !KEPT.contains(name) && !names.contains(name))
            .collect(Collectors.toCollection(TreeSet::new));
    names.retainAll(here);
    Set<String> needed =
        names.stream().filter(KEPT::contains).collect(Collectors.toCollection(TreeSet::new));
    Check.exercise("05.1")
        .demand(
            "names that are not in the table",
            "none",
            (Set<String> found) -> found.isEmpty(),
            () -> strangers)
        .cause(
            (Set<String> found) -> true,
            "write the names as the table has them, each in its quotes")
        .demand(
            "what you would leave out",
            "all that can be, and no other",
            (Set<String> left) -> needed.isEmpty() && missing.isEmpty(),
            () -> names)
        .cause(
            (Set<String> left) -> left.isEmpty(),
            "nothing of the machine's own column is named yet")
        .cause(
            (Set<String> left) -> left.contains("rsp") || left.contains("sp"),
            "without the stack pointer there is no way back to the stack, and to all that lies on it")
        .cause(
            (Set<String> left) -> !needed.isEmpty(),
            "one of them is promised to the caller: after a call it expects its own value there")
        .cause(
            (Set<String> left) -> missing.contains("rip") || missing.contains("pc"),
            "one is missing that a switch keeps already, in another place: where does a side go on?")
        .cause(
            (Set<String> left) -> missing.stream().allMatch(FLOATS::contains),
            "registers for floats count as well: to whom does this one belong?")
        .cause(
            (Set<String> left) -> true,
            "more can be left out: a switch is a call, and its caller expects to lose some registers")
        .verdict();
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
