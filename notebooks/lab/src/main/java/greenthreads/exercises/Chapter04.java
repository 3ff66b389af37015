package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.bind.Library;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.show.Check;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;

/** The stack. */
final class Chapter04 extends Chapter {
  private static final String FILE = "04-the-stack";
  private static final long SIZE = 64 * 1024;
  private static final byte PAINT = (byte) 0xa5;

  Chapter04() {
    super(Chapter04::highWater, Chapter04::reckon, Chapter04::move);
  }

  /** The chapter's functions that the checks call. */
  interface Stacks {
    String function_name(int which);

    int run_on(MemorySegment stack, long size, int which, MemorySegment report);

    long overflow(long size, long frames, int guard);

    long page_size();

    int copy_while_running(
        MemorySegment stack, MemorySegment copy, long size, MemorySegment report);
  }

  private static MemorySegment newStack() {
    return Arena.ofAuto().allocate(SIZE, 16);
  }

  // ------------------------------------------------------------ 04.1: the high-water mark

  private static void highWater(Given given) {
    BiFunction<MemorySegment, Byte, Long> highWater = given.get(0);
    Check.exercise("04.1")
        .expect("an untouched stack", 0L, () -> marked(highWater, PAINT))
        .cause(
            n -> n.equals(64L), "paint is what was not used: the comparison is the wrong way round")
        .cause(n -> true, "nothing was written, so nothing was used")
        .expect("the highest byte written", 1L, () -> marked(highWater, PAINT, 1))
        .cause(n -> n.equals(0L), "one byte was written, and the answer says none")
        .cause(n -> n.equals(64L), "all but one byte is paint, and paint was not used")
        .cause(n -> n.equals(63L), "that counts what was not used, or from the other end")
        .cause(n -> n.equals(2L), "one too many: `below` is 1 for the highest byte")
        .expect("written at 1 and 40, a hole between", 40L, () -> marked(highWater, PAINT, 1, 40))
        .cause(
            n -> n.equals(2L),
            "two bytes were written, but the mark is how deep it went: the hole counts too")
        .cause(n -> n.equals(1L), "it went on below the hole: paint in a frame is no end")
        .cause(n -> n.equals(0L), "two bytes were written, and the answer says none")
        .cause(n -> n.equals(39L), "one too few: `below` is 1 for the highest byte")
        .cause(n -> n.equals(41L), "one too many: `below` is 1 for the highest byte")
        .cause(
            n -> n.equals(24L) || n.equals(25L),
            "counted from the low end: `below` counts from the top")
        .expect("written at 40 only", 40L, () -> marked(highWater, PAINT, 40))
        .cause(n -> n.equals(0L) || n.equals(1L), "the highest byte may be paint: go on below it")
        .expect("the lowest byte written", 64L, () -> marked(highWater, PAINT, 64))
        .expect("another paint, 5a, and a5 written at 9", 9L, () -> another(highWater, 9))
        .cause(n -> true, "this stack was painted with 5a: compare with what is handed over")
        .demand(
            "after format_float",
            "what the chapter's bytes_used says",
            right -> right,
            () -> agreesOnARealStack(highWater))
        .verdict();
  }

  /** The answer for a painted stack of 64 bytes with these bytes written, counted from the top. */
  private static long marked(
      BiFunction<MemorySegment, Byte, Long> highWater, byte paint, int... belows) {
    MemorySegment small = Arena.ofAuto().allocate(64).fill(paint);
    for (int below : belows) {
      small.set(ValueLayout.JAVA_BYTE, 64 - below, (byte) 7);
    }
    return highWater.apply(small, paint);
  }

  /** The same with another paint, where the usual one was written. */
  private static long another(BiFunction<MemorySegment, Byte, Long> highWater, int below) {
    byte paint = 0x5a;
    MemorySegment small = Arena.ofAuto().allocate(64).fill(paint);
    small.set(ValueLayout.JAVA_BYTE, 64 - below, PAINT);
    return highWater.apply(small, paint);
  }

  private static boolean agreesOnARealStack(BiFunction<MemorySegment, Byte, Long> highWater) {
    Library library = Lab.load(FILE);
    Stacks chapter = library.bind(Stacks.class);
    MemorySegment stack = newStack();
    MemorySegment report = Arena.ofAuto().allocate(library.layout("run_report"));
    List<String> functions =
        Stream.iterate(0, i -> i + 1)
            .map(chapter::function_name)
            .takeWhile(Objects::nonNull)
            .toList();
    chapter.run_on(stack, SIZE, functions.indexOf("format_float"), report);
    return Lab.stack(stack).used() == highWater.apply(stack, PAINT);
  }

