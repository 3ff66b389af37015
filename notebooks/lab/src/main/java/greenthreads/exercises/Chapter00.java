package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.bind.Library;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.show.Check;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.time.Duration;
import java.util.List;

/** Start here. */
final class Chapter00 extends Chapter {
  Chapter00() {
    super(Chapter00::missingPiece, Chapter00::largest);
  }

  // ------------------------------------------------------------ 00.1: the missing piece

  /** What C declares, as a handle sees it. */
  private static final List<Class<?>> MEAN = List.of(double.class, MemorySegment.class, int.class);

  private static void missingPiece(Given given) {
    List<MemoryLayout> layouts = given.get(0);
    boolean right =
        Check.exercise("00.1")
            .demand(
                "the layouts of mean",
                "what C declares",
                (List<Class<?>> types) -> types.equals(MEAN),
                () -> layouts.stream().<Class<?>>map(Chapter00::carrier).toList())
            .cause(List<Class<?>>::isEmpty, "there are no layouts yet")
            .cause(
                (List<Class<?>> types) -> types.size() == 1,
                "one layout for each argument is missing; they follow the result's")
            .cause(
                (List<Class<?>> types) -> types.size() == 2 && !types.contains(double.class),
                "the layout of the result is missing: it comes first")
            .cause(
                (List<Class<?>> types) -> types.size() == 2,
                "a layout is missing: C declares a result and two arguments")
            .cause(
                (List<Class<?>> types) -> types.size() > 3,
                "these are too many: C declares a result and two arguments")
            .cause(
                (List<Class<?>> types) -> types.indexOf(double.class) > 0,
                "the result comes first, and it is the double")
            .cause(
                (List<Class<?>> types) ->
                    types.get(1) == int.class && types.get(2) == MemorySegment.class,
                "the arguments are in the wrong order: C's is the address, then count")
            .cause(
                (List<Class<?>> types) -> types.get(0) == float.class,
                "the result is a float here; C's double is Java's double")
            .cause(
                (List<Class<?>> types) -> types.get(0) != double.class,
                "the first layout is the result's, and mean returns a double")
            .cause(
                (List<Class<?>> types) -> types.get(1) != MemorySegment.class,
                "the first argument is a pointer, and a pointer is an ADDRESS, no number")
            .cause(
                (List<Class<?>> types) -> types.get(2) == long.class,
                "count is too wide: C's int has 32 bits, as Java's int has, and not Java's long")
            .cause(
                (List<Class<?>> types) -> true, "the last layout is count's, and count is an int")
            .passed();
    if (right) {
      System.out.println("Called by your layouts, C says " + mean(layouts) + ".");
    }
  }

  /** The type in Java that values of a layout have; that of a layout without values is Void. */
  private static Class<?> carrier(MemoryLayout layout) {
    return layout instanceof ValueLayout value ? value.carrier() : Void.class;
  }

  private static double mean(List<MemoryLayout> layouts) {
    Library library = Lab.load("00-start-here");
    FunctionDescriptor shape =
        FunctionDescriptor.of(
            layouts.getFirst(), layouts.subList(1, 3).toArray(MemoryLayout[]::new));
    MethodHandle mean = Linker.nativeLinker().downcallHandle(library.find("mean"), shape);
    MemorySegment digits = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_INT, 3, 1, 4, 1, 5, 9);
    try {
      return (double) mean.invokeExact(digits, 6);
    } catch (Throwable e) {
      throw new IllegalStateException("C throws nothing", e);
    }
  }

  // ------------------------------------------------------------ 00.2: a function of your own

  /** What stands behind the last value, where nobody should look. */
  private static final int BEHIND = 1_000_000;

  /** What the cell defines. */
  interface Answers {
    int largest(MemorySegment values, int count);
  }

  private static void largest(Given given) {
    Answers answers = Lab.isolate(Lab.load("answers", Answers.class), Duration.ofSeconds(2));
    Object ofThree = attempt(answers, 5, 2, 3);
    Check.exercise("00.2")
        .expect("the largest of 3 1 4 1 5 9", 9, () -> attempt(answers, 3, 1, 4, 1, 5, 9))
        .cause(Chapter00::crashed, "the loop does not end where the values end")
        .cause((Integer v) -> v == BEHIND, "the value behind the last one was read")
        .cause(
            (Integer v) -> v == 3, "only the first value counted: does the loop go on to the last?")
        .cause((Integer v) -> v == 4, "the loop stopped at the first value that was larger")
        .cause((Integer v) -> v == 5 && ofThree.equals(0), "this is the index, not the value there")
        .cause((Integer v) -> v == 5, "the last value was left out: its index is count - 1")
        .cause((Integer v) -> v == 1, "this is the smallest: which way does the comparison point?")
        .cause((Integer v) -> v == 6, "this is count")
        .cause((Integer v) -> v == 23, "this is the sum")
        .expect("the largest of 5 2 3", 5, () -> ofThree)
        .cause(Chapter00::crashed, "the loop does not end where the values end")
        .cause((Integer v) -> v == BEHIND, "the value behind the last one was read")
        .cause((Integer v) -> v == 0, "this is the index, not the value there")
        .cause(
            (Integer v) -> v == 3, "each value is compared with the one before, not with the best")
        .cause((Integer v) -> v == 2, "this is the smallest: which way does the comparison point?")
        .expect("the largest of -3 -1 -4", -1, () -> attempt(answers, -3, -1, -4))
        .cause((Integer v) -> v == 0, "0 is not among them: begin with one of the values")
        .cause(
            (Integer v) -> v == -3,
            "only the first value counted: does the loop go on to the last?")
        .cause((Integer v) -> v == BEHIND, "the value behind the last one was read")
        .cause((Integer v) -> v == -4, "this is the smallest: which way does the comparison point?")
        .expect(
            "the largest of -2,000,000,000 and -2,100,000,000",
            -2_000_000_000,
            () -> attempt(answers, -2_000_000_000, -2_100_000_000))
        .cause((Integer v) -> v == BEHIND, "the value behind the last one was read")
        .cause(
            (Integer v) -> v > -2_000_000_000,
            "this is not among them: begin with one of the values, not with a number of your own")
        .expect("the largest of 7", 7, () -> attempt(answers, 7))
        .cause((Integer v) -> v == BEHIND, "the value behind the last one was read")
        .cause((Integer v) -> v == 0, "a single value is the largest too")
        .verdict();
  }

  private static boolean crashed(Object answer) {
    return answer instanceof NativeCrash;
  }

  /** The largest by the reader's function, or its crash. */
  private static Object attempt(Answers answers, int... values) {
    int[] more = java.util.Arrays.copyOf(values, values.length + 1);
    more[values.length] = BEHIND;
    MemorySegment memory = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_INT, more);
    try {
      return answers.largest(memory, values.length);
    } catch (NativeCrash crash) {
      return crash;
    }
  }
}
