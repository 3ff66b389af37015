package greenthreads.lab.show;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class CheckTest {
  private static String printed(Supplier<Boolean> check, boolean expected) {
    PrintStream before = System.out;
    var bytes = new ByteArrayOutputStream();
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      assertEquals(expected, check.get());
    } finally {
      System.setOut(before);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void rightAnswerIsSaidToBeRight() {
    String text = printed(Check.exercise("00.1").expect("add(2, 3)", 5, () -> 5)::passed, true);
    assertTrue(text.startsWith("✔ 00.1 Correct: add(2, 3) is 5."), text);
  }

  @Test
  void wrongAnswerSaysExpectedActualAndCause() {
    Check check =
        Check.exercise("00.1")
            .expect("add(2, 3)", 5, () -> -1)
            .cause((Integer v) -> v == 0, "not this one")
            .cause((Integer v) -> v == -1, "the second number is subtracted");
    String text = printed(check::passed, false);
    assertTrue(text.contains("✘ 00.1 Not yet: its one point differs."), text);
    assertTrue(text.contains("add(2, 3)  "), text);
    assertTrue(text.matches("(?s).*\\b5\\b.*-1 .*the second number is subtracted.*"), text);
    assertFalse(text.contains("not this one"), text);
  }

  @Test
  void onlyWrongPointsAreListed() {
    Check check = Check.exercise("1").expect("good", 1, () -> 1).expect("bad", 2, () -> 3);
    String text = printed(check::passed, false);
    assertTrue(text.contains("1 of 2"), text);
    assertFalse(text.contains("good"), text);
  }

  @Test
  void exceptionIsAnActualValue() {
    Check check =
        Check.exercise("1")
            .expect(
                "x",
                1,
                () -> {
                  throw new IllegalStateException("boom");
                });
    assertTrue(printed(check::passed, false).contains("IllegalStateException: boom"));
  }

  @Test
  void oneEndStandsInOneLine() {
    var end = new IllegalStateException("boom");
    Check.Answer<Integer> ended =
        () -> {
          throw end;
        };
    Check check =
        Check.exercise("1").expect("a", 1, ended).expect("b", 2, ended).expect("c", 3, () -> 4);
    String text = printed(check::passed, false);
    assertTrue(text.contains("3 of 3 points differ"), text);
    assertTrue(text.contains("a, and 1 more"), text);
    assertEquals(1, text.split("boom", -1).length - 1, text);
    assertTrue(text.matches("(?s).*\\nc .*"), text);
  }

  @Test
  void whatIsOnlyToBeLookedAtIsNamed() {
    Check check = Check.exercise("1").expect("x", 1, () -> java.util.List.of(1).remove(0));
    assertTrue(printed(check::passed, false).contains("make a copy, and change that"));
  }

  @Test
  void anAnswerThatUsesWhatIsNotThereIsForTheKernelToExplain() {
    Check check =
        Check.exercise("1")
            .expect(
                "x",
                1,
                () -> {
                  throw new jdk.jshell.spi.SPIResolutionException(1);
                });
    assertThrows(jdk.jshell.spi.SPIResolutionException.class, check::passed);
  }

  @Test
  void missingAnswerIsNamed() {
    String text = printed(Check.exercise("1").expect("x", 1, () -> null)::passed, false);
    assertTrue(text.contains("there is no answer yet"), text);
  }

  @Test
  void propertyIsChecked() {
    Check right = Check.exercise("1").demand("n", "even", (Integer n) -> n % 2 == 0, () -> 4);
    printed(right::passed, true);
    Check wrong = Check.exercise("1").demand("n", "even", (Integer n) -> n % 2 == 0, () -> 3);
    assertTrue(printed(wrong::passed, false).contains("even"));
    Check none = Check.exercise("1").demand("n", "even", (Integer n) -> n % 2 == 0, () -> null);
    printed(none::passed, false);
  }

  @Test
  void emptyCheckIsAMistake() {
    assertThrows(IllegalStateException.class, () -> Check.exercise("1").verdict());
  }
}
