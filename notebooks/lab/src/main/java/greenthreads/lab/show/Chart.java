package greenthreads.lab.show;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import greenthreads.lab.base.LabException;
import greenthreads.lab.show.Grid.Cell;
import java.util.ArrayList;
import java.util.LinkedHashMap;
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
    return caption + scale() + "\n\n" + bars().text();
  }

  /** The same as a table with bars. */
  Figure fallback() {
    return new Figure(Pictures.wrap(bars().scrolling()), caption, caption + scale(), text());
  }

  private Grid bars() {
    var bars = new Grid("gt-bars");
    int width = values.values().stream().mapToInt(value -> number(value).length()).max().orElse(0);
    values.forEach((name, value) -> {
      String amount = number(value) + " " + unit;
      String padding = " ".repeat(width - number(value).length());
      double share = share(value);
      bars.row(
          Cell.heading(name),
          Cell.of(padding + amount, Html.escape(amount)),
          Cell.of(
                  "#".repeat((int) Math.max(1, Math.round(share * TEXT_WIDTH))),
                  String.format(
                      Locale.ROOT,
                      "<div class=\"gt-one-bar\" style=\"width:%.1f%%\"></div>",
                      Math.max(0.5, 100 * share)))
              .styled("gt-bar-cell"));
    });
    return bars;
  }

  /** The chart in Vega-Lite's words; its colours are the front end's, light or dark. */
  JsonObject spec() {
    var rows = new ArrayList<Map<String, Object>>();
    var labels = new ArrayList<String>();
    values.forEach((name, value) -> {
      String label = "%s: %s %s".formatted(name, number(value), unit);
      labels.add(label);
      rows.add(Map.of("name", label, "value", value));
    });
    var gson = new Gson();
    var spec = gson.fromJson(Pictures.file("chart.json"), JsonObject.class);
    spec.addProperty("description", text());
    spec.getAsJsonObject("title").addProperty("text", caption);
    spec.getAsJsonObject("data").add("values", gson.toJsonTree(rows));
    JsonObject encoding = spec.getAsJsonObject("encoding");
    JsonObject x = encoding.getAsJsonObject("x");
    x.addProperty("title", unit);
    encoding.getAsJsonObject("y").add("sort", gson.toJsonTree(labels));
    if (log) {
      x.add("scale", gson.toJsonTree(Map.of("type", "log", "domainMin", floor())));
      encoding.add("x2", gson.toJsonTree(Map.of("datum", floor())));
    }
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
