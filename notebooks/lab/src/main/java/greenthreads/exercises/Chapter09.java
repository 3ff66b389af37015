package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.bind.Library;
import greenthreads.lab.show.Check;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.function.Function;

/** Closures, results, channels. */
final class Chapter09 extends Chapter {
  private static final String RUNTIME = "09-results-and-channels";

  private static final String NOT_WRITTEN = "nothing has been written there";
  private static final String NOT_YET = "nothing was received yet";

  Chapter09() {
    super(Chapter09::order, Chapter09::lock, Chapter09::any);
  }

  // ------------------------------------------------------------ 09.1: an order for a thread

  /** What the runtime has for it. */
  interface Orders {
    MemorySegment open_runtime(int places);

    int run_all(MemorySegment runtime);

    int close_runtime(MemorySegment runtime);

    long spawn_order(MemorySegment runtime, MemorySegment order);

    void join_from_java(MemorySegment runtime, long number, MemorySegment answer);
  }

  /** An order as the check cell makes it of a number. */
  private record Order(boolean express, int pieces, double price, long customer) {
    static Order of(long n) {
      return new Order(n % 2 == 1, (int) (n % 100), n / 8.0, n * 1_000_003);
    }

    long total() {
      return (long) (pieces * price * 100 + 0.5) + (express ? 500 : 0);
    }
  }

  private static void order(Given given) {
    Function<Long, MemorySegment> inMemory = given.get(0);
    Library library = Lab.load(RUNTIME);
    StructLayout layout = library.layout("order");
    Check check = Check.exercise("09.1");
    for (long n : new long[] {4_321_057, 2_000_042}) {
      Order order = Order.of(n);
      String whose = n % 2 == 1 ? "an express order" : "an order that is not express";
      thrown(
              check.expect(
                  whose + ": express",
                  (byte) (order.express() ? 1 : 0),
                  () -> member(inMemory, n, "express", ValueLayout.JAVA_BYTE)))
          .cause(seen -> seen.equals((byte) 0), NOT_WRITTEN)
          .cause(seen -> seen.equals((byte) 1), "the wrong way round: 1 for true and 0 for false")
          .cause(
              seen -> seen instanceof Byte,
              "something else was written over the first byte: ask the layout for the offsets");
      thrown(
              check.expect(
                  whose + ": pieces",
                  order.pieces(),
                  () -> member(inMemory, n, "pieces", ValueLayout.JAVA_INT)))
          .cause(
              seen -> inTheGap(inMemory, n),
              "something was written in the gap before it: ask the layout for its offset")
          .cause(seen -> seen.equals(0), NOT_WRITTEN)
          .cause(
              seen -> seen.equals(Integer.reverseBytes(order.pieces())),
              "the bytes are the wrong way round: C uses the processor's own order")
          .cause(seen -> true, "something else was written there: each member has its own offset");
      thrown(
              check.expect(
                  whose + ": price",
                  order.price(),
                  () -> member(inMemory, n, "price", ValueLayout.JAVA_DOUBLE)))
          .cause(
              seen ->
                  seen.equals((double) order.customer())
                      || seen.equals(Double.longBitsToDouble(order.customer())),
              "the customer stands where the price should: each member has its own offset")
          .cause(
              seen -> seen.equals(Double.longBitsToDouble((long) order.price())),
              "the price went in as a whole number: the bits of a long are no double")
          .cause(seen -> seen.equals(0.0), NOT_WRITTEN)
          .cause(
              seen -> true,
              "other bits stand there: a double takes eight bytes, at the offset of `price`");
      thrown(
              check.expect(
                  whose + ": customer",
                  order.customer(),
                  () -> member(inMemory, n, "customer", ValueLayout.JAVA_LONG)))
          .cause(
              seen ->
                  seen.equals((long) (int) order.customer())
                      || seen.equals(order.customer() & 0xffff_ffffL),
              "the upper half is lost: this member is a long, and the number needs more than an"
                  + " int")
          .cause(was(0), NOT_WRITTEN)
          .cause(seen -> true, "something else was written there");
      thrown(
              check.expect(
                  whose + ": what a thread works out", order.total(), () -> reckoned(inMemory, n)))
          .cause(seen -> true, "see the lines above: the thread sees what stands in the struct");
    }
    check.verdict();
  }

  /** The reader's struct, or a sentence of what is wrong with it. */
  private static MemorySegment answer(Function<Long, MemorySegment> inMemory, long n) {
    MemorySegment struct = inMemory.apply(n);
    long size = Lab.load(RUNTIME).layout("order").byteSize();
    if (struct == null || !struct.scope().isAlive() || struct.byteSize() < size) {
      throw new IllegalStateException(
          struct == null
              ? "no memory: return the struct"
              : !struct.scope().isAlive()
                  ? "its memory has been given back: an arena that is closed takes it along"
                  : "%d bytes, where the struct has %d".formatted(struct.byteSize(), size));
    }
    return struct;
  }

