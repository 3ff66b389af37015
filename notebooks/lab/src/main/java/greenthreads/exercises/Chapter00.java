package greenthreads.exercises;

import greenthreads.lab.Check;
import greenthreads.lab.Lab;
import greenthreads.lab.Library;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.time.Duration;

/** Start here. */
final class Chapter00 extends Chapter {
  Chapter00() {
    super(Chapter00::missingPiece, Chapter00::largest);
  }

  // ------------------------------------------------------------ 00.1: the missing piece

  private static void missingPiece(Given given) {
    FunctionDescriptor shape = given.get(0);
    Library library = Lab.load("00-start-here");
    boolean right =
        Check.exercise("00.1")
            .expect(
                "the type of the call",
                "(MemorySegment,int)double",
                () -> shape == null ? null : mean(library, shape).type().toString())
            .cause((String v) -> v.endsWith("void"), "ofVoid says that nothing comes back")
            .cause(
                (String v) -> v.startsWith("()"),
                "the arguments are missing; they follow the result")
            .cause(
                (String v) -> v.startsWith("(int,Mem"), "the order is C's: the address, then count")
            .cause((String v) -> v.startsWith("(long"), "a pointer is an ADDRESS, no number")
            .cause((String v) -> v.startsWith("(MemorySegment)"), "count is missing")
            .cause(
                (String v) -> !v.endsWith("double"), "the result comes first: a mean is a double")
            .passed();
    if (right) {
      System.out.println("Called by your descriptor, C says " + call(mean(library, shape)) + ".");
    }
  }

  private static MethodHandle mean(Library library, FunctionDescriptor shape) {
    return Linker.nativeLinker().downcallHandle(library.find("mean"), shape);
  }

  private static double call(MethodHandle mean) {
    MemorySegment digits = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_INT, 3, 1, 4, 1, 5, 9);
    try {
      return (double) mean.invokeExact(digits, 6);
    } catch (Throwable e) {
      throw new IllegalStateException("C throws nothing", e);
    }
  }

  // ------------------------------------------------------------ 00.2: a function of your own

  /** What the cell defines. */
  interface Answers {
    int largest(MemorySegment values, int count);
  }

  private static void largest(Given given) {
    Answers answers = Lab.isolate(Lab.load("answers", Answers.class), Duration.ofSeconds(2));
    Check.exercise("00.2")
        .expect("the largest of 3 1 4 1 5 9", 9, () -> largest(answers, 6, 3, 1, 4, 1, 5, 9, 1000))
        .cause((Integer v) -> v == 3, "only the first value was looked at")
        .cause((Integer v) -> v == 5, "the last value was left out: its index is count - 1")
        .cause((Integer v) -> v == 1000, "the value behind the last one was read")
        .cause((Integer v) -> v == 1, "this is the smallest: which way does the comparison point?")
        .expect("the largest of -3 -1 -4", -1, () -> largest(answers, 3, -3, -1, -4, 1000))
        .cause((Integer v) -> v == -3, "only the first value was looked at")
        .cause((Integer v) -> v == 0, "0 is not among them: begin with the first value, not with 0")
        .cause((Integer v) -> v == 1000, "the value behind the last one was read")
        .expect("the largest of 7", 7, () -> largest(answers, 1, 7, 1000))
        .verdict();
  }

  private static int largest(Answers answers, int count, int... values) {
    return answers.largest(Arena.ofAuto().allocateFrom(ValueLayout.JAVA_INT, values), count);
  }
}
