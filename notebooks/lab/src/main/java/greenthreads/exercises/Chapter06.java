package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.bind.Library;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.inspect.Timeline;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.show.Check;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Threads and a scheduler. */
final class Chapter06 extends Chapter {
  Chapter06() {
    super(Chapter06::layOut, Chapter06::finishers, Chapter06::aging, Chapter06::reasons);
  }

  private static boolean isEndless(Object result) {
    return result instanceof NativeCrash crash && crash.crash().kind() == Crash.Kind.TIME_LIMIT;
  }

  // ------------------------------------------------------------ 06.1: lay out a new stack

  /** What the cell defines. */
  interface Mended {
    int bytes_beside(int from, int cut, MemorySegment sp);
  }

  private static void layOut(Given given) {
    Mended mended = Lab.isolate(Lab.load("mended", Mended.class), Duration.ofSeconds(2));
    List<Long> both = isX86() ? List.of(8L, 8L) : List.of(0L, 0L);
    Check laidOut =
        Check.exercise("06.1")
            .expect("sp modulo 16 in the function and in guard", both, () -> entries(mended, 0, 0))
            .cause(
                v -> v instanceof NativeCrash,
                "the switch, or a `ret` after it, found no address where it looked: is each word there,"
                    + " each above the one before it, and does sp point at the lowest?")
            .cause(
                v -> v instanceof List<?> l && !l.get(0).equals(l.get(1)),
                "a `ret` takes 8 bytes, so two neighbours are never both right: what may stand"
                    + " between them?")
            .cause(
                v -> v instanceof List<?>,
                "both are off by one word: all of it is too high or too low")
            .cause(
                v -> true,
                "guard never ran: are two of the words exchanged, or does the function's `ret` lead elsewhere?");
    for (int cut : new int[] {8, 13}) {
      laidOut
          .expect(
              "the same, if it ends " + cut + " bytes earlier", both, () -> entries(mended, 0, cut))
          .cause(v -> !entries(mended, 0, 0).equals(both), "mend the first line first")
          .cause(
              v -> true,
              "here the memory does not end at a multiple of 16, and words were"
                  + " counted from its end");
    }
    laidOut
        .expect("the same, if it begins 8 bytes later", both, () -> entries(mended, 8, 0))
        .cause(v -> !entries(mended, 0, 0).equals(both), "mend the first line first")
        .cause(
            v -> true,
            "the memory does not begin at a multiple of 16: it is the address of the top that counts,"
                + " not the size")
        .expect(
            "bytes written beside the stack",
            0,
            () -> attempt(() -> mended.bytes_beside(8, 13, Arena.ofAuto().allocate(16, 8))))
        .cause(
            v -> v instanceof Integer,
            "a stack must not reach beyond its memory: was the top rounded up?")
        .cause(v -> true, "mend the lines above first")
        .verdict();
  }

