package greenthreads.lab.show;

import greenthreads.lab.base.LabException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Bars, drawn by JupyterLab's own Vega-Lite renderer; elsewhere as a table with bars, and as text.
 *
 * <pre>{@code Chart.bars("What it costs", "ns", Map.of("call", 1.2, "switch", 1300.0)).log()}</pre>
 */
public final class Chart implements Shown {
  /** The newest version that JupyterLab 4 renders. */
  private static final String VEGA = "application/vnd.vegalite.v5+json";

  private static final int TEXT_WIDTH = 40;

  /** A logarithmic axis has labels at 2, 3 … 9 too: those go for which there is no room. */
  private static final Map<String, Object> APART =
      Map.of("labelOverlap", "greedy", "labelSeparation", 8);

  private final String caption;
  private final String unit;
  private final Map<String, Double> values;
  private final boolean log;

  private Chart(String caption, String unit, Map<String, Double> values, boolean log) {
    this.caption = caption;
    this.unit = unit;
    this.values = values;
    this.log = log;
  }

  /**
   * A bar for each value, in the map's order.
   *
   * @param caption one sentence saying what the chart shows
   * @param unit the values' unit, such as {@code ns}
   * @param values name to value; use a {@link LinkedHashMap} to choose the order
   * @throws LabException if there is nothing to draw, or a value is no number
   */
  public static Chart bars(String caption, String unit, Map<String, ? extends Number> values) {
    var copy = new LinkedHashMap<String, Double>();
    values.forEach((name, value) -> copy.put(name, value.doubleValue()));
    copy.forEach((name, value) -> {
      if (!Double.isFinite(value) || value < 0) {
        throw new LabException("A bar cannot show %s: %s.".formatted(name, value));
      }
    });
    if (copy.isEmpty()) {
      throw new LabException("There is nothing to draw: no values.");
    }
    return new Chart(caption, unit, copy, false);
  }

  /**
   * The same on a logarithmic scale: one step to the right is ten times as much.
   *
   * @throws LabException if a value is 0
   */
  public Chart log() {
    values.forEach((name, value) -> {
      if (value <= 0) {
        throw new LabException(
            "A logarithmic scale has no place for %s: %s.".formatted(name, number(value)));
      }
    });
    return new Chart(caption, unit, values, true);
  }

  private static String number(double value) {
    if (value == Math.rint(value) || value >= 100) {
      return String.format(Locale.ROOT, "%,.0f", value);
    }
    return String.format(Locale.ROOT, value >= 10 ? "%.1f" : "%.2f", value);
  }

  /** How long a value's bar is, from 0 to 1. */
  private double share(double value) {
    double most = values.values().stream().mapToDouble(Double::doubleValue).max().orElse(1);
    if (!log) {
      return most == 0 ? 0 : value / most;
    }
    double floor = floor();
    return most <= floor ? 1 : Math.log(value / floor) / Math.log(most / floor);
  }

  /** The left end of a logarithmic scale: a power of ten below the smallest value. */
  private double floor() {
    double least = values.values().stream().mapToDouble(Double::doubleValue).min().orElse(1);
    double power = Math.pow(10, Math.floor(Math.log10(least)));
    return power < least ? power : power / 10;
  }

  private String scale() {
    return log ? ". The scale is logarithmic: each step is ten times as much." : "";
  }

  @Override
  public String text() {
    var lines = new ArrayList<List<String>>();
    int width = values.values().stream().mapToInt(value -> number(value).length()).max().orElse(0);
    values.forEach((name, value) ->
        lines.add(
            List.of(
                name,
                " ".repeat(width - number(value).length()) + number(value) + " " + unit,
                "#".repeat((int) Math.max(1, Math.round(share(value) * TEXT_WIDTH))))));
    return caption + scale() + "\n\n" + Pictures.columns(lines);
  }

  /** The same as a table with bars. */
  Figure fallback() {
    var html = new StringBuilder("<div class=\"gt-scroll\"><table class=\"gt-bars\"><tbody>");
    values.forEach((name, value) -> {
      html.append("<tr><th scope=\"row\">").append(Html.escape(name)).append("</th><td>");
      html.append(Html.escape(number(value) + " " + unit))
          .append("</td><td class=\"gt-bar-cell\">");
      html.append(
          String.format(
              Locale.ROOT,
              "<div class=\"gt-one-bar\" style=\"width:%.1f%%\"></div></td></tr>",
              Math.max(0.5, 100 * share(value))));
    });
    html.append("</tbody></table></div>");
    return new Figure(Pictures.wrap(html.toString()), caption, caption + scale(), text());
  }

  /** The chart in Vega-Lite's words; its colours are the front end's, light or dark. */
  Map<String, Object> spec() {
    var rows = new ArrayList<Map<String, Object>>();
    var labels = new ArrayList<String>();
    values.forEach((name, value) -> {
      String label = "%s: %s %s".formatted(name, number(value), unit);
      labels.add(label);
      rows.add(Map.of("name", label, "value", value));
    });
    var scale = new LinkedHashMap<String, Object>();
    scale.put("type", log ? "log" : "linear");
    var encoding = new LinkedHashMap<String, Object>();
    if (log) {
      scale.put("domainMin", floor());
      encoding.put("x2", Map.of("datum", floor()));
    }
    encoding.put(
        "x",
        Map.of(
            "field",
            "value",
            "type",
            "quantitative",
            "title",
            unit,
            "scale",
            scale,
            "axis",
            APART));
    encoding.put(
        "y",
        Map.of(
            "field",
            "name",
            "type",
            "nominal",
            "sort",
            labels,
            "title",
            "",
            "axis",
            Map.of("labelLimit", 400)));
    var spec = new LinkedHashMap<String, Object>();
    spec.put("$schema", "https://vega.github.io/schema/vega-lite/v5.json");
    spec.put("description", text());
    spec.put("title", Map.of("text", caption, "anchor", "start"));
    spec.put("width", 420);
    spec.put("height", Map.of("step", 26));
    spec.put("data", Map.of("values", rows));
    spec.put("mark", Map.of("type", "bar", "color", "#4a90d9", "tooltip", true));
    spec.put("encoding", encoding);
    return spec;
  }

  /**
   * JupyterLab prefers HTML to Vega-Lite, and Vega-Lite to Markdown: so what stands in for the
   * chart elsewhere is Markdown, in which HTML may stand.
   */
  @Override
  public Map<String, Object> representations() {
    var all = new LinkedHashMap<String, Object>();
    all.put(VEGA, spec());
    all.put(
        "text/markdown",
        fallback().representations().get("text/html").toString().replace("\n", " "));
    all.put("text/plain", text());
    return all;
  }

  @Override
  public String toString() {
    return text();
  }
}
