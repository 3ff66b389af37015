package greenthreads.exercises;

import greenthreads.exercises.Reports.Report;
import greenthreads.lab.Lab;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.show.Check;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
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
    int receive_in_time(long ownMs, long limitMs, long what, MemorySegment report);
  }

  private static final int TIMED_OUT = -13;
  private static final int CANCELLED = -14;
  private static final long HOUR = 3_600_000;

  /**
   * Longer than the check waits; a computer has been up for longer by the time that one can ask.
   */
  private static final long LATER = 10_000;

  /** What happens meanwhile: nothing, or one of these, or a value is sent. */
  private static final int NOTHING = 0;

  private static final int IS_CLOSED = -1;
  private static final int IS_CANCELLED = -2;
  private static final int TWO_WAIT = -3;

  private static void within(Given given) {
    Within within = Lab.isolate(Lab.load("within", Within.class), Duration.ofSeconds(4));
    var seen = new Waits(within, new Reports("within", "within_report"));
    long value = ThreadLocalRandom.current().nextLong(2, 98);
    String comes = value + " comes in time: ";
    String crash = "it crashed, or ended its process: running->current is the thread that waits";
    Check.exercise("12.1")
        .expect(comes + "what it returned", 1L, () -> seen.of(0, LATER, value, "status"))
        .cause(was(0), "nothing was received yet, and the channel is not closed")
        .cause(
            was(TIMED_OUT),
            "its time was up too early: a deadline is a time of the clock, and ns says how"
                + " long from now on. (Or it waited in the system, and nobody could send.)")
        .cause(was(99), "it never came back: call receive_from, and let the clock end it")
        .cause(
            TOO_LONG,
            "it takes the whole time, or never ends, although something is there: receive first")
        .cause(CRASHED, crash)
        .cause(OTHERWISE, "return what receive_from returns")
        .expect(comes + "the value", value, () -> seen.of(0, LATER, value, "value"))
        .cause(OTHERWISE, "the value goes to where the caller wants it: pass `value` on")
        .expect("turns taken while it waited", 0L, () -> seen.of(0, LATER, value, "busy"))
        .cause(was(1), "it takes turns while it waits: let receive_from wait")
        .cause(OTHERWISE, SEE_ABOVE)
        .expect("its deadline afterwards: none", 0L, () -> seen.of(0, LATER, value, "moved"))
        .cause(
            OTHERWISE,
            "the thread has a deadline now, and had none before: put back what was there, however"
                + " the wait has ended")
        .expect(
            "nobody sends within 20 ms: TIMED_OUT",
            (long) TIMED_OUT,
            () -> seen.of(0, 20, NOTHING, "status"))
        .cause(was(99), "it waits for ever: nobody set a deadline, and there was none")
        .cause(was(1), "nothing was sent: return what receive_from returns")
        .cause(was(0), "the channel is open: return what receive_from returns")
        .cause(
            TOO_LONG,
            "20 ms have long been over: it waits longer than so many nanoseconds, or a loop in it"
                + " never ends")
        .cause(CRASHED, crash)
        .cause(OTHERWISE, "return what receive_from returns")
        .expect("it came back too early", 0L, () -> seen.of(0, 20, NOTHING, "early"))
        .cause(was(1), "it did not wait for 20 ms: ns is in nanoseconds, as now_ns is")
        .cause(OTHERWISE, SEE_ABOVE)
        .expect("nobody else had a turn meanwhile", 0L, () -> seen.of(0, 20, NOTHING, "alone"))
        .cause(
            was(1),
            "the OS thread has waited, and all others with it: let receive_from wait, it leaves the"
                + " ring")
        .cause(OTHERWISE, SEE_ABOVE)
        .expect("the deadline afterwards: none", 0L, () -> seen.of(0, 20, NOTHING, "moved"))
        .cause(
            OTHERWISE,
            "the thread has a deadline now, and had none before: put back what was there")
        .expect(
            "one in an hour, afterwards moved by", 0L, () -> seen.of(HOUR, 20, NOTHING, "moved"))
        .cause(
            TOO_LONG,
            "the limit comes first, and it waits for the hour to end: the earlier of the two"
                + " counts")
        .cause(CRASHED, crash)
        .cause(
            atLeast(1),
            "the thread's own deadline is later than before: put back the time itself; deadline_in"
                + " counts from now on")
        .cause(
            OTHERWISE,
            "the thread's own deadline is gone, or earlier than before: keep it, and put it back")
        .expect(
            "its own deadline comes first: TIMED_OUT",
            (long) TIMED_OUT,
            () -> seen.of(20, 900, NOTHING, "status"))
        .cause(OTHERWISE, SEE_ABOVE)
        .expect("it waited longer than that one", 0L, () -> seen.of(20, 900, NOTHING, "late"))
        .cause(
            was(1),
            "the limit is later than the thread's own deadline: then the earlier one counts")
        .cause(OTHERWISE, SEE_ABOVE)
        .expect("the limit comes first", 0L, () -> seen.of(900, 20, NOTHING, "late"))
        .cause(was(1), "it waited until the thread's own deadline: the earlier of the two counts")
        .cause(OTHERWISE, SEE_ABOVE)
        .expect("the channel is closed meanwhile", 0L, () -> seen.of(0, HOUR, IS_CLOSED, "status"))
        .cause(CRASHED, crash)
        .cause(OTHERWISE, "there is nothing more to come: return what receive_from returns")
        .expect(
            "the wait is cancelled: CANCELLED",
            (long) CANCELLED,
            () -> seen.of(0, HOUR, IS_CANCELLED, "status"))
        .cause(CRASHED, crash)
        .cause(OTHERWISE, "its time was not up: return what receive_from returns")
        .expect("two wait at once: a deadline moved", 0L, () -> seen.of(0, 20, TWO_WAIT, "moved"))
        .cause(CRASHED, crash)
        .cause(
            OTHERWISE,
            "one has got the other's deadline: what is kept during a wait must be each thread's"
                + " own, in a local variable")
        .verdict();
  }

  /** What came of a wait: of the thread's own deadline, the limit, and what happened meanwhile. */
  private record Waits(Within within, Reports reports) {
    Object of(long own, long limit, long what, String member) {
      return reports
          .of(List.of(own, limit, what), report -> within.receive_in_time(own, limit, what, report))
          .member(member);
    }
  }

  // ------------------------------------------------- 12.2: out of the middle of a heap

  /** What the cell defines. */
  interface Heap {
    void try_is_heap(MemorySegment report);

    void try_take_out(MemorySegment report);
  }

  private static void heap(Given given) {
    Heap heap = Lab.isolate(Lab.load("heap", Heap.class), Duration.ofSeconds(2));
    Report isHeap = new Reports("heap", "heap_report").of("is_heap", heap::try_is_heap);
    Report takeOut = new Reports("heap", "heap_report").of("take_out", heap::try_take_out);
    Check.exercise("12.2")
        .expect("heaps that is_heap refuses", 0L, () -> isHeap.member("refused"))
        .cause(TOO_LONG, "is_heap: " + NEVER_ENDS)
        .cause(CRASHED, "is_heap " + OUTSIDE)
        .cause(was(40), "it refuses all of them: true, unless a place is before the one above it")
        .cause(
            OTHERWISE,
            "a heap is half in order only: each place is compared with the one above it, which is"
                + " place / 2, and with no other")
        .expect("… and where all times are the same", 0L, () -> isHeap.member("same_refused"))
        .cause(OTHERWISE, "two that are due at the same time may stand in either order")
        .expect("… because of what is behind the row", 0L, () -> isHeap.member("behind"))
        .cause(OTHERWISE, "it looks behind the row: place count is the last one")
        .expect("… because of what is in place 0", 0L, () -> isHeap.member("before"))
        .cause(OTHERWISE, "it looks before the row: place 1 is the first, and above it is none")
        .expect("rows that it accepts, and are none", 0L, () -> isHeap.member("accepted"))
        .cause(was(39), "it accepts all of them: one place before the one above it is enough")
        .cause(OTHERWISE, "it does not look at each place: two are below one, 2 i and 2 i + 1")
        .expect("… because of their last place", 0L, () -> isHeap.member("last_accepted"))
        .cause(seen -> seen.equals(39L) && seen.equals(isHeap.member("accepted")), SEE_ABOVE)
        .cause(OTHERWISE, "the last place is not looked at, or only if it is on the left")
        .expect("… though place 1 is the first", 0L, () -> isHeap.member("inside_accepted"))
        .cause(was(37), "each place is compared with the one above it, and not only with place 1")
        .cause(OTHERWISE, SEE_ABOVE)
        .expect("times that take_out loses", 0L, () -> takeOut.member("lost"))
        .cause(TOO_LONG, "take_out: " + NEVER_ENDS)
        .cause(CRASHED, "take_out " + OUTSIDE)
        .cause(
            atLeast(800),
            "the one at `place` is still there, or others are gone: one time has to go, and the"
                + " places 1 to count - 1 keep the others, each an int64_t")
        .cause(
            OTHERWISE,
            "another one has gone, or has changed: the last one needs a new place before it is"
                + " lost, and room for an int64_t")
        .expect("no heap: the last one is too far down", 0L, () -> takeOut.member("not_up"))
        .cause(
            OTHERWISE,
            "sometimes the last one is due before the one above its new place. Then it has to go up,"
                + " as long as that is so")
        .expect("no heap: the last one is too far up", 0L, () -> takeOut.member("not_down"))
        .cause(
            seen -> seen.equals(takeOut.member("only_one")),
            "the last one stays where only one is below: if 2 * place is count, look at that one"
                + " alone")
        .cause(
            OTHERWISE,
            "one that is due later stands above another: go down as long as one below is due"
                + " before it, and then it is the earlier of the two below that comes up")
        .expect("no heap: others are in disorder", 0L, () -> takeOut.member("other_wrong"))
        .cause(
            OTHERWISE,
            "two that were in order no longer are: going down, it is the earlier of the two below"
                + " that comes up, and nobody else moves")
        .expect("times written where there is no place", 0L, () -> takeOut.member("touched"))
        .cause(OTHERWISE, "place 0 and what is behind the row belong to nobody")
        .expect(
            "rows of which more moved than needs to", 0L, () -> takeOut.member("moved_too_many"))
        .cause(
            OTHERWISE,
            "a heap is quick since only one way through it is walked: the last one goes to the"
                + " empty place, and up or down from there")
        .verdict();
  }

  private static final String OUTSIDE =
      "crashed: the places are 1 to count, and nothing else belongs to the row";

  // ------------------------------------------------- 12.3: the machine, by hand

  /** What the cell defines. */
  interface Poll {
    int try_polls(int kind, MemorySegment report);
  }

  private static final long PENDING = 0;
  private static final long DONE = 1;

  private static void poll(Given given) {
    Poll poll = Lab.isolate(Lab.load("poll", Poll.class), Duration.ofSeconds(2));
    var reports = new Reports("poll", "poll_report");
    String crash = "it crashed: `t` is the task, and t->bytes has room for sizeof t->bytes";
    Check.exercise("12.3")
        .expect("nothing is there: PENDING", PENDING, () -> polled(poll, reports, 0, "progress"))
        .cause(
            was(DONE),
            "it is not over: recv says -1, and errno that it was in vain; something may still come")
        .cause(
            TOO_LONG,
            "it waits in a loop, or in the system, and with it all others: return PENDING instead")
        .cause(CRASHED, crash)
        .cause(OTHERWISE, "it has to return PENDING or DONE")
        .expect(
            "20,000 bytes are there: came back", 20_000L, () -> polled(poll, reports, 1, "back"))
        .cause(was(0), "nothing came back")
        .cause(
            atLeast(20_001), "too much came back: send what has been read, once, and no more bytes")
        .cause(
            atLeast(1),
            "it stopped although more was there: go on until a call says that it was in vain, for"
                + " nobody will say again that there is something; and what is read next begins at"
                + " its first byte again")
        .cause(TOO_LONG, NEVER_ENDS)
        .cause(CRASHED, crash)
        .expect("… of them other than were sent", 0L, () -> polled(poll, reports, 1, "wrong"))
        .cause(OTHERWISE, "an echo sends back what it has read, as it is")
        .expect("… and it says: PENDING", PENDING, () -> polled(poll, reports, 1, "progress"))
        .cause(OTHERWISE, "it is not over as long as the other side may send more")
        .expect(
            "20,000 bytes, and the end: came back", 20_000L, () -> polled(poll, reports, 2, "back"))
        .cause(TOO_LONG, "it never ends: recv says 0 when no more will come")
        .cause(CRASHED, crash)
        .cause(OTHERWISE, "what has been read has to go back before it is over")
        .expect("… and it says: DONE", DONE, () -> polled(poll, reports, 2, "progress"))
        .cause(OTHERWISE, "no more will come: recv says 0, and that is the end")
        .expect("nobody is there any more: DONE", DONE, () -> polled(poll, reports, 3, "progress"))
        .cause(TOO_LONG, "it never ends: an error other than EAGAIN stays")
        .cause(
            seen -> seen instanceof NativeCrash end && end.crash().signal().equals("SIGPIPE"),
            "to write where nobody reads raises SIGPIPE, unless send is told not to: SEND_FLAGS")
        .cause(CRASHED, crash)
        .cause(OTHERWISE, "send has failed, and not in vain: nobody is there. That is the end")
        .expect("two tasks, 100,000 bytes each: wrong", 0L, () -> polled(poll, reports, 4, "wrong"))
        .cause(
            TOO_LONG, "it never ends, or waits: when send says that it was in vain, return PENDING")
        .cause(CRASHED, crash)
        .cause(
            OTHERWISE,
            "bytes were lost, or came twice, or went to the other task: send may take a part only."
                + " What is left, and from where on, has to be in the task when it returns")
        .expect("… came back, all in all", 200_000L, () -> polled(poll, reports, 4, "back"))
        .cause(
            OTHERWISE,
            "it gave up in the middle: send says -1 when there is no room, and that is not the end"
                + " (nor is a recv that returns 0 because it was given no room)")
        .expect(
            "the end, and little room: came back", 24_000L, () -> polled(poll, reports, 5, "back"))
        .cause(TOO_LONG, NEVER_ENDS)
        .cause(CRASHED, crash)
        .cause(
            OTHERWISE,
            "no more will come, but what has been read has not gone back yet: it is over when both"
                + " are so")
        .expect("… and it says: DONE", DONE, () -> polled(poll, reports, 5, "progress"))
        .cause(OTHERWISE, "all has gone back, and no more will come: that is the end")
        .expect("sockets closed by it", 0L, () -> polled(poll, reports, 2, "closed"))
        .cause(
            OTHERWISE,
            "whoever calls poll_echo closes the socket when it is DONE: closed twice, it would be"
                + " somebody else's")
        .expect("descriptors left open", 0L, () -> polled(poll, reports, 1, "left"))
        .cause(OTHERWISE, "it opens something and never closes it: t->fd is all it needs")
        .verdict();
  }

  private static Object polled(Poll poll, Reports reports, int kind, String member) {
    return reports.of(kind, report -> poll.try_polls(kind, report)).member(member);
  }
}
