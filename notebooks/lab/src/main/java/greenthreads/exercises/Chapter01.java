package greenthreads.exercises;

import greenthreads.lab.Check;
import greenthreads.lab.Lab;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;

/** Why green threads. */
final class Chapter01 extends Chapter {
  Chapter01() {
    super(Chapter01::cores, Chapter01::conversation);
  }

  // ------------------------------------------------------------ 01.1: cores that only switch

  private static boolean near(double a, double b) {
    return Math.abs(a - b) <= 1e-6 * Math.abs(b);
  }

  private static void cores(Given given) {
    BiFunction<Double, Double, Double> cores = given.get(0);
    Map<String, Double> costs = given.get(1);
    boolean right =
        Check.exercise("01.1")
            .demand(
                "1,000,000 a second of 250 ns",
                "0.25",
                (Double v) -> near(v, 0.25),
                () -> cores.apply(1e6, 250.0))
            .cause((Double v) -> v == 0, "there is no answer yet")
            .cause((Double v) -> near(v, 0.25e9), "these are nanoseconds of switching, not seconds")
            .cause((Double v) -> near(v, 4) || near(v, 4000), "the fraction is upside down")
            .cause((Double v) -> near(v, 0.25e3) || near(v, 0.25e6), "a second has 1e9 nanoseconds")
            .demand(
                "2,000,000 a second of 3,000 ns",
                "6.0",
                (Double v) -> near(v, 6),
                () -> cores.apply(2e6, 3000.0))
            .cause((Double v) -> v == 0, "there is no answer yet")
            .cause((Double v) -> near(v, 1), "more than one core is possible: do not stop at 1")
            .passed();
    for (String what : List.of("switch of OS threads, from C", "hand-over of virtual threads")) {
      if (right && costs.containsKey(what)) {
        System.out.printf(
            Locale.ROOT,
            "A million a second, each a %s: %.2f cores.%n",
            what,
            cores.apply(1e6, costs.get(what)));
      }
    }
  }

  // ------------------------------------------------------------ 01.2: a conversation

  /** What the cell defines. */
  interface Talks {
    int both(MemorySegment trace, int size, int n, int m);
  }

  private static void conversation(Given given) {
    Talks talks = Lab.isolate(Lab.load("talks", Talks.class), Duration.ofSeconds(2));
    Check.exercise("01.2")
        .expect("two that talk twice", "HhTtTtBb", () -> heard(talks, 2, 2))
        .cause((String v) -> v.isEmpty(), "nobody said anything: turn returned 0 at once")
        .cause((String v) -> v.startsWith("HhHh"), "nothing notes that H was said")
        .cause(
            (String v) -> v.startsWith("HtT"), "one state for both: keep it in *me, nowhere else")
        .cause(
            (String v) -> v.startsWith("HhTtTtTtTt"), "between turns the count is lost: use me->i")
        .cause((String v) -> v.startsWith("HhTtTtT"), "one T too many: compare before you talk")
        .cause((String v) -> v.startsWith("HhTtB"), "one T too few: T is said n times")
        .cause((String v) -> v.startsWith("HhTtTtBbB"), "after B comes one more place: the end")
        .expect("one that talks once, one that talks thrice", "HhTtBttb", () -> heard(talks, 1, 3))
        .cause((String v) -> v.startsWith("HhHh"), "nothing notes that H was said")
        .cause((String v) -> v.startsWith("HhTtTt"), "each has its own n: me->n")
        .expect("one that never talks, one that does", "HhBtb", () -> heard(talks, 0, 1))
        .cause((String v) -> v.startsWith("HhHh"), "nothing notes that H was said")
        .cause((String v) -> v.startsWith("HhT"), "with n = 0 there is no T: look before you talk")
        .verdict();
  }

  private static String heard(Talks talks, int n, int m) {
    MemorySegment letters = Arena.ofAuto().allocate(31);
    talks.both(letters, 31, n, m);
    return letters.getString(0);
  }
}
