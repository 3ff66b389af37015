package greenthreads.lab.show;

import greenthreads.lab.base.LabException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import jdk.jshell.spi.SPIResolutionException;

/**
 * Looks at the reader's answer to an exercise and says what is right, what is not, and why.
 *
 * <pre>{@code
 * Check.exercise("00.1")
 *     .expect("add(2, 3)", 5, () -> mine.add(2, 3))
 *     .cause(v -> v.equals(-1), "the second number is subtracted")
 *     .verdict();
 * }</pre>
 *
 * <p>A check never throws: an answer that throws is an answer that is not right yet, and the
 * exception is part of the report.
 */
public final class Check {
  /** Computes the reader's answer; it may call a method handle, which may throw anything. */
  @FunctionalInterface
  public interface Answer<T> {
    /** The answer as it is now. */
    T get() throws Throwable;
  }

  private record Cause(Predicate<Object> applies, String sentence) {}

  /** One thing looked at. */
  private static final class Point {
    final String what;
    final Object expected;
    final Predicate<Object> holds;
    final Answer<?> answer;
    final List<Cause> causes = new ArrayList<>();

    Point(String what, Object expected, Predicate<Object> holds, Answer<?> answer) {
      this.what = what;
      this.expected = expected;
      this.holds = holds;
      this.answer = answer;
    }
  }

  private record Finding(Point point, boolean right, Object actual, String why) {
    /** Whether both came to the same end: one call, or two that nobody could tell apart. */
    boolean isSameEnd(Finding other) {
      return actual instanceof Throwable
          && (actual == other.actual
              || text(actual).equals(text(other.actual)) && why.equals(other.why));
    }
  }

  private final String exercise;
  private final List<Point> points = new ArrayList<>();

  private Check(String exercise) {
    this.exercise = exercise;
  }

  /**
   * Begins a check.
   *
   * @param exercise its number, chapter first: {@code 03.1}
   */
  public static Check exercise(String exercise) {
    return new Check(exercise);
  }

  /**
   * Demands one value.
   *
   * @param what what is looked at, as the reader would say it
   * @param expected the value it should have; compared with {@code equals}
   * @param answer computes the reader's value
   */
  public Check expect(String what, Object expected, Answer<?> answer) {
    points.add(new Point(what, expected, actual -> Objects.equals(expected, actual), answer));
    return this;
  }

  /**
   * Demands a property.
   *
   * @param what what is looked at, as the reader would say it
   * @param expected the property in words, for the report
   * @param holds whether a value has it; never called with null
   * @param answer computes the reader's value
   */
  @SuppressWarnings("unchecked")
  public <T> Check demand(String what, String expected, Predicate<T> holds, Answer<T> answer) {
    points.add(
        new Point(what, expected, actual -> actual != null && holds.test((T) actual), answer));
    return this;
  }

  /**
   * Names a likely cause for wrong values of the point before.
   *
   * @param applies whether this value has this cause
   * @param sentence the cause, as a sentence for the reader
   */
  @SuppressWarnings("unchecked")
  public <T> Check cause(Predicate<T> applies, String sentence) {
    points.getLast().causes.add(new Cause((Predicate<Object>) applies, sentence));
    return this;
  }

  /** Looks at every point and shows what was found. */
  public void verdict() {
    passed();
  }

  /**
   * The same, for cells that go on only from a right answer.
   *
   * @return whether all of it is right
   */
  public boolean passed() {
    if (points.isEmpty()) {
      throw new IllegalStateException("check " + exercise + " looks at nothing");
    }
    List<Finding> findings = points.stream().map(Check::look).toList();
    List<Finding> wrong = findings.stream().filter(finding -> !finding.right()).toList();
    if (wrong.isEmpty()) {
      Cell.say("✔ %s Correct: %s.".formatted(exercise, summary(findings)));
      return true;
    }
    report(wrong, findings.size()).show();
    return false;
  }

  private static String summary(List<Finding> findings) {
    return findings.size() == 1
        ? findings.getFirst().point().what + " is " + text(findings.getFirst().actual())
        : "all " + findings.size() + " points hold";
  }

  private Figure report(List<Finding> wrong, int all) {
    String count =
        all == 1
            ? "its one point differs"
            : "%d of %d points %s"
                .formatted(wrong.size(), all, wrong.size() == 1 ? "differs" : "differ");
    String head = "✘ %s Not yet: %s.".formatted(exercise, count);
    var rows = new ArrayList<List<String>>();
    for (int i = 0; i < wrong.size(); i++) {
      Finding finding = wrong.get(i);
      if (wrong.subList(0, i).stream().anyMatch(finding::isSameEnd)) {
        continue; // a line is enough
      }
      rows.add(
          List.of(
              finding.point().what + more(finding, wrong),
              text(finding.point().expected),
              text(finding.actual()),
              finding.why()));
    }
    return Figure.table(head, List.of("what", "expected", "actual", "likely cause"), rows);
  }

  /** How many later points came to the same end. */
  private static String more(Finding finding, List<Finding> wrong) {
    long same = wrong.stream().filter(finding::isSameEnd).count() - 1;
    return same < 1 ? "" : ", and %d more".formatted(same);
  }

  private static Finding look(Point point) {
    Object actual;
    try {
      actual = point.answer.get();
    } catch (SPIResolutionException e) {
      throw e; // it uses what is not there: the kernel knows the name, and says it
    } catch (Throwable e) {
      return new Finding(point, false, e, explain(e));
    }
    boolean right = point.holds.test(actual);
    return new Finding(point, right, actual, right ? "" : why(point, actual));
  }

  private static String explain(Throwable e) {
    return switch (e) {
      case LabException ours -> "what stands beside this says why";
      case NullPointerException none when !isInAnswer(none) ->
          "something has no value yet: run the exercise's cell first";
      case UnsupportedOperationException no ->
          "it changes what it may only look at: make a copy, and change that";
      case StackOverflowError deep -> "it calls itself, or others, without an end";
      default -> "the answer ended with an exception";
    };
  }

  /** Whether it happened in a method of the reader's, and not where the check looked for one. */
  private static boolean isInAnswer(Throwable e) {
    for (StackTraceElement frame : e.getStackTrace()) {
      if (frame.getClassName().startsWith("greenthreads.")) {
        return false;
      }
      if (frame.getClassName().startsWith("REPL.")) {
        return !frame.getMethodName().startsWith("lambda$do_it$");
      }
    }
    return false;
  }

  private static String why(Point point, Object actual) {
    for (Cause cause : point.causes) {
      try {
        if (cause.applies().test(actual)) {
          return cause.sentence();
        }
      } catch (RuntimeException e) {
        // A cause written for another type of value does not apply to this one.
      }
    }
    return actual == null ? "there is no answer yet" : "no cause is known for this value";
  }

  private static String text(Object value) {
    return switch (value) {
      case null -> "nothing";
      case LabException ours -> ours.getMessage().lines().findFirst().orElse("");
      case Throwable e -> e.getClass().getSimpleName() + ": " + e.getMessage();
      case int[] array -> java.util.Arrays.toString(array);
      case long[] array -> java.util.Arrays.toString(array);
      case double[] array -> java.util.Arrays.toString(array);
      case Object[] array -> java.util.Arrays.deepToString(array);
      default -> String.valueOf(value);
    };
  }
}
