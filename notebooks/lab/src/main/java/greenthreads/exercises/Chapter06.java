package greenthreads.exercises;

import greenthreads.lab.Check;
import greenthreads.lab.Lab;
import greenthreads.lab.NativeCrash;
import greenthreads.lab.Timeline;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Threads and a scheduler. */
final class Chapter06 extends Chapter {
  Chapter06() {
    super(Chapter06::layOut, Chapter06::finishers, Chapter06::aging);
  }

  // ------------------------------------------------------------ 06.1: mend a forged stack

  /** What the cell defines. */
  interface Mended {
    int bytes_behind(int cut, MemorySegment sp);
  }

  private static void layOut(Given given) {
    Mended mended = Lab.isolate(Lab.load("mended", Mended.class));
    List<Long> both = isX86() ? List.of(8L, 8L) : List.of(0L, 0L);
    Check laidOut =
        Check.exercise("06.1")
            .expect("sp modulo 16 in the function and in guard", both, () -> entries(mended, 0))
            .cause(
                v -> v instanceof List<?> l && !l.get(0).equals(l.get(1)),
                "one `ret` takes 8 bytes: put skip between the two")
            .cause(v -> v instanceof List<?>, "all of it is one word too high or too low")
            .cause(
                v -> true, "from low to high: function, skip, guard; is one missing or exchanged?");
    for (int cut : new int[] {8, 13}) {
      laidOut
          .expect("the same, on " + cut + " bytes less", both, () -> entries(mended, cut))
          .cause(v -> !entries(mended, 0).equals(both), "mend the first row first")
          .cause(v -> true, "round the top down to a multiple of 16 before you count words");
    }
    laidOut
        .expect(
            "bytes written behind the end",
            0,
            () -> mended.bytes_behind(13, Arena.ofAuto().allocate(16, 8)))
        .cause(
            v -> v instanceof Integer,
            "the top was rounded up: a stack must not reach beyond its end")
        .verdict();
  }

  /** The stack pointer modulo 16 in both functions, or what became of the call. */
  private static Object entries(Mended mended, int cut) {
    MemorySegment seen = Arena.ofAuto().allocate(ValueLayout.JAVA_LONG, 2).fill((byte) -1);
    try {
      mended.bytes_behind(cut, seen);
    } catch (NativeCrash crash) {
      return crash;
    }
    long guard = seen.getAtIndex(ValueLayout.JAVA_LONG, 1);
    return guard == -1
        ? "guard never ran"
        : List.of(seen.get(ValueLayout.JAVA_LONG, 0) % 16, guard % 16);
  }

  // ------------------------------------------------------------ 06.2: in which order they finish

  /** What the cell defines. */
  interface Finishers {
    void finish_all(MemorySegment counts, int threads, MemorySegment ids);
  }

  private static void finishers(Given given) {
    Finishers finishers = Lab.isolate(Lab.load("finishers", Finishers.class));
    Check.exercise("06.2")
        .expect(
            "who finished, threads of 3, 1 and 2 turns",
            List.of(2, 3, 1),
            () -> finishing(finishers, 3, 1, 2))
        .cause(
            v -> v.equals(List.of(0, 0, 0)),
            "nothing was written: who is AVAILABLE is never switched to, so nothing behind t_yield"
                + " runs")
        .cause(
            v -> v.equals(List.of(1, 2, 3)),
            "sorted by id: write at the next free place, finished[done++]")
        .cause(
            v -> v.equals(List.of(1, 0, 0)), "each wrote over the one before it: count `done` up")
        .cause(
            v -> v.equals(List.of(0, 2, 3)),
            "one place too far: the first belongs into finished[0]")
        .cause(
            v -> v instanceof NativeCrash,
            "t_return must not come back: without t_yield, guard returns to nowhere")
        .expect("and of 0, 2 and 1 turns", List.of(1, 3, 2), () -> finishing(finishers, 0, 2, 1))
        .cause(v -> true, "mend the line above first")
        .verdict();
  }

  private static Object finishing(Finishers finishers, int... counts) {
    MemorySegment each = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_INT, counts);
    MemorySegment ids = Arena.ofAuto().allocate(ValueLayout.JAVA_INT, 3);
    try {
      finishers.finish_all(each, 3, ids);
    } catch (NativeCrash crash) {
      return crash;
    }
    return Arrays.stream(ids.toArray(ValueLayout.JAVA_INT)).boxed().toList();
  }

  // ------------------------------------------------------------ 06.3: priority without starving

  /** What the cell defines. */
  interface Turns {
    long trace_turns(MemorySegment counts, int threads, MemorySegment trace, long size);
  }

  private static void aging(Given given) {
    Turns aging = Lab.isolate(Lab.load("aging", Turns.class), Duration.ofSeconds(3));
    Check.exercise("06.3")
        .expect("turns to look at", 120, () -> middle(aging).length())
        .cause(
            n -> true, "a thread was READY, and nobody was chosen: no rank may be below `highest`")
        .demand(
            "longest wait of thread 3",
            "at most 20 switches",
            (Integer wait) -> wait <= 20,
            () -> longestWait(middle(aging)))
        .cause((Integer wait) -> wait >= 100, "it starves: a thread that waits must rise in rank")
        .cause((Integer wait) -> true, "it waits too long: does its rank rise at every choice?")
        .demand(
            "turns of threads 1, 2, 3",
            "most for 1, least for 3",
            (List<Long> t) -> t.get(0) > t.get(1) && t.get(1) > t.get(2),
            () -> turnsOf123(middle(aging)))
        .cause((List<Long> t) -> t.get(2) == 0, "thread 3 never had a turn")
        .cause(
            (List<Long> t) -> t.get(0) < t.get(2) - 5,
            "upside down: the highest priority should win")
        .cause(
            (List<Long> t) -> true,
            "too equal: both must count, the priority, and the time since the latest turn; after a"
                + " turn `waited` is 0 again")
        .verdict();
  }

  /** Who had the turns 100 to 220, of three threads that yield 200 times each. */
  private static String middle(Turns threads) {
    int most = 1000;
    var layout = Lab.load("aging").layout("switch_record");
    MemorySegment trace = Arena.ofAuto().allocate(layout, most);
    MemorySegment each = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_INT, 200, 200, 200);
    long switches = threads.trace_turns(each, 3, trace, most);
    String all = order(Lab.trace(Lab.load("aging"), trace, Math.min(switches, most)));
    return all.substring(Math.min(100, all.length()), Math.min(220, all.length()));
  }

  private static String order(Timeline timeline) {
    return "0"
        + timeline.switches().stream()
            .map(one -> one.to().startsWith("base") ? "0" : one.to().replace("thread ", ""))
            .collect(Collectors.joining());
  }

  private static List<Long> turnsOf123(String order) {
    return Stream.of('1', '2', '3').map(id -> order.chars().filter(c -> c == id).count()).toList();
  }

  /** The longest time between two turns of thread 3, in switches. */
  private static int longestWait(String order) {
    return Arrays.stream(order.split("3", -1)).mapToInt(String::length).max().orElse(0);
  }
}
