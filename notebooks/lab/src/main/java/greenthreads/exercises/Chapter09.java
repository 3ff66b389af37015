package greenthreads.exercises;

import greenthreads.exercises.Reports.Report;
import greenthreads.lab.Lab;
import greenthreads.lab.base.LabException;
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
  private static final String NO_MEMORY = "null";
  private static final String TWO_AT_ONCE =
      "one works, two at once do not: each call needs waiters of its own, variables that are not"
          + " static";
  private static final String ORDER_OF_BYTES =
      "the bytes are the wrong way round: C uses the processor's own order";

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
      return new Order(n % 2 == 1, (int) (n % 100_000), n / 8.0, n * 1_000_003);
    }

    long total() {
      return (long) (pieces * price * 100 + 0.5) + (express ? 500 : 0);
    }
  }

  /** Numbers of which no member has room in a smaller type. */
  private static final long EXPRESS = 34_571_357;

  private static final long NO_EXPRESS = 38_166_042;

  private static void order(Given given) {
    Function<Long, MemorySegment> inMemory = given.get(0);
    // Both before one is looked at: each has memory of its own.
    Object first = answer(inMemory, EXPRESS);
    Object second = answer(inMemory, NO_EXPRESS);
    Check check = Check.exercise("09.1");
    look(check, "an express order", Order.of(EXPRESS), first, Order.of(NO_EXPRESS));
    look(check, "an order that is not express", Order.of(NO_EXPRESS), second, Order.of(EXPRESS));
    check.verdict();
  }

  /** Looks at one of the reader's structs; if there is none, only says why. */
  private static void look(Check check, String whose, Order order, Object made, Order other) {
    if (!(made instanceof MemorySegment struct)) {
      long size = layout().byteSize();
      thrown(check.expect(whose + ": the struct", "memory of " + size + " bytes", () -> made));
      return;
    }
    String others = "the other order stands there: each has to have memory of its own";
    check
        .expect(
            whose + ": express",
            (byte) (order.express() ? 1 : 0),
            () -> member(struct, "express", ValueLayout.JAVA_BYTE))
        .cause(seen -> isOf(struct, other), others)
        .cause(seen -> seen.equals((byte) 0), NOT_WRITTEN)
        .cause(seen -> seen.equals((byte) 1), "the wrong way round: 1 for true and 0 for false")
        .cause(seen -> seen.equals((byte) -1), "true is 1 in the struct, and not -1")
        .cause(
            seen -> true,
            "something else was written over the first byte: ask the layout for the offsets")
        .expect(
            whose + ": pieces",
            order.pieces(),
            () -> member(struct, "pieces", ValueLayout.JAVA_INT))
        .cause(seen -> isOf(struct, other), others)
        .cause(
            seen -> inTheGap(struct),
            "something was written in the gap before it: ask the layout for its offset")
        .cause(
            seen -> seen.equals(0),
            NOT_WRITTEN + ", or a larger value beside it was written over it")
        .cause(seen -> seen.equals(Integer.reverseBytes(order.pieces())), ORDER_OF_BYTES)
        .cause(
            seen ->
                seen.equals((int) (byte) order.pieces())
                    || seen.equals(order.pieces() & 0xff)
                    || seen.equals((int) (short) order.pieces())
                    || seen.equals(order.pieces() & 0xffff),
            "the upper bytes are lost: this member is an int, with four of them")
        .cause(seen -> true, "something else was written there: each member has its own offset")
        .expect(
            whose + ": price",
            order.price(),
            () -> member(struct, "price", ValueLayout.JAVA_DOUBLE))
        .cause(seen -> isOf(struct, other), others)
        .cause(
            seen ->
                seen.equals((double) order.customer())
                    || seen.equals(Double.longBitsToDouble(order.customer())),
            "the customer stands where the price should: each member has its own offset")
        .cause(
            seen -> seen.equals(Double.longBitsToDouble((long) order.price())),
            "the price went in as a whole number: the bits of a long are no double")
        .cause(
            seen ->
                seen instanceof Double price
                    && price == Math.rint(price)
                    && Math.abs(price - order.price()) < 1,
            "what stands behind the point is lost, by a whole number or a float in between")
        .cause(
            seen -> seen.equals((double) (float) order.price()),
            "it went through a float, which has room for some seven digits")
        .cause(
            seen ->
                seen.equals(
                    Double.longBitsToDouble(
                        Long.reverseBytes(Double.doubleToRawLongBits(order.price())))),
            ORDER_OF_BYTES)
        .cause(seen -> seen.equals(0.0), NOT_WRITTEN)
        .cause(
            seen -> true,
            "other bits stand there: a double takes eight bytes, at the offset of `price`")
        .expect(
            whose + ": customer",
            order.customer(),
            () -> member(struct, "customer", ValueLayout.JAVA_LONG))
        .cause(seen -> isOf(struct, other), others)
        .cause(
            seen ->
                seen.equals((long) (int) order.customer())
                    || seen.equals(order.customer() & 0xffff_ffffL),
            "the upper half is lost: this member is a long, and the number needs more than an"
                + " int")
        .cause(was(0), NOT_WRITTEN)
        .cause(was(Long.reverseBytes(order.customer())), ORDER_OF_BYTES)
        .cause(seen -> true, "something else was written there: each member has its own offset")
        .expect(whose + ": what a thread works out", order.total(), () -> reckon(struct))
        .cause(seen -> true, "see the lines above: the thread sees what stands in the struct");
  }

  private static StructLayout layout() {
    return Lab.load(RUNTIME).layout("order");
  }

  /** The reader's struct, or a sentence of what is wrong with it, or the exception. */
  private static Object answer(Function<Long, MemorySegment> inMemory, long n) {
    try {
      MemorySegment struct = inMemory.apply(n);
      if (struct == null) {
        return NO_MEMORY;
      }
      if (!struct.scope().isAlive()) {
        return "its memory has been given back";
      }
      return struct.byteSize() < layout().byteSize()
          ? "memory of %d bytes".formatted(struct.byteSize())
          : struct;
    } catch (RuntimeException e) {
      return e;
    }
  }

  private static long at(String member) {
    return layout().byteOffset(PathElement.groupElement(member));
  }

  private static Object member(MemorySegment struct, String name, ValueLayout type) {
    return type.withByteAlignment(1).varHandle().get(struct, at(name));
  }

  /** Whether all that stands in a struct is another order. */
  private static boolean isOf(MemorySegment struct, Order order) {
    return member(struct, "customer", ValueLayout.JAVA_LONG).equals(order.customer())
        && member(struct, "pieces", ValueLayout.JAVA_INT).equals(order.pieces());
  }

  /** Whether something stands between express and pieces, in bytes that no member owns. */
  private static boolean inTheGap(MemorySegment struct) {
    for (long i = at("express") + 1; i < at("pieces"); i++) {
      if (struct.get(ValueLayout.JAVA_BYTE, i) != 0) {
        return true;
      }
    }
    return false;
  }

  /** Names the causes of what there is in place of a struct. */
  private static void thrown(Check check) {
    check
        .cause(
            seen -> seen instanceof IndexOutOfBoundsException,
            "it writes behind the struct: the offsets are the layout's")
        .cause(
            seen ->
                seen instanceof IllegalArgumentException e
                    && String.valueOf(e.getMessage()).contains("alignment"),
            "an int lies at a multiple of four, a double or a long at a multiple of eight: ask the"
                + " layout for the offsets")
        .cause(seen -> seen instanceof LabException, "there is no struct; the message says why")
        .cause(
            seen -> seen instanceof RuntimeException,
            "the method ended with this exception, and there is no struct")
        .cause(seen -> seen.equals(NO_MEMORY), "return the struct")
        .cause(
            seen -> seen.toString().contains("given back"),
            "an arena that is closed takes its memory along: use one that lives longer")
        .cause(seen -> true, "too small: allocate memory with the layout");
  }

  private static long reckon(MemorySegment struct) {
    Library library = Lab.load(RUNTIME);
    Orders orders = library.bind(Orders.class);
    MemorySegment given = Arena.ofAuto().allocate(library.layout("order"));
    given.copyFrom(struct.asSlice(0, given.byteSize()));
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
    int lock_threads(int threads, int locks, long rounds, long turns, MemorySegment report);
  }

  private static void lock(Given given) {
    Locked locked = Lab.isolate(Lab.load("locked", Locked.class), Duration.ofSeconds(2));
    var reports = new Reports("locked", "lock_report");
    Report three = reports.of("three", seen -> locked.lock_threads(3, 1, 2, 2, seen));
    Report five = reports.of("five", seen -> locked.lock_threads(5, 1, 2, 2, seen));
    Report alone = reports.of("alone", seen -> locked.lock_threads(1, 1, 1_000, 0, seen));
    Report apart = reports.of("apart", seen -> locked.lock_threads(2, 2, 1, 1, seen));
    Check check = Check.exercise("09.2");
    check
        .expect("most threads inside at once", 1L, () -> three.member("most_inside"))
        .cause(
            was(3),
            "nobody is kept out: whoever finds the lock taken has to wait, and whoever gets it has"
                + " to take it")
        .cause(
            was(2),
            "two were inside: when the lock changes hands it is never free, and whoever is woken"
                + " must not find another one inside")
        .cause(was(0), "nobody got in: the lock is free at first");
    ended(check)
        .expect("threads left waiting", 0L, () -> three.member("waiting"))
        .cause(CRASHED, "see the first line")
        .cause(
            seen -> three.member("order").equals(123123L),
            "all have been inside, and the runtime still counts them as waiting: wake ends a wait,"
                + " to put somebody into the ring does not")
        .cause(
            seen -> three.member("order").equals(1L),
            "after the first one nobody got in. Whoever release_lock takes out of the queue has to"
                + " be woken; and the lock is its own then, so it must not wait again because it is"
                + " taken")
        .cause(
            seen -> three.member("order").equals(11L),
            "whoever came out found nobody in the queue: stand in it before you park, and let"
                + " release_lock look into it")
        .cause(
            seen -> true,
            "somebody is never woken: release_lock has to look into the queue, and to wake who it"
                + " takes out");
    check
        .expect("the order in which they got in", 123123L, () -> three.member("order"))
        .cause(
            was(112233),
            "whoever came out got in again at once: give the lock to the one that has waited"
                + " longest, and do not free it in between")
        .cause(was(132132), "the one that came last got in first: a queue is served from its front")
        .cause(was(131322), "the one that came last got in first: a queue is served from its front")
        .cause(CRASHED, "see the first line")
        .cause(
            seen -> three.member("waiting") instanceof Long left && left > 0,
            "somebody is never woken: see the line above")
        .cause(
            seen -> true,
            "not the one that has waited longest got in, or not everybody twice: if the lock is"
                + " free for a moment, others come in between")
        .expect("the order of five", 1234512345L, () -> five.member("order"))
        .cause(
            seen -> !three.member("order").equals(123123L),
            "five threads in place of three: see the lines above")
        .cause(
            seen -> true,
            "with three it is right, with five not: each that waits needs a struct waiter of its"
                + " own, a variable of its own acquire")
        .expect("switches more than needed", 0L, () -> switchesTooMany(three))
        .cause(CRASHED, "see the first line")
        .cause(
            seen -> seen instanceof Long n && n > 0,
            "there were turns that led to nothing: whoever waits should be out of the ring, and"
                + " release_lock need not yield")
        .cause(seen -> true, "there were turns too few: somebody was not inside, or did not yield")
        .expect("switches of one who is alone, 1,000 times", 2L, () -> alone.member("switches"))
        .cause(LEFT, LEFT_BY_EXIT)
        .cause(
            NULL_POINTER,
            "a null pointer is followed: first_of returns NULL where nobody waits, and release_lock"
                + " has to ask")
        .cause(CRASHED, "see the first line")
        .cause(seen -> true, "a lock that is free is taken without a switch, and released without")
        .expect("times that it got in", 1_111_111_111L, () -> alone.member("order"))
        .cause(CRASHED, "see the line above")
        .cause(seen -> true, "a lock that has been released can be taken again")
        .expect(
            "two, each with a lock of its own, inside at once",
            2L,
            () -> apart.member("most_inside"))
        .cause(CRASHED, "see the lines above")
        .cause(was(0), "nobody got in: the locks are free at first")
        .cause(
            seen -> true,
            "somebody waited for a lock that another has not got: what a lock knows stands in *l,"
                + " and in no variable outside")
        .verdict();
  }

  /** Names the causes of an end of the first run. */
  private static Check ended(Check check) {
    return check
        .cause(
            TOO_LONG,
            "it never ends: somebody waits without giving its turn away, or yields for ever, or a"
                + " queue leads in a circle since two stand in it with one struct waiter")
        .cause(LEFT, LEFT_BY_EXIT)
        .cause(
            NULL_POINTER,
            "a null pointer is followed: first_of returns NULL where nobody waits, and each call of"
                + " it takes one more out of the queue")
        .cause(
            CRASHED,
            "it crashed: a waiter has to stay where it is as long as its thread waits, and only a"
                + " parked thread is woken");
  }

  /** Beside those that three threads need who go in twice each, yield twice inside, and wait. */
  private static Object switchesTooMany(Report three) {
    Object seen = three.member("switches");
    return seen instanceof Long switches ? (Object) (switches - 21) : seen;
  }

  // ------------------------------------------------------------ 09.3: whichever comes first

  /** What the cell defines. */
  interface Whichever {
    int choose_from(int kind, MemorySegment report);
  }

  private static void any(Given given) {
    Whichever any = Lab.isolate(Lab.load("whichever", Whichever.class), Duration.ofSeconds(2));
    var reports = new Reports("whichever", "choice_report");
    Report[] of = new Report[11];
    for (int i = 0; i < of.length; i++) {
      int kind = i;
      of[i] = reports.of(kind, seen -> any.choose_from(kind, seen));
    }
    String index = "return the index of the channel, and put the value into *value";
    Check.exercise("09.3")
        .expect("7 waits in channel 2: 100 × channel + value", 207L, () -> of[0].member("first"))
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
        .cause(LEFT, LEFT_BY_EXIT)
        .cause(CRASHED, "it crashed, though nobody has to wait here: look at the values first")
        .cause(seen -> true, index)
        .expect("8 comes later, from channel 1", 108L, () -> of[1].member("first"))
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
        .expect("switches meanwhile", 54L, () -> of[1].member("switches"))
        .cause(
            seen -> seen instanceof Long n && n > 54,
            "it takes turns while it waits: park, and let whoever sends wake it")
        .cause(CRASHED, "see the line above")
        .cause(seen -> true, "it did not wait until the value came")
        .expect("two have something: the first", 108L, () -> of[3].member("first"))
        .cause(was(-2), NOT_YET)
        .cause(was(207), "channel 1 comes before channel 2")
        .cause(CRASHED, "see the lines above")
        .cause(seen -> true, "see the lines above")
        .expect("and then the other", 207L, () -> of[3].member("second"))
        .cause(was(-2), NOT_YET)
        .cause(CRASHED, "see the lines above")
        .cause(seen -> true, "one call receives one value: the other one has to stay where it is")
        .expect("afterwards, what another receives", 6L, () -> of[4].member("other"))
        .cause(CRASHED, "see the lines above")
        .cause(seen -> !of[1].member("first").equals(108L), "see the second line")
        .cause(
            seen -> true,
            "a waiter was left behind in a queue: it got what was sent to another. When you go on,"
                + " step out of all queues")
        .expect("afterwards, from channel 2", 105L, () -> of[4].member("second"))
        .cause(CRASHED, "see the lines above")
        .cause(seen -> !of[1].member("first").equals(108L), "see the second line")
        .cause(
            seen -> true,
            "a waiter was left behind in a queue, and somebody sent to it: step out of all queues")
        .expect("two are closed meanwhile, then 9 comes", 209L, () -> of[2].member("first"))
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
        .expect("all are closed", -1L, () -> of[5].member("first"))
        .cause(was(-2), NOT_YET)
        .cause(
            was(0), "it waits for ever: when the last one is closed, nobody is left who could send")
        .cause(CRASHED, "see the line above")
        .cause(seen -> true, "if all are closed and empty, -1 is to be returned")
        .expect("0 comes later, from channel 1", 100L, () -> of[6].member("first"))
        .cause(was(-2), NOT_YET)
        .cause(CRASHED, "see the lines above")
        .cause(seen -> !of[1].member("first").equals(108L), "see the second line")
        .cause(seen -> true, "0 is a value as any other: `served` says whether one has come")
        .expect("4 comes later, from channel 0", 4L, () -> of[7].member("first"))
        .cause(was(-2), NOT_YET)
        .cause(CRASHED, "see the lines above")
        .cause(seen -> !of[1].member("first").equals(108L), "see the second line")
        .cause(seen -> true, "the first channel has the index 0: it was left out")
        .expect("of eight channels, 3 comes from channel 7", 703L, () -> of[8].member("first"))
        .cause(was(-2), NOT_YET)
        .cause(seen -> !of[1].member("first").equals(108L), "see the second line")
        .cause(
            seen -> true,
            "`count` says how many channels there are, and each needs a waiter: at most"
                + " MOST_CHANNELS")
        .expect("8 and 7 lie in channels that are closed: one", 108L, () -> of[9].member("first"))
        .cause(was(-2), NOT_YET)
        .cause(CRASHED, "see the lines above")
        .cause(
            was(-1),
            "a channel that is closed may still hold values, and has_value says so: -1 is for"
                + " channels that are closed and empty")
        .cause(
            seen -> true, "a channel that has room may hold values without a sender: ask has_value")
        .expect("and the other", 207L, () -> of[9].member("second"))
        .cause(was(-2), NOT_YET)
        .cause(seen -> true, "see the line above")
        .expect("and then", -1L, () -> of[9].member("other"))
        .cause(was(-2), NOT_YET)
        .cause(seen -> true, "if all are closed and empty, -1 is to be returned")
        .expect(
            "two wait for the same channels: what the first gets",
            108L,
            () -> of[10].member("first"))
        .cause(was(-2), NOT_YET)
        .cause(seen -> !of[1].member("first").equals(108L), "see the second line")
        .cause(seen -> true, TWO_AT_ONCE)
        .expect("and the second", 207L, () -> of[10].member("second"))
        .cause(was(-2), NOT_YET)
        .cause(seen -> !of[1].member("first").equals(108L), "see the second line")
        .cause(seen -> true, TWO_AT_ONCE)
        .verdict();
  }
}
