package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.base.LabException;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.isolate.Crash;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.Callable;
import java.util.function.Predicate;

/** The checks of one chapter, and what several of them need. */
abstract class Chapter {
  /** The checks, in the exercises' order. */
  private final Exam[] exams;

  /** One check. */
  @FunctionalInterface
  interface Exam {
    /** Looks at the answer and shows what it found. */
    void hold(Given given);
  }

  Chapter(Exam... exams) {
    this.exams = exams;
  }

  final void check(String number, int exercise, Given given) {
    if (exercise < 1 || exercise > exams.length) {
      throw new LabException(
          "There is no exercise %s: its chapter has %d.".formatted(number, exams.length));
    }
    exams[exercise - 1].hold(given);
  }

  /** The call ended its process. */
  static final Predicate<Object> CRASHED = seen -> seen instanceof NativeCrash;

  /** It ended its process by itself, by exit or so. */
  static final Predicate<Object> LEFT =
      seen -> CRASHED.test(seen) && seen.toString().contains("ended its process");

  static final String LEFT_BY_EXIT =
      "the code ended its process, by exit() or so: a thread ends when its function returns";

  /** It followed a null pointer. */
  static final Predicate<Object> NULL_POINTER =
      seen -> CRASHED.test(seen) && seen.toString().contains("null pointer");

  /** It was ended at its time limit. */
  static final Predicate<Object> TOO_LONG =
      seen -> seen instanceof NativeCrash end && end.crash().kind() == Crash.Kind.TIME_LIMIT;

  static Predicate<Object> was(long value) {
    return seen -> seen.equals(value);
  }

  /** Makes a call that may end its process; the crash is then the answer. */
  static Object attempt(Callable<?> call) throws Exception {
    try {
      return call.call();
    } catch (NativeCrash crash) {
      return crash;
    }
  }

  /** A member of a struct, as a number of 64 bits. */
  static long member(StructLayout layout, MemorySegment struct, String name) {
    return struct.get(
        ValueLayout.JAVA_LONG, layout.byteOffset(MemoryLayout.PathElement.groupElement(name)));
  }

  static boolean isX86() {
    return Lab.machine().architecture().equals("x86-64");
  }
}
