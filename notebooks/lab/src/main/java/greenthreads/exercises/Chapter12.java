package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.show.Check;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.function.Predicate;

/** Waiting. */
final class Chapter12 extends Chapter {
  Chapter12() {
    super(Chapter12::within, Chapter12::heap, Chapter12::poll);
  }

  private static final Predicate<Object> OTHERWISE = seen -> true;

  private static final String NEVER_ENDS =
      "it never ends: a loop in it goes round without anything changing";
  private static final String SEE_ABOVE = "see the lines above";

  private static Predicate<Object> atLeast(long value) {
    return seen -> seen instanceof Long n && n >= value;
  }

  // ------------------------------------------------- 12.1: a wait with a limit of its own

  /** What the cell defines. */
  interface Within {
    int receive_in_time(long ownMs, long limitMs, int valueComes, MemorySegment report);
  }

  private static final int TIMED_OUT = -13;
  private static final long HOUR = 3_600_000;

  private static void within(Given given) {
    Within within = Lab.isolate(Lab.load("within", Within.class), Duration.ofSeconds(4));
    Check.exercise("12.1")
        .expect("7 comes in time: what it returned", 1L, () -> seen(within, 0, HOUR, 1, "status"))
        .cause(was(0), "nothing was received yet, and the channel is not closed")
        .cause(
            was(TIMED_OUT),
            "its time was up at once: a deadline is a time of the clock, and ns says how long from"
                + " now on")
        .cause(was(99), "it never came back: call receive_from, and let the clock end it")
        .cause(TOO_LONG, "it takes the whole hour, although something is there: receive first")
        .cause(CRASHED, "it crashed: running->current is the thread that waits")
        .cause(OTHERWISE, "return what receive_from returns")
        .expect("7 comes in time: the value", 7L, () -> seen(within, 0, HOUR, 1, "value"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(OTHERWISE, "the value goes to where the caller wants it: pass `value` on")
        .expect("turns taken while it waited", 0L, () -> seen(within, 0, HOUR, 1, "busy"))
        .cause(was(1), "it takes turns while it waits: let receive_from wait")
        .cause(OTHERWISE, SEE_ABOVE)
        .expect(
            "nobody sends within 20 ms", (long) TIMED_OUT, () -> seen(within, 0, 20, 0, "status"))
        .cause(was(99), "it waits for ever: nobody set a deadline, and there was none")
        .cause(was(1), "nothing was sent: return what receive_from returns")
        .cause(was(0), "the channel is open: return what receive_from returns")
        .cause(CRASHED, NEVER_ENDS)
        .cause(OTHERWISE, "return what receive_from returns")
        .expect("it came back too early", 0L, () -> seen(within, 0, 20, 0, "early"))
        .cause(was(1), "it did not wait for 20 ms: ns is in nanoseconds, as now_ns is")
        .cause(OTHERWISE, SEE_ABOVE)
        .expect("the deadline afterwards: none", 0L, () -> seen(within, 0, 20, 0, "moved"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(
            OTHERWISE,
            "the thread has a deadline now, and had none before: put back what was there")
        .expect("one in an hour, afterwards moved by", 0L, () -> seen(within, HOUR, 20, 0, "moved"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(
            atLeast(1),
            "the thread's own deadline is later than before: put back the time itself; deadline_in"
                + " counts from now on")
        .cause(
            OTHERWISE,
            "the thread's own deadline is gone, or earlier than before: keep it, and put it back")
        .expect(
            "its own deadline comes first",
            (long) TIMED_OUT,
            () -> seen(within, 20, 900, 0, "status"))
        .cause(OTHERWISE, SEE_ABOVE)
        .expect("it waited longer than that one", 0L, () -> seen(within, 20, 900, 0, "late"))
        .cause(
            was(1),
            "the limit is later than the thread's own deadline: then the earlier one counts")
        .cause(OTHERWISE, SEE_ABOVE)
        .expect("the limit comes first", 0L, () -> seen(within, 900, 20, 0, "late"))
        .cause(was(1), "it waited until the thread's own deadline: the earlier of the two counts")
        .cause(OTHERWISE, SEE_ABOVE)
        .verdict();
  }

  private static Object seen(Within within, long own, long limit, int comes, String member)
      throws Exception {
    return report(
        "within",
        "within_report",
        member,
        report -> within.receive_in_time(own, limit, comes, report));
  }

  // ------------------------------------------------- 12.2: out of the middle of a heap

  /** What the cell defines. */
  interface Heap {
    void try_heaps(MemorySegment report);
  }

  private static void heap(Given given) {
    Heap heap = Lab.isolate(Lab.load("heap", Heap.class), Duration.ofSeconds(2));
    String crash = "it crashed: the places are 1 to count, and nothing else belongs to the row";
    Check.exercise("12.2")
        .expect("heaps that is_heap refuses", 0L, () -> tried(heap, "refused"))
        .cause(TOO_LONG, NEVER_ENDS)
        .cause(CRASHED, crash)
        .cause(was(40), "it refuses all of them: true, unless a place is before the one above it")
        .cause(
            OTHERWISE,
            "a heap is half in order only: each place is compared with the one above it, which is"
                + " place / 2, and with no other")
        .expect("… and where all times are the same", 0L, () -> tried(heap, "same_refused"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(OTHERWISE, "two that are due at the same time may stand in either order")
        .expect("… because of what is behind the row", 0L, () -> tried(heap, "behind"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(OTHERWISE, "it looks behind the row: place count is the last one")
        .expect("rows that it accepts, and are none", 0L, () -> tried(heap, "accepted"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(was(39), "it accepts all of them: one place before the one above it is enough")
        .cause(OTHERWISE, "it does not look at each place: two are below one, 2 i and 2 i + 1")
        .expect("… because of their last place", 0L, () -> tried(heap, "last_accepted"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(OTHERWISE, "the last place is not looked at, or only if it is on the left")
        .expect("times that take_out loses", 0L, () -> tried(heap, "lost"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(
            atLeast(800),
            "the one at `place` is still there, or others are gone: one time has to go, and the"
                + " places 1 to count - 1 keep the others")
        .cause(OTHERWISE, "another one has gone: the last one needs a new place before it is lost")
        .expect("rows that are no heap afterwards", 0L, () -> tried(heap, "too_late"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(
            seen -> seen instanceof Long n && n > 0 && n < 150,
            "sometimes it is none: the last one may be due before the one above its new place. Then"
                + " it has to go up")
        .cause(
            OTHERWISE,
            "one that is due later stands above another: go down as long as one below is due"
                + " before it, and then it is the earlier of the two below that comes up")
        .expect("times written where there is no place", 0L, () -> tried(heap, "touched"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(OTHERWISE, "place 0 and what is behind the row belong to nobody")
        .expect("rows of which more moved than needs to", 0L, () -> tried(heap, "moved_too_many"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(
            OTHERWISE,
            "a heap is quick since only one way through it is walked: the last one goes to the"
                + " empty place, and up or down from there")
        .verdict();
  }

  private static Object tried(Heap heap, String member) throws Exception {
    return report("heap", "heap_report", member, heap::try_heaps);
  }

  // ------------------------------------------------- 12.3: the machine, by hand

  /** What the cell defines. */
  interface Poll {
    int try_polls(int kind, MemorySegment report);
  }

  private static final long PENDING = 0;
  private static final long DONE = 1;

  private static void poll(Given given) {
    Poll poll = Lab.isolate(Lab.load("poll", Poll.class), Duration.ofSeconds(2));
    Check.exercise("12.3")
        .expect("nothing is there: PENDING", PENDING, () -> polled(poll, 0, "progress"))
        .cause(
            was(DONE),
            "it is not over: recv says -1, and errno that it was in vain; something may still come")
        .cause(TOO_LONG, "it waits in a loop, and with it all others: return PENDING instead")
        .cause(CRASHED, "it crashed: `t` is the task")
        .expect("20,000 bytes are there: came back", 20_000L, () -> polled(poll, 1, "right"))
        .cause(
            atLeast(1),
            "it stopped although more was there: go on until a call says that it was in vain, for"
                + " nobody will say again that there is something")
        .cause(was(0), "nothing came back")
        .cause(CRASHED, NEVER_ENDS)
        .expect("… and it says: PENDING", PENDING, () -> polled(poll, 1, "progress"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(OTHERWISE, "it is not over as long as the other side may send more")
        .expect("20,000 bytes, and the end: came back", 20_000L, () -> polled(poll, 2, "right"))
        .cause(CRASHED, "it never ends: recv says 0 when no more will come")
        .cause(OTHERWISE, "what has been read has to go back before it is over")
        .expect("… and it says: DONE", DONE, () -> polled(poll, 2, "progress"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(OTHERWISE, "no more will come: recv says 0, and that is the end")
        .expect("nobody is there any more: DONE", DONE, () -> polled(poll, 3, "progress"))
        .cause(CRASHED, "it never ends: an error other than EAGAIN stays")
        .cause(OTHERWISE, "send has failed, and not in vain: nobody is there. That is the end")
        .expect("two tasks, 100,000 bytes each: wrong", 0L, () -> polled(poll, 4, "wrong"))
        .cause(CRASHED, "it never ends: when send says that it was in vain, return PENDING")
        .cause(
            OTHERWISE,
            "bytes were lost, or came twice, or went to the other task: send may take a part only."
                + " What is left, and from where on, has to be in the task when it returns")
        .expect("… came back as they were sent", 200_000L, () -> polled(poll, 4, "right"))
        .cause(CRASHED, SEE_ABOVE)
        .cause(
            OTHERWISE,
            "it gave up in the middle: send says -1 when there is no room, and that is not the end")
        .verdict();
  }

  private static Object polled(Poll poll, int kind, String member) throws Exception {
    return report("poll", "poll_report", member, report -> poll.try_polls(kind, report));
  }
}
