package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.LabException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The checks of the chapters' exercises.
 *
 * <p>{@code Exercise.check("07.1")} looks at what stands in the cell of exercise 07.1 now and says
 * what is right, what is not, and the likely cause. How an exercise is checked stands in this
 * package, in the class of its chapter.
 */
public final class Exercise {
  /** Those that were asked for. */
  private static final Map<Integer, Chapter> CHAPTERS = new ConcurrentHashMap<>();

  private Exercise() {}

  /**
   * Checks an answer.
   *
   * @param number the exercise, its chapter first: {@code 07.1}
   * @param given the answer, where it is values in Java; nothing where it is a cell of C, which the
   *     check loads by its name
   */
  public static void check(String number, Object... given) {
    String[] parts = number.split("\\.");
    int chapter = parts.length == 2 ? number(parts[0]) : -1;
    Chapter checks = chapter < 0 ? null : CHAPTERS.computeIfAbsent(chapter, Exercise::checksOf);
    if (checks == null) {
      throw new LabException("There is no exercise " + number + ". Write it as \"07.1\".");
    }
    try (var limited = new Limited()) {
      Given answer = new Given(number, given, limited);
      Lab.quietly(() -> checks.check(number, number(parts[1]), answer));
    } catch (CompileError e) {
      System.out.println("✘ " + number + " Not yet: " + e.getMessage());
    }
  }

  /** The same for an answer that is a method: {@code (Long n) -> twice(n)}. */
  public static <A, R> void check(String number, Function<A, R> method) {
    check(number, new Object[] {method});
  }

  /** The same for a method of two arguments: {@code (Long a, Long b) -> add(a, b)}. */
  public static <A, B, R> void check(String number, BiFunction<A, B, R> method) {
    check(number, new Object[] {method});
  }

  /** The same, with something of the chapter's that the check needs besides. */
  public static <A, B, R> void check(String number, BiFunction<A, B, R> method, Object more) {
    check(number, new Object[] {method, more});
  }

  /** The same for a method without arguments. */
  public static <R> void check(String number, Supplier<R> method) {
    check(number, new Object[] {method});
  }

  /** The same for a method that returns nothing. */
  public static <A> void check(String number, Consumer<A> method) {
    check(number, new Object[] {method});
  }

  /** The same for a method of two arguments that returns nothing. */
  public static <A, B> void check(String number, BiConsumer<A, B> method) {
    check(number, new Object[] {method});
  }

  /** The class of a chapter is found by its name: {@code Chapter07}. Null if there is none. */
  private static Chapter checksOf(int chapter) {
    try {
      String name = "%s.Chapter%02d".formatted(Exercise.class.getPackageName(), chapter);
      return (Chapter) Class.forName(name).getDeclaredConstructor().newInstance();
    } catch (ClassNotFoundException e) {
      return null;
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("the checks of chapter " + chapter, e);
    }
  }

  private static int number(String digits) {
    return digits.matches("\\d{1,2}") ? Integer.parseInt(digits) : -1;
  }
}
