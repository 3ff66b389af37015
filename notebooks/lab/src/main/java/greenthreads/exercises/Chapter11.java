package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.show.Check;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.time.Duration;
import java.util.Locale;
import java.util.function.BiFunction;
import java.util.function.Predicate;

/** How fast, how many. */
final class Chapter11 extends Chapter {
  private static final String RUNTIME = "11-how-fast-how-many";

  /** Of who did how many pieces at a time. */
  private static final int MOST_SHOWN = 60;

  Chapter11() {
    super(Chapter11::reckon, Chapter11::seldom, Chapter11::giveBack);
  }

  // ------------------------------------------------------------ 11.1: reckon, then measure

  /** What the chapter's file measures. */
  interface Prices {
    int stack_price(int threads, long apart, int guard, int huge, long deep, MemorySegment price);
  }

  /**
   * Stacks that lie so many bytes apart, of threads that have touched so many bytes of them.
   *
   * @param apart the bytes from one stack to the next, whole pages
   * @param deep the bytes that each thread touches, besides its first few frames
   */
  record Stacks(long page, long apart, long deep) {
    private static final int THREADS = 4000;
    private static final int NO_GUARD = 0;
    private static final int RECORD = 64;

    /** The bytes that are touched, in whole pages. */
    long touched() {
      return (deep + 200 + page - 1) / page * page;
    }

    /** Eight bytes of page table for each page of addresses, and at most a page of it. */
    long tables() {
      return Math.min(page, apart / page * 8);
    }

    /** What a thread keeps in memory. */
    long kept() {
      return touched() + RECORD + tables();
    }

    /** The same, measured now; where this system does not say it, as it must be. */
    long measured(Prices prices, StructLayout layout) {
      MemorySegment price = Arena.ofAuto().allocate(layout);
      if (prices.stack_price(THREADS, apart, NO_GUARD, 0, deep, price) != 0) {
        return kept();
      }
      long resident = member(layout, price, "resident");
      long tables = member(layout, price, "page_tables");
      return (resident < 0 ? touched() + RECORD : resident) + (tables < 0 ? tables() : tables);
    }
  }

  private static void reckon(Given given) {
    BiFunction<Long, Long, Long> answer = given.get(0);
    var layout = (StructLayout) Lab.load(RUNTIME).layout("stack_price");
    Prices prices = Lab.isolate(Lab.load(RUNTIME, Prices.class), Duration.ofSeconds(20));
    long page = Lab.machine().pageBytes();
    Check check = Check.exercise("11.1");
    look(check, "five pages apart", new Stacks(page, 5 * page, 100), answer, prices, layout);
    look(
        check, "16 pages apart", new Stacks(page, 16 * page, page * 3 / 2), answer, prices, layout);
    look(
        check,
        "16 pages apart again",
        new Stacks(page, 16 * page, page * 73 / 10),
        answer,
        prices,
        layout);
    look(
        check,
        "a page table apart",
        new Stacks(page, page / 8 * page, 100),
        answer,
        prices,
        layout);
    look(check, "128 pages apart", new Stacks(page, 128 * page, 100), answer, prices, layout);
    look(
        check,
        "two page tables apart",
        new Stacks(page, 2 * (page / 8 * page), 100),
        answer,
        prices,
        layout);
    look(
        check,
        "16 pages apart, nearly two",
        new Stacks(page, 16 * page, 2 * page - 16),
        answer,
        prices,
        layout);
    check.verdict();
  }

  private static void look(
      Check check,
      String name,
      Stacks stacks,
      BiFunction<Long, Long, Long> answer,
      Prices prices,
      StructLayout layout) {
    long seen = stacks.measured(prices, layout);
    check.<Long>demand(
        "%s, %,d bytes touched".formatted(name, stacks.deep()),
        String.format(Locale.ROOT, "%d, as measured, or a twentieth more or less", seen),
        value -> Math.abs(value - seen) <= seen / 20,
        () -> answer.apply(stacks.apart(), stacks.deep()));
    check
        .<Long>cause(value -> value == 0, "there is no answer yet")
        .<Long>cause(
            value -> near(value, stacks.apart()) || near(value, stacks.apart() + Stacks.RECORD),
            "that is what is reserved; memory is only put behind what is touched")
        .<Long>cause(
            value -> value < stacks.touched(),
            "memory comes in whole pages: who touches one byte of a page has all of it, and the"
                + " first frames take some bytes too")
        .<Long>cause(
            value ->
                stacks.apart() / stacks.page() * 8 > stacks.page()
                    && near(
                        value, stacks.kept() + stacks.apart() / stacks.page() * 8 - stacks.page()),
            "a stack needs one page of the page table at most: of addresses that nobody touches"
                + " there is none")
        .<Long>cause(
            value -> near(value, stacks.kept() + stacks.page()),
            "a page too many: a guard page is an entry in the page table, and no memory")
        .<Long>cause(
            value -> value < stacks.kept() - stacks.tables() / 2,
            "the page table is missing: eight bytes for each page of addresses, touched or not")
        .<Long>cause(
            value -> true,
            "add up: the pages that are touched, the record, the entries of the page table");
  }

  private static boolean near(long answer, long wanted) {
    return Math.abs(answer - wanted) <= wanted / 100;
  }

  // ------------------------------------------------------------ 11.2: as seldom as need be

  /** What the cell defines. */
  interface Seldom {
    int pieces_of_work(int times, MemorySegment text, long size);
  }

  private static Predicate<Object> begins(String text) {
    return seen -> seen instanceof String said && said.startsWith(text);
  }