  // ------------------------------------------------------------ 04.2: how large must it be?

  private static final int MPROTECT = 1;

  private static void reckon(Given given) {
    Function<Long, Long> stackFor = given.get(0);
    Stacks chapter = Lab.isolate(Lab.load(FILE, Stacks.class));
    long page = chapter.page_size();
    long hundred = chapter.overflow(SIZE, 100, MPROTECT);
    long frame = (chapter.overflow(SIZE, 200, MPROTECT) - hundred) / 100;
    long above = hundred - 100 * frame;
    long few = 24 * page / frame; // whose frames alone fill whole pages, or nearly
    long exact = exact(page, frame, above);
    Check check = Check.exercise("04.2");
    sized(check, stackFor, 5000, page, frame, above);
    sized(check, stackFor, few, page, frame, above);
    sized(check, stackFor, 200_000, page, frame, above);
    if (exact > 0) {
      sized(check, stackFor, exact, page, frame, above);
    }
    check
        .demand(
            "tried: 5,000 calls on that stack, and on one a page smaller",
            "fit, do not fit",
            (String outcome) -> outcome.equals("fit, do not fit"),
            () -> {
              long size = stackFor.apply(5000L);
              return tried(chapter, size) + ", " + tried(chapter, size - page);
            })
        .cause((String outcome) -> outcome.startsWith("do not"), "walked into the guard page")
        .cause(outcome -> true, "a page less would have done")
        .verdict();
  }

  /** A number of calls that fill pages to the last byte; 0: there is none. */
  private static long exact(long page, long frame, long above) {
    for (long pages = 30; pages < 200; pages++) {
      if ((pages * page - above) % frame == 0) {
        return (pages * page - above) / frame;
      }
    }
    return 0;
  }

  private static void sized(
      Check check, Function<Long, Long> stackFor, long calls, long page, long frame, long above) {
    long hundred = 100 * frame + above;
    long need = above + calls * frame;
    long right = up(need, page);
    check
        .expect("bytes for %,d calls".formatted(calls), right, () -> stackFor.apply(calls))
        .cause(n -> n.equals(0L), "nothing is reckoned yet")
        .cause(
            n -> n.equals(need), "that is what is used; the system hands out whole pages: round up")
        .cause(
            n -> n.equals(up(calls * frame, page)) && n.equals(need / page * page),
            "the deepest calls do not fit: rounded down, or without what lies above the frames")
        .cause(
            n -> n.equals(up(calls * frame, page)),
            "the frames are right; what lies above them on the stack was left out")
        .cause(
            n -> n.equals(calls * frame),
            "the frames are right, but not all that is on the stack, and it is not rounded up")
        .cause(
            n -> n.equals(need / page * page),
            "rounded down: the deepest calls lie in the part that is cut off")
        .cause(
            n -> n.equals(right + page),
            "a page more than it takes: something is counted twice, or it is rounded up farther than"
                + " to the next page")
        .cause(
            n ->
                n.equals(up(calls * hundred / 100, page))
                    || n.equals(up(calls * (frame + above), page)),
            "what lies above the frames is there once, and not for each call")
        .cause(
            (Long n) -> n % page != 0,
            "this is no multiple of a page, and the system hands out whole pages")
        .cause((Long n) -> n < need, "too small: the calls need %,d bytes".formatted(need))
        .cause(n -> true, "too large: whole pages that nobody needs");
  }

  private static long up(long bytes, long page) {
    return (bytes + page - 1) / page * page;
  }

  private static String tried(Stacks chapter, long size) {
    try {
      return chapter.overflow(size, 5000, MPROTECT) > 0 ? "fit" : "do not fit";
    } catch (NativeCrash crash) {
      return "do not fit";
    }
  }

  // ------------------------------------------------------------ 04.3: move it all the same

