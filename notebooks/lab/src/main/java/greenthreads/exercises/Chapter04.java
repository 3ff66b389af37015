package greenthreads.exercises;

import greenthreads.lab.Check;
import greenthreads.lab.Lab;
import greenthreads.lab.Library;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.stream.Stream;

/** The stack. */
final class Chapter04 extends Chapter {
  private static final String FILE = "04-the-stack";
  private static final long SIZE = 64 * 1024;
  private static final byte PAINT = (byte) 0xa5;

  Chapter04() {
    super(Chapter04::highWater, Chapter04::callers, Chapter04::move);
  }

  /** The chapter's functions that the checks call. */
  interface Stacks {
    String function_name(int which);

    int run_on(MemorySegment stack, long size, int which, MemorySegment report);

    int three_frames(MemorySegment stack, long size, MemorySegment out);

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
        .expect("an untouched stack", 0L, () -> marked(highWater))
        .cause(n -> n.equals(64L), "paint is what was not used")
        .expect("the highest byte written", 1L, () -> marked(highWater, 1))
        .cause(
            n -> n.equals(0L), "the highest byte has below = 1: if it is not paint, 1 byte is used")
        .cause(n -> n.equals(64L), "paint is what was not used")
        .expect("written at 1 and 40, a hole between", 40L, () -> marked(highWater, 1, 40))
        .cause(
            n -> n.equals(2L),
            "count the hole too: the mark is how deep it went, not how much it wrote")
        .cause(n -> n.equals(1L), "paint in a frame is no end: look on below the hole")
        .cause(n -> n.equals(0L), "nothing is remembered yet: set `used`")
        .cause(n -> n.equals(39L), "one too few: `below` counts from 1")
        .expect("written at 40 only", 40L, () -> marked(highWater, 40))
        .cause(n -> n.equals(0L) || n.equals(1L), "the highest byte may be paint: go on below it")
        .expect("the lowest byte written", 64L, () -> marked(highWater, 64))
        .demand(
            "after format_float",
            "what the chapter's bytes_used says",
            right -> right,
            () -> agreesOnARealStack(highWater))
        .verdict();
  }

  /** The answer for a painted stack of 64 bytes with these bytes written, counted from the top. */
  private static long marked(BiFunction<MemorySegment, Byte, Long> highWater, int... belows) {
    MemorySegment small = Arena.ofAuto().allocate(64).fill(PAINT);
    for (int below : belows) {
      small.set(ValueLayout.JAVA_BYTE, 64 - below, (byte) 7);
    }
    return highWater.apply(small, PAINT);
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

  // ------------------------------------------------------------ 04.2: who called me?

  private static void callers(Given given) {
    BiFunction<MemorySegment, Long, List<Long>> walk = given.get(0);
    Check.exercise("04.2")
        .expect("the stack made by hand", List.of(101L, 102L, 103L), () -> walkByHand(walk))
        .<List<Long>>cause(
            found -> found.size() == 10, "it stays in one frame: caller is the word at `at`")
        .<List<Long>>cause(
            found -> found.equals(List.of(101L)), "it ends after one frame: set caller as well")
        .<List<Long>>cause(
            found -> found.getFirst() > 103,
            "the two are exchanged: the return address is the upper word")
        .<List<Long>>cause(
            found -> found.getFirst() == 8,
            "the return address is 8 bytes above the frame pointer, not below")
        .<List<Long>>cause(
            found -> found.contains(0L),
            "nothing is read yet: returnAddress is the word at `at + 8`")
        .expect(
            "the real one: who returns there",
            List.of("innermost", "middle", "outermost"),
            () -> walkThree(walk))
        .cause(found -> true, "mend the first point: the real stack is made alike")
        .verdict();
  }

  private static List<Long> walkByHand(BiFunction<MemorySegment, Long, List<Long>> walk) {
    MemorySegment made = Arena.ofAuto().allocate(128, 16);
    long low = made.address();
    long[] words = {7, 8, low + 48, 101, 7, 8, low + 80, 102, 7, 8, 0, 103, 7, 8, 7, 8};
    MemorySegment.copy(words, 0, made, ValueLayout.JAVA_LONG, 0, words.length);
    return walk.apply(made, low + 16);
  }

  private static List<String> walkThree(BiFunction<MemorySegment, Long, List<Long>> walk) {
    Library library = Lab.load(FILE);
    StructLayout frame = library.layout("frame");
    MemorySegment noted = Arena.ofAuto().allocate(frame, 3);
    MemorySegment stack = newStack();
    library.bind(Stacks.class).three_frames(stack, SIZE, noted);
    List<String> names = List.of("innermost", "middle", "outermost");
    Map<Long, String> known = new HashMap<>();
    for (int i = 0; i < 3; i++) {
      known.put(member(frame, noted.asSlice(i * frame.byteSize()), "return_address"), names.get(i));
    }
    return walk.apply(stack, member(frame, noted, "base")).stream()
        .limit(3)
        .map(address -> known.getOrDefault(address, "?"))
        .toList();
  }

  // ------------------------------------------------------------ 04.3: move it all the same

  private static void move(Given given) {
    BiConsumer<MemorySegment, Long> adjust = given.get(0);
    String still = "nothing is written: copy.set(ValueLayout.JAVA_LONG, at, …)";
    String lost = "the place is as far from newLow as it was from oldLow";
    Check.exercise("04.3")
        .expect("an address in the middle", "moves", () -> adjusted(adjust, 24))
        .cause(v -> v.equals("stays"), still)
        .cause(v -> v.equals("lost"), lost)
        .expect("the address of the lowest byte", "moves", () -> adjusted(adjust, 0))
        .cause(v -> v.equals("stays"), "the lowest byte belongs to the stack: >= and not >")
        .expect("the address of the highest byte", "moves", () -> adjusted(adjust, 63))
        .cause(v -> v.equals("stays"), "up to oldLow + size, so that the highest byte is within")
        .expect("the address behind it", "stays", () -> adjusted(adjust, 64))
        .cause(v -> true, "behind the highest byte the stack is over: < and not <=")
        .expect("an address below", "stays", () -> adjusted(adjust, -8))
        .cause(v -> true, "that word points to something else: compare with oldLow as well")
        .expect(
            "the copy's pointer, adjusted", "the variable in the copy", () -> adjustReal(adjust))
        .cause(v -> true, "mend the points above first")
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
