package greenthreads.exercises;

import greenthreads.exercises.Reports.Report;
import greenthreads.lab.Lab;
import greenthreads.lab.show.Check;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.function.Predicate;

/** The runtime in 200 lines. */
final class Chapter07 extends Chapter {
  Chapter07() {
    super(Chapter07::leave, Chapter07::youngest, Chapter07::park);
  }

  private static Predicate<Object> took(long value) {
    return seen -> seen.equals(value);
  }

  // ------------------------------------------------------------ 07.1: leave from anywhere

  /** What the cell defines. */
  interface Early {
    int leave_early(MemorySegment report);
  }

  private static void leave(Given given) {
    Early early = Lab.isolate(Lab.load("early", Early.class), Duration.ofSeconds(2));
    Report left = new Reports("early", "exit_report").of("left", early::leave_early);
    Check.exercise("07.1")
        .expect("turns before it came back", 0L, () -> left.member("came_back"))
        .cause(took(23), "exit_thread came straight back to its caller")
        .cause(
            seen -> seen instanceof Long,
            "it came back later: the thread is still in the ring, or somebody leads to it")
        .cause(
            TOO_LONG,
            "the run never ends: the thread never gives the processor away, or the links lead in"
                + " a circle")
        .cause(
            seen -> seen.toString().contains("SIG"),
            "it crashed: look at the links of the ring, forwards and backwards, and of the list of"
                + " available places (its old head is needed before it changes)")
        .cause(CRASHED, "the process ended: leave the thread, not the program")
        .expect("turns in the first run", 23424L, () -> left.member("first"))
        .cause(
            took(23),
            "the run was over although others were ready: resume the next one in the ring, not"
                + " the base thread")
        .cause(
            seen -> seen instanceof Long,
            "others had their turns, in another order: after the one that exits comes the next in"
                + " the ring")
        .cause(CRASHED, "see the first line")
        .expect("stacks made in both runs", 5L, () -> left.member("stacks"))
        .cause(
            took(6),
            "a place was lost: the one that exits goes to the head of the list of available"
                + " places, and the rest of the list stays behind it")
        .cause(
            took(4),
            "a place was given to two threads: the list of available places leads in a circle")
        .cause(
            seen -> true,
            "the list of available places is broken: keep the old head before you change it")
        .expect("turns in the second run", 4231542315L, () -> left.member("second"))
        .cause(
            seen -> true,
            "others got the places in another order: the latest that was left is taken first")
        .verdict();
  }

  // ------------------------------------------------------------ 07.2: the youngest first

  /** What the cell defines. */
  interface Youngest {
    int four_children(int move, MemorySegment report);

    int tree(int levels);
  }

  private static void youngest(Given given) {
    Youngest youngest = Lab.isolate(Lab.load("youngest", Youngest.class), Duration.ofSeconds(2));
    var reports = new Reports("youngest", "order_report");
    Report second = reports.of(2, seen -> youngest.four_children(2, seen));
    Report fourth = reports.of(4, seen -> youngest.four_children(4, seen));
    Report fifth = reports.of(5, seen -> youngest.four_children(5, seen));
    String broken =
        "the ring is broken; when a thread is taken out, its two old neighbours have to know each"
            + " other; when it is put in, two new ones have to know it";
    String backwards = "forwards all is well; but who is `previous` to whom?";
    String early =
        "thread 1 had not ended when its children ran: only move the thread, do not switch";
    Check.exercise("07.2")
        .expect("4 of 2 3 4 5 moved: the turns", 4235L, () -> fourth.member("order"))
        .cause(took(2345), "nothing was moved")
        .cause(took(2354), "it was moved to the end of the round")
        .cause(CRASHED, broken)
        .cause(
            seen -> String.valueOf(seen).length() == 4,
            "all ran, but 4 was not the next, or the others changed places")
        .cause(seen -> true, broken)
        .expect("and backwards, from thread 1", 5324L, () -> fourth.member("backwards"))
        .cause(took(0), early)
        .cause(CRASHED, broken)
        .cause(seen -> true, backwards)
        .expect("5 moved: the turns", 5234L, () -> fifth.member("order"))
        .cause(
            seen -> true, "the last one has the current thread for its next neighbour: " + broken)
        .expect("and backwards", 4325L, () -> fifth.member("backwards"))
        .cause(seen -> true, backwards)
        .expect("2 moved: the turns", 2345L, () -> second.member("order"))
        .cause(
            seen -> true,
            "2 was the next one already; ask for the current thread's `next` when it has been"
                + " taken out")
        .expect("and backwards", 5432L, () -> second.member("backwards"))
        .cause(seen -> true, backwards)
        .expect("stacks for a tree of ten levels", 12, () -> attempt(() -> youngest.tree(10)))
        .cause(CRASHED, broken)
        .cause(
            seen -> true,
            "the children had their turns in another order, or before their parent"
                + " had ended: only move the thread, do not switch")
        .verdict();
  }

  // ------------------------------------------------------------ 07.3: wait without turns

  /** What the cell defines. */
  interface Mail {
    int mail(int turnsBefore, MemorySegment report);
  }

  private static void park(Given given) {
    Mail post = Lab.isolate(Lab.load("parking", Mail.class), Duration.ofSeconds(2));
    var reports = new Reports("parking", "mail_report");
    Report written = reports.of(100, seen -> post.mail(100, seen));
    Report unwritten = reports.of(0, seen -> post.mail(0, seen));
    Check.exercise("07.3")
        .expect("looks until the letter was there", 1L, () -> written.member("looks"))
        .cause(took(1000), "park comes straight back: somebody else has to be resumed")
        .cause(
            looks -> looks instanceof Long,
            "the reader still takes its turns: park has to leave the ring, and the neighbours"
                + " must not lead to it")
        .cause(
            TOO_LONG,
            "the run never ends: the links lead in a circle, or a thread that is in the ring was"
                + " put in once more")
        .cause(CRASHED, "it crashed: the ring is not whole, or its stack had been given away")
        .expect("who ran after it", 2L, () -> written.member("next"))
        .cause(took(3), "the next one has to go on, not the previous one")
        .cause(
            seen -> true,
            "nobody ran: while others are ready, the next one has to go on, not the base thread")
        .expect("the letter", 42L, () -> written.member("letter"))
        .cause(took(0), "the reader never came back: wake has to put it into the ring")
        .cause(CRASHED, "it crashed: see the first line")
        .expect("a whole ring, when woken twice", 1L, () -> written.member("whole"))
        .cause(
            took(0),
            "a thread that was in the ring already was put in once more, or its neighbours do not"
                + " know it, forwards and backwards")
        .cause(CRASHED, "it crashed: see the first line")
        .expect("turns of the two others", 200L, () -> written.member("turns"))
        .cause(seen -> true, "the others did not get all their turns")
        .expect("stacks for four threads", 4L, () -> written.member("stacks"))
        .cause(took(3), "the sleeper's stack was given away: a parked thread is not available")
        .expect("asleep, if nobody writes", 1L, () -> unwritten.member("asleep"))
        .cause(took(0), "the reader gave up after 1,000 looks: it was awake all the time")
        .cause(
            CRASHED,
            "nobody is left in the ring when the only thread parks: then the base thread has to"
                + " go on")
        .verdict();
  }
}