  private static void move(Given given) {
    BiConsumer<MemorySegment, Long> adjust = given.get(0);
    String still = "it was not changed: nothing was written into the copy, or not there";
    String lost = "the place is as far from newLow as it was from oldLow";
    Check.exercise("04.3")
        .expect("an address in the middle", "moves", () -> adjusted(adjust, 24))
        .cause(v -> v.equals("stays"), still)
        .cause(v -> v.equals("lost"), lost)
        .expect("the address of the lowest byte", "moves", () -> adjusted(adjust, 0))
        .cause(
            v -> v.equals("stays"), "the lowest byte belongs to the stack: where does yours begin?")
        .cause(v -> v.equals("lost"), lost)
        .expect("the address of the highest byte", "moves", () -> adjusted(adjust, 63))
        .cause(
            v -> v.equals("stays"), "the highest byte belongs to the stack: where does yours end?")
        .cause(v -> v.equals("lost"), lost)
        .expect("the address behind it", "stays", () -> adjusted(adjust, 64))
        .cause(v -> true, "behind the highest byte the stack is over: where does yours end?")
        .expect("an address below", "stays", () -> adjusted(adjust, -8))
        .cause(v -> true, "that word points to something else: it is below the old stack")
        .expect("a stack full of words", FULL, () -> full(adjust))
        .cause(
            (String v) -> v.startsWith("m...") || v.equals("m......."),
            "only the first one was changed: go on to the next word")
        .cause(
            (String v) -> v.startsWith(".") && FULL.endsWith(v.substring(1)),
            "the lowest word of the copy is a word like the others")
        .cause(
            (String v) -> v.endsWith(".") && FULL.startsWith(v.substring(0, 7)),
            "the highest word of the copy is a word like the others")
        .cause(
            (String v) -> v.contains("x"),
            "a word that was none, or not as it should be, was written over (x)")
        .cause(v -> true, "each word for itself: m for those to move, . for those to stay")
        .expect(
            "the copy's pointer, adjusted", "the variable in the copy", () -> adjustReal(adjust))
        .cause(
            v -> v.equals("the variable in the stack"),
            "the pointer in the copy was left as it was")
        .cause(v -> true, "the pointer in the copy leads to nowhere: see above")
        .verdict();
  }

  /** What becomes of a word that points so far from the old stack's lowest byte. */
  private static String adjusted(BiConsumer<MemorySegment, Long> adjust, long distance) {
    MemorySegment around = Arena.ofAuto().allocate(512, 16);
    long old = around.address() + 64;
    long now = old + 128;
    MemorySegment there = around.asSlice(now - around.address(), 64);
    there.set(ValueLayout.JAVA_LONG, 8, old + distance);
    adjust.accept(there, old);
    long word = there.get(ValueLayout.JAVA_LONG, 8);
    return word == old + distance ? "stays" : word == now + distance ? "moves" : "lost";
  }

  /**
   * Which of eight words move: three, one from each end among them, and one that points to its own
   * place.
   */
  private static final String FULL = "m..m.m.m";

  /** What becomes of eight words: m moved, . stayed, x anything else. */
  private static String full(BiConsumer<MemorySegment, Long> adjust) {
    MemorySegment around = Arena.ofAuto().allocate(512, 16);
    long old = around.address() + 64;
    MemorySegment there = around.asSlice(192, 64);
    long[] words = {old + 40, 42, old - 1, old + 24, old + 64, old, there.address() + 8, old + 63};
    MemorySegment.copy(words, 0, there, ValueLayout.JAVA_LONG, 0, 8);
    adjust.accept(there, old);
    var found = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      long word = there.getAtIndex(ValueLayout.JAVA_LONG, i);
      long moved = words[i] - old + there.address();
      found.append(word == words[i] ? '.' : word == moved ? 'm' : 'x');
    }
    return found.toString();
  }

  private static String adjustReal(BiConsumer<MemorySegment, Long> adjust) {
    Library library = Lab.load(FILE);
    StructLayout layout = library.layout("move_report");
    MemorySegment moved = Arena.ofAuto().allocate(layout);
    MemorySegment stack = newStack();
    MemorySegment copy = newStack();
    library.bind(Stacks.class).copy_while_running(stack, copy, SIZE, moved);
    adjust.accept(copy, stack.address());
    long pointer =
        copy.get(ValueLayout.JAVA_LONG, member(layout, moved, "copied_pointer") - copy.address());
    return pointer == member(layout, moved, "variable")
        ? "the variable in the stack"
        : pointer == member(layout, moved, "copied_variable")
            ? "the variable in the copy"
            : "elsewhere";
  }
}