  /** The stack pointer modulo 16 in both functions, or what became of the call. */
  private static Object entries(Mended mended, int from, int cut) {
    MemorySegment seen = Arena.ofAuto().allocate(ValueLayout.JAVA_LONG, 2).fill((byte) -1);
    try {
      mended.bytes_beside(from, cut, seen);
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
    Finishers finishers =
        Lab.isolate(Lab.load("finishers", Finishers.class), Duration.ofSeconds(2));
    Check.exercise("06.2")
        .expect(
            "who finished, threads that yield 3, 1 and 2 times",
            List.of(2, 3, 1),
            () -> finishing(finishers, 3, 1, 2))
        .cause(
            v -> isEndless(v), "the run does not end: is every turn given away once, and no more?")
        .<NativeCrash>cause(
            crash -> String.valueOf(crash.crash().signal()).contains("ABRT"),
            "t_return came back to guard, which has nowhere to go: the turn must be given away")
        .cause(v -> v instanceof NativeCrash, "it wrote or went to a place that is not its own")
        .cause(
            v -> v.equals(List.of(0, 0, 0)),
            "nothing was written that stayed: who is AVAILABLE is not switched to again, so what"
                + " stands behind the switch does not run")
        .cause(
            v -> v.equals(List.of(1, 2, 3)),
            "1, 2, 3 is the order of the places in the table, not that of finishing: what is written,"
                + " and at which index?")
        .cause(
            v -> v instanceof List<?> l && l.get(1).equals(0) && !l.get(0).equals(0),
            "all were written to one index, one over the other")
        .cause(
            v -> v instanceof List<?> l && l.getFirst().equals(0) && !l.get(1).equals(0),
            "one index too far: the first belongs at index 0")
        .cause(
            v -> v instanceof List<?> l && l.stream().allMatch(id -> id.equals(0)),
            "the numbers are those of the base thread: who is running when t_return is called?")
        .cause(
            v -> true,
            "these are not the numbers of those that finished: whose turn is it after the switch, and"
                + " whose before?")
        .expect("and of 0, 2 and 1 times", List.of(1, 3, 2), () -> finishing(finishers, 0, 2, 1))
        .cause(
            v -> true,
            "this order comes from the threads, not from the program: mend the line above")
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
  interface Aging {
    long trace_aging(MemorySegment priorities, MemorySegment trace, long size);
  }

  /**
   * How far from the turns of the plain solution an answer may be: equal ranks are its own affair.
   */
  private static final long NEAR = 3;

  private static void aging(Given given) {
    Aging aging = Lab.isolate(Lab.load("aging", Aging.class), Duration.ofSeconds(3));
    List<Long> first = List.of(15L, 60L, 30L, 15L);
    List<Long> second = List.of(8L, 60L, 44L, 8L);
    Check.exercise("06.3")
        .demand(
            "turns of the base thread and of threads 1, 2, 3",
            "about 15, 60, 30, 15",
            v -> isNear(v, first),
            () -> attempt(() -> turns(aging, 0, 8, 5, 2)))
        .cause(v -> isEndless(v), "it does not come to an end: look at the loop")
        .cause(
            v -> v instanceof NativeCrash,
            "it crashed: may it be that a thread was chosen which is not READY?")
        .<List<Long>>cause(
            t -> t.stream().mapToLong(n -> n).sum() < 120,
            "there are not so many turns: some were READY, and none of these was chosen")
        .<List<Long>>cause(
            t -> t.getFirst() == 0 && t.get(3) > 0,
            "the base thread starves: it waits like the others, and its rank has to rise too")
        .<List<Long>>cause(
            t -> t.contains(0L), "a thread starves: to be passed over must raise its rank")
        .<List<Long>>cause(
            t -> t.stream().mapToLong(n -> n).max().orElse(0) <= 35,
            "all have about as many: does the priority count, and does the waiting begin at 0 again"
                + " after a turn?")
        .<List<Long>>cause(
            t -> t.get(1) < t.get(3), "upside down: the highest priority should come first")
        .cause(
            v -> true,
            "not quite: to be passed over raises a rank by one, at each choice and for each READY"
                + " thread; its own turn puts the waiting back to 0")
        .demand(
            "the same for priorities 0, 20, 10, 0",
            "about 8, 60, 44, 8",
            v -> isNear(v, second),
            () -> attempt(() -> turns(aging, 0, 20, 10, 0)))
        .cause(v -> v instanceof NativeCrash, "mend the line above first")
        .cause(
            v -> v.equals(turns(aging, 0, 8, 5, 2)),
            "the same turns as before, with other priorities: the choice must follow from `priority`")
        .cause(
            v -> true,
            "right for one set of priorities, not for another: add, by one for each wait")
        .verdict();
  }

  private static boolean isNear(Object turns, List<Long> wanted) {
    return turns instanceof List<?> list
        && list.size() == wanted.size()
        && IntStream.range(0, wanted.size())
            .allMatch(i -> Math.abs((Long) list.get(i) - wanted.get(i)) <= NEAR);
  }

  /** Who had the turns 100 to 220, of three threads that yield 300 times each. */
  private static List<Long> turns(Aging aging, int... priorities) {
    int most = 1500;
    Library cell = Lab.load("aging");
    MemorySegment trace = Arena.ofAuto().allocate(cell.layout("switch_record"), most);
    MemorySegment given = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_INT, priorities);
    long switches = aging.trace_aging(given, trace, most);
    String all = order(Lab.trace(cell, trace, Math.min(switches, most)));
    String middle = all.substring(Math.min(100, all.length()), Math.min(220, all.length()));
    return Stream.of('0', '1', '2', '3')
        .map(id -> middle.chars().filter(c -> c == id).count())
        .toList();
  }

  private static String order(Timeline timeline) {
    return "0"
        + timeline.switches().stream()
            .map(one -> one.to().startsWith("base") ? "0" : one.to().replace("thread ", ""))
            .collect(Collectors.joining());
  }

  // ------------------------------------------------------------ 06.4: whose reason is it?

  /** What the cell defines. */
  interface Fetched {
    int fetch_with(int threads, int first, MemorySegment reasons);
  }

  private static void reasons(Given given) {
    Fetched fetched = Lab.isolate(Lab.load("fetched", Fetched.class), Duration.ofSeconds(2));
    Check.exercise("06.4")
        .expect("what one thread reports", List.of(101), () -> reported(fetched, 1, 100))
        .cause(v -> isEndless(v), "the run does not end: a thread yields again and again")
        .cause(v -> v instanceof NativeCrash, "it crashed: look at where it reads and writes")
        .cause(v -> v.equals(List.of(0)), "nothing was reported as the reason of thread 1")
        .cause(v -> true, "this is not the reason that `request` has given")
        .expect("what three report", List.of(501, 502, 503), () -> reported(fetched, 3, 500))
        .cause(
            v -> v.equals(List.of(503, 503, 503)),
            "the reasons were exchanged while others ran: keep yours where no other thread writes")
        .cause(
            v -> v.equals(List.of(101, 102, 103)), "the reason is another one each time: ask errno")
        .cause(v -> true, "each thread has to report for itself, and what its own request left")
        .expect("requests that were open at once", 3, () -> attempt(() -> open(fetched)))
        .cause(
            v -> v.equals(1),
            "nobody else ran between a thread's request and its report: let them, and report later")
        .cause(v -> true, "not every thread lets the others run between its request and its report")
        .verdict();
  }

  private static Object reported(Fetched fetched, int threads, int first) {
    MemorySegment reasons = Arena.ofAuto().allocate(ValueLayout.JAVA_INT, 16);
    try {
      fetched.fetch_with(threads, first, reasons);
    } catch (NativeCrash crash) {
      return crash;
    }
    return Arrays.stream(reasons.toArray(ValueLayout.JAVA_INT))
        .skip(1)
        .limit(threads)
        .boxed()
        .toList();
  }

  private static int open(Fetched fetched) {
    return fetched.fetch_with(3, 900, Arena.ofAuto().allocate(ValueLayout.JAVA_INT, 16));
  }
}