  private static void seldom(Given given) {
    Seldom seldom = Lab.isolate(Lab.load("seldom", Seldom.class), Duration.ofSeconds(2));
    Check.exercise("11.2")
        .expect(
            "who did how many at a time, as thread:pieces",
            "1:10 2:7 3:10 1:10 3:10 1:5 3:15",
            () -> done(seldom, 1))
        .cause(begins("1:25"), "nobody ever yields")
        .cause(begins("1:1 2:1 3:1 1:1 2:1"), "they yield after each piece, as before")
        .cause(begins("1:1 2:1"), "each yields after its first piece: count first, and look then")
        .cause(begins("1:11"), "each yields after eleven pieces: count first, and look then")
        .cause(begins("1:9"), "each yields after nine pieces")
        .cause(
            begins("1:10 2:7 3:3"),
            "the count goes on from thread to thread: thread 3 found the 7 of thread 2; each has"
                + " one of its own in its record")
        .cause(
            begins("1:10 2:7 3:10 1:15"),
            "each yields once and never again: what comes after the tenth?")
        .cause(
            seen -> seen instanceof String said && said.startsWith("1:10 2:7 3:10 1:1 "),
            "after the tenth piece they yield at each: the count is not begun anew")
        .cause(
            TOO_LONG, "it never ends: a thread that waits for its turn must give the others theirs")
        .cause(LEFT, LEFT_BY_EXIT)
        .cause(CRASHED, "it crashed: rest only counts, and yields")
        .cause(seen -> true, "a thread yields after each ten pieces that it has done itself")
        .expect(
            "three more, in the places of these",
            "3:10 1:10 2:7 3:10 1:10 3:10 1:5 3:5",
            () -> done(seldom, 2))
        .cause(CRASHED, "see the line above")
        .cause(
            seen -> !done(seldom, 1).equals("1:10 2:7 3:10 1:10 3:10 1:5 3:15"),
            "see the line above")
        .cause(
            seen -> true,
            "a new thread went on with the count of the one that had its place before: count in"
                + " `pieces` of its record, which spawn sets to 0")
        .verdict();
  }

  /** What is too long for a line ends in dots; what is expected is shorter. */
  private static String begun(String text) {
    return text.length() <= MOST_SHOWN ? text : text.substring(0, MOST_SHOWN) + " …";
  }

  private static Object done(Seldom seldom, int times) {
    MemorySegment text = Arena.ofAuto().allocate(1000);
    try {
      seldom.pieces_of_work(times, text, text.byteSize());
      return begun(text.getString(0));
    } catch (NativeCrash crash) {
      return crash;
    }
  }

  // ------------------------------------------------------------ 11.3: give it back

  /** What the cell defines. */
  interface Pool {
    int after_a_rush(MemorySegment report);
  }

  private static void giveBack(Given given) {
    Pool pool = Lab.isolate(Lab.load("pool", Pool.class), Duration.ofSeconds(2));
    var after = new Reports("pool", "rush_report").of("after", pool::after_a_rush);
    String crash =
        "it crashed: a thread that waited had lost its place or what was on its stack, or a stack is"
            + " no longer there, or the list of places leads astray";
    Check.exercise("11.3")
        .expect("pages left in unused stacks", 0L, () -> after.member("left_pages"))
        .cause(
            seen -> seen instanceof Long && nothingGivenBack(after),
            "all their pages are still there: nothing was given back")
        .cause(
            seen -> seen instanceof Long left && left > (Long) after.member("used_pages"),
            "there are more now than before: to write to a page is to touch it")
        .cause(
            seen -> seen instanceof Long,
            "some of their pages are still there: go through the whole list, and from the low"
                + " end of each stack to its upper end")
        .cause(TOO_LONG, "it never ends: the list ends where `next` is NULL")
        .cause(LEFT, LEFT_BY_EXIT)
        .cause(NULL_POINTER, "a null pointer is followed: the list ends where `next` is NULL")
        .cause(CRASHED, crash)
        .expect("threads that remember", 3L, () -> after.member("remembered"))
        .cause(
            seen -> seen instanceof Long,
            "a thread that waited found zeros: only what is in the list of available places is"
                + " unused")
        .cause(CRASHED, "see the first line")
        .expect("guard pages", 8L, () -> after.member("guards"))
        .cause(
            seen -> seen instanceof Long,
            "a guard page can be touched now: leave it alone, the stack begins above it")
        .cause(CRASHED, "see the first line")
        .expect("bytes forgotten that are not the thread's", 0L, () -> after.member("not_its_own"))
        .cause(
            seen -> seen instanceof Long,
            "forget was told of bytes outside of the thread's stack: they begin at stack_of, right"
                + " above the guard page, and are stack_bytes")
        .cause(CRASHED, "see the first line")
        .expect("places that begin anew", 5L, () -> after.member("begin_anew"))
        .cause(
            seen -> seen instanceof Long && nothingGivenBack(after),
            "see the first line: a place begins anew when its stack has been given back")
        .cause(
            seen -> seen instanceof Long,
            "the stack is gone, and its place still leads to where its last thread waited on it:"
                + " tell forget for each stack whose it is")
        .cause(CRASHED, "see the first line")
        .expect("threads in the old places", 5L, () -> after.member("ran_again"))
        .cause(
            seen -> seen instanceof Long,
            "not all of five new threads found a place: the list has to stay as it was")
        .cause(CRASHED, "see the first line")
        .verdict();
  }

  private static boolean nothingGivenBack(Reports.Report after) {
    return after.member("left_pages").equals(after.member("used_pages"));
  }
}
