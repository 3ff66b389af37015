package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.show.Check;
import java.time.Duration;

/** From here to Loom. */
final class Chapter13 extends Chapter {
  Chapter13() {
    super(Chapter13::number, Chapter13::doubled);
  }

  // ------------------------------------------------------------ 13.1: a value in Java

  private static void number(Given given) {
    int number = given.get(0);
    Check.exercise("13.1")
        .expect("the number", 42, () -> number)
        .cause((Integer n) -> n == 0, "this is still the hole's 0")
        .cause((Integer n) -> n == 41, "one too few")
        .cause((Integer n) -> n == 43, "one too many")
        .cause((Integer n) -> n == -42, "the sign is wrong")
        .cause((Integer n) -> n == 24, "the digits are exchanged")
        .cause((Integer n) -> n == 21, "this is a half of it")
        .cause((Integer n) -> n == 84, "this is twice as much")
        .cause((Integer n) -> true, "run the cell above that prints it")
        .verdict();
  }

  // ------------------------------------------------------------ 13.2: a function in C

  /** What the cell defines. */
  interface Doubled {
    int doubled(int n);
  }

  private static void doubled(Given given) {
    Doubled cell = Lab.isolate(Lab.load("doubled", Doubled.class), Duration.ofSeconds(2));
    Object ofThree = attempt(cell, 3);
    Check.exercise("13.2")
        .expect("doubled(21)", 42, () -> attempt(cell, 21))
        .cause(v -> v instanceof NativeCrash, "it crashed: read the report of the address it used")
        .cause((Integer v) -> v == 21, "this is n itself")
        .cause((Integer v) -> v == 441, "this is n's square")
        .cause((Integer v) -> v == 23, "2 was added")
        .cause((Integer v) -> v == 0, "this is still the hole's 0")
        .cause((Integer v) -> v == -42, "the sign is wrong")
        .cause((Integer v) -> v == 10, "this is a half of n")
        .expect("doubled(3)", 6, () -> ofThree)
        .cause((Integer v) -> v == 42, "it is the same, whatever n is")
        .verdict();
  }

  /** What the reader's function returns, or its crash. */
  private static Object attempt(Doubled cell, int n) {
    try {
      return cell.doubled(n);
    } catch (NativeCrash crash) {
      return crash;
    }
  }
}
