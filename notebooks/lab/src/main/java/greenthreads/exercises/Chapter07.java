package greenthreads.exercises;

import greenthreads.lab.Check;
import greenthreads.lab.Lab;
import greenthreads.lab.NativeCrash;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.time.Duration;

/** The runtime in 200 lines. */
final class Chapter07 extends Chapter {
  Chapter07() {
    super(Chapter07::leave, Chapter07::youngest, Chapter07::park);
  }

  // ------------------------------------------------------------ 07.1: leave from anywhere

  /** What the cell defines. */
  interface Early {
    long leave_early(int what);
  }

  private static void leave(Given given) {
    Early early = Lab.isolate(Lab.load("early", Early.class), Duration.ofSeconds(2));
    Check.exercise("07.1")
        .expect("turns before it came back", 0L, () -> attempt(() -> early.leave_early(0)))
        .cause(
            back -> back.equals(1L),
            "exit_thread came straight back: take the thread out of the ring")
        .cause(
            back -> back instanceof Long,
            "a yield only: it stayed in the ring, and came back later")
        .cause(back -> true, "the process ended: leave the thread, not the program")
        .expect("turns of the other threads", 9L, () -> attempt(() -> early.leave_early(1)))
        .cause(
            all -> all instanceof Long,
            "the others did not get all their turns: go on with the next one")
        .cause(all -> true, "there is no run that ends well: look at the first line")
        .expect("stacks made", 2L, () -> attempt(() -> early.leave_early(2)))
        .cause(
            made -> made.equals(3L),
            "its stack was never given back: put it into the list of available ones")
        .verdict();
  }

  // ------------------------------------------------------------ 07.2: the youngest first

  /** What the cell defines. */
  interface Youngest {
    long tree(int levels, int stacks);
  }

  private static void youngest(Given given) {
    Youngest youngest = Lab.isolate(Lab.load("youngest", Youngest.class), Duration.ofSeconds(2));
    String broken =
        "the ring is broken: first its two old neighbours have to know each other, then the new"
            + " ones have to know it, `next` and `previous`";
    Check.exercise("07.2")
        .expect("threads that ran", 2047L, () -> attempt(() -> youngest.tree(10, 0)))
        .cause(ran -> ran.toString().contains("time"), "it never ended; " + broken)
        .cause(ran -> ran instanceof NativeCrash, "it crashed; " + broken)
        .cause(ran -> true, "not all have run; " + broken)
        .expect("stacks made", 12L, () -> attempt(() -> youngest.tree(10, 1)))
        .cause(
            made -> made instanceof Long all && all > 1000,
            "a newcomer still waits for all others: the place behind running->current is"
                + " running->current->next")
        .cause(
            made -> made instanceof Long,
            "the parent has to end before its children run: only move, do not switch")
        .cause(made -> true, "nothing could be counted: see the first line")
        .verdict();
  }

  // ------------------------------------------------------------ 07.3: wait without turns

  /** What the cell defines. */
  interface Mail {
    int mail(int turnsBefore, MemorySegment report);
  }

  private static void park(Given given) {
    Mail post = Lab.isolate(Lab.load("parking", Mail.class), Duration.ofSeconds(2));
    Check.exercise("07.3")
        .expect("looks until the letter was there", 1L, () -> mail(post, 100, 1))
        .cause(
            looks -> looks.equals(1000L),
            "park comes straight back: somebody else has to be resumed")
        .cause(looks -> looks instanceof Long, "it still takes its turns: it has to leave the ring")
        .cause(
            looks -> looks.toString().contains("time"),
            "it never ended: park has to come back when somebody wakes the thread")
        .cause(
            looks -> true,
            "it crashed: its stack had been given away, or the ring is not whole, backwards too")
        .expect("the letter", 42L, () -> mail(post, 100, 0))
        .cause(letter -> true, "see the first line")
        .expect("stacks for three threads", 3L, () -> mail(post, 100, 2))
        .expect("asleep, if nobody writes", 1L, () -> mail(post, 0, 3))
        .cause(
            asleep -> asleep.equals(0L),
            "the reader gave up after 1,000 looks: it was awake all the time")
        .verdict();
  }

  private static Object mail(Mail post, int turnsBefore, int field) throws Exception {
    StructLayout layout = Lab.load("parking").layout("mail_report");
    MemorySegment seen = Arena.ofAuto().allocate(layout);
    return attempt(() -> {
      post.mail(turnsBefore, seen);
      return seen.getAtIndex(ValueLayout.JAVA_LONG, field);
    });
  }
}
