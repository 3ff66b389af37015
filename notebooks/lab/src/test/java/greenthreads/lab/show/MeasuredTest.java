package greenthreads.lab.show;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import greenthreads.lab.base.LabException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;

class MeasuredTest {
  /** Says these numbers, one after another; the first one is for the round that does not count. */
  private static DoubleSupplier says(double... values) {
    int[] at = {0};
    return () -> values[at[0]++];
  }

  private static Measured two(DoubleSupplier one, DoubleSupplier other) {
    var what = new LinkedHashMap<String, DoubleSupplier>();
    what.put("one", one);
    what.put("other", other);
    return Measured.inTurn("Both", "ns", 5, what);
  }

  private static Measured steady() {
    return two(says(900, 10, 11, 10.5, 10.2, 99), says(900, 20, 21, 22, 20.5, 20.1));
  }

  @Test
  void aMedianStandsAgainstOneBadRound() {
    assertEquals(10.5, steady().median("one"));
    assertEquals(20.5, steady().median("other"));
  }

  @Test
  void theFirstRoundDoesNotCountAndTheySayHowOften() {
    String text = steady().text();
    assertTrue(text.contains("Medians of 5 rounds"), text);
    assertTrue(text.contains("All are steady."), text);
    assertFalse(text.contains("900"), text);
    assertTrue(text.matches("(?s).*one +10\\.5 +10\\.2 +11\\.0\\n.*"), text);
  }

  @Test
  void whatIsUnsteadyIsNamed() {
    Measured half = two(says(1, 10, 15, 10, 18, 11), says(1, 20, 20, 20, 20, 20));
    assertTrue(half.steady());
    assertTrue(half.text().contains("Too far apart to say much: one."), half.text());
  }

  @Test
  void aBusyMachineIsNoticed() {
    Measured busy = two(says(1, 10, 15, 10, 18, 11), says(1, 20, 40, 20, 50, 20));
    assertFalse(busy.steady());
    assertTrue(steady().steady());
    assertTrue(busy.text().contains("TOO BUSY TO TELL"), busy.text());
  }

  @Test
  void theyAreComparedWithTheirSpread() {
    assertEquals(
        "other takes 1.95 times as long as one (1.83 to 2.06)", steady().compare("other", "one"));
    Measured alike = two(says(1, 10, 11, 12, 10, 11), says(1, 11, 10, 10, 12, 11));
    assertEquals("one, and other: they cannot be told apart here", alike.compare("one", "other"));
  }

  @Test
  void bothDrawingsHoldTheSpread() {
    Map<String, Object> all = steady().log().representations();
    assertEquals(
        List.of("application/vnd.vegalite.v5+json", "text/markdown", "text/plain"),
        List.copyOf(all.keySet()));
    String spec = new Gson().toJson(all.get("application/vnd.vegalite.v5+json"));
    assertTrue(spec.contains("\"low\":10.2"), spec);
    assertTrue(spec.contains("\"high\":11.0"), spec);
    assertTrue(spec.contains("\"type\":\"log\""), spec);
    assertTrue(spec.contains("Medians of 5 rounds"), spec);
    assertTrue(all.get("text/markdown").toString().contains("10.2"));
  }

  @Test
  void whatCannotBeMeasuredIsSaid() {
    assertThrows(LabException.class, () -> Measured.inTurn("", "ns", 5, Map.of()));
    assertThrows(LabException.class, () -> Measured.inTurn("", "ns", 4, Map.of("x", () -> 1)));
    String refused = assertThrows(LabException.class, () -> two(says(-1), says(1))).getMessage();
    assertTrue(refused.contains("\"one\" could not be measured: it said -1.0"), refused);
    String name = assertThrows(LabException.class, () -> steady().median("three")).getMessage();
    assertTrue(name.contains("there are: one, other"), name);
  }
}
