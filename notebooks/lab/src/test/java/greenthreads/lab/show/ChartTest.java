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
import org.junit.jupiter.api.Test;

class ChartTest {
  private static Map<String, Double> costs() {
    var costs = new LinkedHashMap<String, Double>();
    costs.put("a call", 1.25);
    costs.put("a switch", 1250.0);
    costs.put("a thread", 125000.0);
    return costs;
  }

  @Test
  void textHoldsTheSameNumbers() {
    assertEquals(
        """
        Costs. The scale is logarithmic: each step is ten times as much.

        a call       1.25 ns  #
        a switch    1,250 ns  ########################
        a thread  125,000 ns  ########################################\
        """,
        Chart.bars("Costs", "ns", costs()).log().text());
  }

  @Test
  void bothDrawingsAreThere() {
    Map<String, Object> all = Chart.bars("Costs", "ns", costs()).log().representations();
    assertEquals(
        List.of("application/vnd.vegalite.v5+json", "text/markdown", "text/plain"),
        List.copyOf(all.keySet()));
    String spec = new Gson().toJson(all.get("application/vnd.vegalite.v5+json"));
    assertTrue(spec.contains("\"type\":\"log\""), spec);
    assertTrue(spec.contains("\"labelSeparation\":8"), "labels would touch: " + spec);
    assertTrue(spec.contains("\"domainMin\":1.0"), spec);
    assertTrue(spec.contains("\"name\":\"a switch: 1,250 ns\""), spec);
    assertTrue(all.get("text/markdown").toString().contains("1,250 ns"));
  }

  @Test
  void whatCannotBeDrawnIsSaid() {
    assertThrows(LabException.class, () -> Chart.bars("", "", Map.of()));
    assertThrows(LabException.class, () -> Chart.bars("", "", Map.of("x", -1)));
    assertThrows(LabException.class, () -> Chart.bars("", "", Map.of("x", Double.NaN)));
    String zero =
        assertThrows(LabException.class, () -> Chart.bars("", "", Map.of("x", 0)).log())
            .getMessage();
    assertTrue(zero.contains("no place for x: 0"), zero);
    Chart.bars("", "", Map.of("x", 0)).representations();
    Chart.bars("", "", Map.of("x", 1)).log().representations();
  }

  @Test
  void namesAreEscaped() {
    Chart chart = Chart.bars("<b>", "<u>", Map.of("<i>", 1));
    assertFalse(chart.fallback().html().contains("<i>"));
    assertFalse(chart.fallback().html().contains("<u>"));
    assertFalse(new Gson().toJson(chart.spec()).contains("<"));
  }
}