  private static long at(String member) {
    return Lab.load(RUNTIME).layout("order").byteOffset(PathElement.groupElement(member));
  }

  /** A member of the reader's struct; or the exception that came instead. */
  private static Object member(
      Function<Long, MemorySegment> inMemory, long n, String name, ValueLayout type) {
    try {
      return type.withByteAlignment(1).varHandle().get(answer(inMemory, n), at(name));
    } catch (RuntimeException e) {
      return e;
    }
  }

  /** Whether something stands between express and pieces, in bytes that no member owns. */
  private static boolean inTheGap(Function<Long, MemorySegment> inMemory, long n) {
    MemorySegment struct = answer(inMemory, n);
    for (long i = at("express") + 1; i < at("pieces"); i++) {
      if (struct.get(ValueLayout.JAVA_BYTE, i) != 0) {
        return true;
      }
    }
    return false;
  }

  /** Names the causes of exceptions that a reader's method throws. */
  private static Check thrown(Check check) {
    return check
        .cause(
            seen -> seen instanceof IndexOutOfBoundsException,
            "it writes behind the struct: the offsets are the layout's")
        .cause(
            seen ->
                seen instanceof IllegalArgumentException e
                    && String.valueOf(e.getMessage()).contains("alignment"),
            "an int lies at a multiple of four, a double or a long at a multiple of eight: ask the"
                + " layout for the offsets")
        .cause(
            seen -> seen instanceof IllegalStateException,
            "the struct has to be there when it is looked at: the message says why it is not")
        .cause(
            seen -> seen instanceof RuntimeException,
            "the method ended with this exception, and there is no struct");
  }

  private static Object reckoned(Function<Long, MemorySegment> inMemory, long n) {
    try {
      return reckon(inMemory, n);
    } catch (RuntimeException e) {
      return e;
    }
  }

  private static long reckon(Function<Long, MemorySegment> inMemory, long n) {
    Library library = Lab.load(RUNTIME);
    Orders orders = library.bind(Orders.class);
    MemorySegment given = Arena.ofAuto().allocate(library.layout("order"));
    given.copyFrom(answer(inMemory, n).asSlice(0, given.byteSize()));
    MemorySegment result = Arena.ofAuto().allocate(library.layout("answer"));
    MemorySegment runtime = orders.open_runtime(1);
    long number = orders.spawn_order(runtime, given);
    orders.run_all(runtime);
    orders.join_from_java(runtime, number, result);
    orders.close_runtime(runtime);
    return result.getAtIndex(ValueLayout.JAVA_LONG, 0);
  }

  // ------------------------------------------------------------ 09.2: a lock to wait on

  /** What the cell defines. */
  interface Locked {
    int lock_threads(int threads, long rounds, long turns, MemorySegment report);
  }

  private static void lock(Given given) {
    Locked locked = Lab.isolate(Lab.load("locked", Locked.class), Duration.ofSeconds(2));
    String crash =
        "it crashed: a waiter has to stay where it is as long as its thread waits, and only a"
            + " parked thread is woken";
    Check.exercise("09.2")
        .expect("most threads inside at once", 1L, () -> locked(locked, 3, 2, 2, "most_inside"))
        .cause(
            was(3),
            "nobody is kept out: whoever finds the lock taken has to wait, and whoever gets it has"
                + " to take it")
        .cause(
            was(2),
            "two were inside: when the lock changes hands it is never free, and whoever is woken"
                + " must not find another one inside")
        .cause(
            TOO_LONG,
            "it never ends: somebody waits without giving its turn away, or yields for ever")
        .cause(CRASHED, crash)
        .cause(was(0), "nobody got in: the lock is free at first")
        .expect("threads left waiting", 0L, () -> locked(locked, 3, 2, 2, "waiting"))
        .cause(CRASHED, "see the first line")
        .cause(
            seen -> true,
            "somebody is never woken: release_lock has to look into the queue, and to wake who it"
                + " takes out")
        .expect("the order in which they got in", 123123L, () -> locked(locked, 3, 2, 2, "order"))
        .cause(
            was(112233),
            "whoever came out got in again at once: give the lock to the one that has waited"
                + " longest, and do not free it in between")
        .cause(was(132132), "the one that came last got in first: a queue is served from its front")
        .cause(CRASHED, "see the first line")
        .cause(
            seen -> true,
            "not the one that has waited longest got in, or not everybody twice: if the lock is"
                + " free for a moment, others come in between")
        .expect("switches more than needed", 0L, () -> switchesTooMany(locked))
        .cause(CRASHED, "see the first line")
        .cause(
            seen -> seen instanceof Long n && n > 0,
            "there were turns that led to nothing: whoever waits should be out of the ring, and"
                + " release_lock need not yield")
        .cause(seen -> true, "there were turns too few: somebody was not inside, or did not yield")
        .expect(
            "switches of one who is alone, 1,000 times",
            2L,
            () -> locked(locked, 1, 1_000, 0, "switches"))
        .cause(CRASHED, "see the first line")
        .cause(seen -> true, "a lock that is free is taken without a switch, and released without")
        .expect("times that it got in", 1_111_111_111L, () -> locked(locked, 1, 1_000, 0, "order"))
        .cause(CRASHED, "see the first line")
        .cause(seen -> true, "a lock that has been released can be taken again")
        .verdict();
  }

  /** Beside those that three threads need who go in twice each, yield twice inside, and wait. */
  private static Object switchesTooMany(Locked locked) throws Exception {
    Object seen = locked(locked, 3, 2, 2, "switches");
    return seen instanceof Long switches ? (Object) (switches - 21) : seen;
  }

  private static Object locked(Locked locked, int threads, long rounds, long turns, String member)
      throws Exception {
    return report(
        "locked", "lock_report", member, seen -> locked.lock_threads(threads, rounds, turns, seen));
  }

  // ------------------------------------------------------------ 09.3: whichever comes first

  /** What the cell defines. */
  interface Whichever {
    int choose_from(int kind, MemorySegment report);
  }

  private static void any(Given given) {
    Whichever any = Lab.isolate(Lab.load("whichever", Whichever.class), Duration.ofSeconds(2));
    String index = "return the index of the channel, and put the value into *value";
    Check.exercise("09.3")
        .expect("7 waits in channel 2: 100 × channel + value", 207L, () -> chosen(any, 0, "first"))
        .cause(was(-2), NOT_YET)
        .cause(
            was(0),
            "it waits although something is there, or it returned before there was a value: look"
                + " first, with has_value")
        .cause(was(-1), "-1 is for channels that are all closed: these are open")
        .cause(was(200), "the channel is right; " + index)
        .cause(
            TOO_LONG,
            "it never ends: a loop that looks again has to let others run in between, best by"
                + " waiting for them")
        .cause(CRASHED, "it crashed: a waiter has to be in the frame of the one that waits")
        .cause(seen -> true, index)
        .expect("8 comes later, from channel 1", 108L, () -> chosen(any, 1, "first"))
        .cause(
            was(0),
            "it never came back: stand in the receivers' queue of every channel before you park")
        .cause(was(-2), "it did not wait: return only when a value is there, or all are closed")
        .cause(was(-1), "it did not wait: the channels were open, and empty")
        .cause(was(100), "who is served finds the value in its waiter, not in *value")
        .cause(
            was(8),
            "the index is not the one of the queue in which the waiter was served: look at"
                + " `served`")
        .cause(TOO_LONG, "it never ends: see the first line")
        .cause(CRASHED, "it crashed: a waiter for each channel, and each in its own queue")
        .cause(seen -> true, "look at `served` of each waiter: it says which one has the value")
        .expect("switches meanwhile", 54L, () -> chosen(any, 1, "switches"))
        .cause(
            seen -> seen instanceof Long n && n > 54,
            "it takes turns while it waits: park, and let whoever sends wake it")
        .cause(CRASHED, "see the line above")
        .cause(seen -> true, "it did not wait until the value came")
        .expect("two have something: the first", 108L, () -> chosen(any, 3, "first"))
        .cause(was(-2), NOT_YET)
        .cause(was(207), "channel 1 comes before channel 2")
        .cause(CRASHED, "see the lines above")
        .cause(seen -> true, "see the lines above")
        .expect("and then the other", 207L, () -> chosen(any, 3, "second"))
        .cause(was(-2), NOT_YET)
        .cause(CRASHED, "see the lines above")
        .cause(seen -> true, "one call receives one value: the other one has to stay where it is")
        .expect("afterwards, what another receives", 6L, () -> chosen(any, 4, "other"))
        .cause(
            seen -> true,
            "a waiter was left behind in a queue: it got what was sent to another. When you go on,"
                + " step out of all queues")
        .expect("afterwards, from channel 2", 105L, () -> chosen(any, 4, "second"))
        .cause(
            seen -> true,
            "a waiter was left behind in a queue, and somebody sent to it: step out of all queues")
        .expect("two are closed meanwhile, then 9 comes", 209L, () -> chosen(any, 2, "first"))
        .cause(was(-2), NOT_YET)
        .cause(
            was(-1),
            "one channel that is closed is not all of them: look again, and wait for the others")
        .cause(
            CRASHED,
            "when a channel is closed the waiter is woken and not served: look again from the"
                + " beginning, with waiters that stand in no queue")
        .cause(
            seen -> true,
            "when a channel is closed the waiter is woken and not served: look again from the"
                + " beginning")
        .expect("all are closed", -1L, () -> chosen(any, 5, "first"))
        .cause(was(-2), NOT_YET)
        .cause(
            was(0), "it waits for ever: when the last one is closed, nobody is left who could send")
        .cause(CRASHED, "see the line above")
        .cause(seen -> true, "if all are closed and empty, -1 is to be returned")
        .verdict();
  }

  private static Object chosen(Whichever any, int kind, String member) throws Exception {
    return report("whichever", "choice_report", member, seen -> any.choose_from(kind, seen));
  }
}
