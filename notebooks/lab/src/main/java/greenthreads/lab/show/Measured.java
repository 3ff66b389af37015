package greenthreads.lab.show;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import greenthreads.lab.base.LabException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.DoubleSupplier;

/**
 * Several things, measured in turn, many times over: a median each, and how far the measurements
 * lie apart.
 *
 * <pre>{@code
 * Map<String, DoubleSupplier> ways = new LinkedHashMap<>();
 * ways.put("inlined", () -> fast.yield_ns(2, 20_000, 0));
 * ways.put("called", () -> fast.yield_ns(2, 20_000, 1));
 * Measured.inTurn("A yield of two threads", "ns", 21, ways)
 * }</pre>
 *
 * <p>Whatever else the machine does falls on all of them. What is shown names those of which the
 * middle half of the measurements spans more than a quarter of the median; if these are more than
 * half, it says that this machine is too busy to tell.
 */
public final class Measured implements Shown {
  private static final String VEGA = "application/vnd.vegalite.v5+json";
  private static final double TOO_WIDE = 0.25;

  private final String caption;
  private final String unit;
  private final Map<String, Row> rows;
  private final int rounds;
  private final double seconds;
  private final boolean log;

  /** One of the things: half of its measurements lie from low to high. */
  record Row(double low, double median, double high) {
    static Row of(double[] samples) {
      double[] sorted = samples.clone();
      Arrays.sort(sorted);
      int last = sorted.length - 1;
      return new Row(sorted[last / 4], sorted[last / 2], sorted[last - last / 4]);
    }

    double width() {
      return median == 0 ? 0 : (high - low) / median;
    }
  }

  Measured(
      String caption, String unit, Map<String, Row> rows, int rounds, double seconds, boolean log) {
    this.caption = caption;
    this.unit = unit;
    this.rows = rows;
    this.rounds = rounds;
    this.seconds = seconds;
    this.log = log;
  }

  /**
   * Measures each of them once, then each once more, and so on. A first round, in which everything
   * is cold, does not count.
   *
   * @param caption one sentence saying what is measured
   * @param unit the unit of what the suppliers return, such as {@code ns}
   * @param rounds how often each is measured; at least 5
   * @param what name to measurement, in the order in which they are shown
   * @throws LabException if there is nothing to measure, or a measurement is no positive number
   */
  public static Measured inTurn(
      String caption, String unit, int rounds, Map<String, DoubleSupplier> what) {
    if (what.isEmpty() || rounds < 5) {
      throw new LabException("There must be something to measure, in five rounds or more.");
    }
    var samples = new LinkedHashMap<String, double[]>();
    what.keySet().forEach(name -> samples.put(name, new double[rounds]));
    what.forEach(Measured::once);
    long start = System.nanoTime();
    for (int round = 0; round < rounds; round++) {
      int now = round;
      what.forEach((name, measure) -> samples.get(name)[now] = once(name, measure));
    }
    var rows = new LinkedHashMap<String, Row>();
    samples.forEach((name, all) -> rows.put(name, Row.of(all)));
    return new Measured(caption, unit, rows, rounds, (System.nanoTime() - start) / 1e9, false);
  }

  private static double once(String name, DoubleSupplier measure) {
    double value = measure.getAsDouble();
    if (!(value > 0) || Double.isInfinite(value)) {
      throw new LabException(
          "\"%s\" could not be measured: it said %s. Perhaps there was not enough memory."
              .formatted(name, value));
    }
    return value;
  }

  /** The same on a logarithmic scale: one step to the right is ten times as much. */
  public Measured log() {
    return new Measured(caption, unit, rows, rounds, seconds, true);
  }

  /**
   * The median of one of them.
   *
   * @throws LabException if there is none of this name
   */
  public double median(String name) {
    return row(name).median();
  }

  /** Whether the measurements of most lie near enough together to say something. */
  public boolean steady() {
    return 2 * unsteady().size() <= rows.size();
  }

  /** Those whose measurements lie too far apart. */
  private List<String> unsteady() {
    return rows.entrySet().stream()
        .filter(row -> row.getValue().width() > TOO_WIDE)
        .map(Map.Entry::getKey)
        .toList();
  }

  /**
   * One compared with another, in a sentence: how many times as long, from the ends of the middle
   * halves; or that they cannot be told apart here.
   */
  public String compare(String one, String other) {
    Row a = row(one);
    Row b = row(other);
    double least = a.low() / b.high();
    double most = a.high() / b.low();
    if (least <= 1 && most >= 1) {
      return "%s, and %s: they cannot be told apart here".formatted(one, other);
    }
    return "%s takes %s times as long as %s (%s to %s)"
        .formatted(one, times(a.median() / b.median()), other, times(least), times(most));
  }

  private Row row(String name) {
    Row row = rows.get(name);
    if (row == null) {
      throw new LabException(
          "Nothing called \"%s\" was measured; there are: %s."
              .formatted(name, String.join(", ", rows.keySet())));
    }
    return row;
  }

  private static String times(double ratio) {
    return String.format(Locale.ROOT, ratio >= 10 ? "%,.0f" : "%.2f", ratio);
  }

  private static String number(double value) {
    return String.format(
        Locale.ROOT, value >= 100 ? "%,.0f" : value >= 10 ? "%.1f" : "%.2f", value);
  }

  /** How it was measured, and whether that says something. */
  private String how() {
    String measured =
        String.format(
            Locale.ROOT,
            "Medians of %d rounds, %.2f s in all; from … to: half of the rounds. ",
            rounds,
            seconds);
    return measured + trust() + (log ? " The scale is logarithmic." : "");
  }

  private String trust() {
    List<String> unsteady = unsteady();
    if (unsteady.isEmpty()) {
      return "All are steady.";
    }
    return steady()
        ? "Too far apart to say much: %s.".formatted(String.join("; ", unsteady))
        : "TOO BUSY TO TELL: more than half are unsteady. Run it again when the machine is quiet.";
  }

  private Figure table() {
    var lines = new ArrayList<List<String>>();
    rows.forEach((name, row) ->
        lines.add(List.of(name, number(row.median()), number(row.low()), number(row.high()))));
    return Figure.table(caption + ". " + how(), List.of("what", unit, "from", "to"), lines);
  }

  @Override
  public String text() {
    return table().text();
  }

  /** The chart in Vega-Lite's words; its colours stand out on light and on dark. */
  JsonObject spec() {
    var values = new ArrayList<Map<String, Object>>();
    var labels = new ArrayList<String>();
    rows.forEach((name, row) -> {
      String label = "%s: %s %s".formatted(name, number(row.median()), unit);
      labels.add(label);
      values.add(
          Map.of("name", label, "median", row.median(), "low", row.low(), "high", row.high()));
    });
    var gson = new Gson();
    var spec = gson.fromJson(Pictures.file("spread.json"), JsonObject.class);
    spec.addProperty("description", text());
    JsonObject title = spec.getAsJsonObject("title");
    title.addProperty("text", caption);
    title.add("subtitle", gson.toJsonTree(how().split("(?<=[.:;]) (?=[A-Z])")));
    spec.getAsJsonObject("data").add("values", gson.toJsonTree(values));
    spec.getAsJsonObject("encoding").getAsJsonObject("y").add("sort", gson.toJsonTree(labels));
    JsonObject bar =
        spec.getAsJsonArray("layer").get(0).getAsJsonObject().getAsJsonObject("encoding");
    bar.getAsJsonObject("x").addProperty("title", unit);
    if (log) {
      double floor = floor();
      bar.getAsJsonObject("x")
          .add("scale", gson.toJsonTree(Map.of("type", "log", "domainMin", floor)));
      bar.add("x2", gson.toJsonTree(Map.of("datum", floor)));
    }
    return spec;
  }

  private double floor() {
    double least = rows.values().stream().mapToDouble(Row::low).min().orElse(1);
    return Math.pow(10, Math.floor(Math.log10(least)));
  }

  /** As a chart's: Vega-Lite, and in its place a table. */
  @Override
  public Map<String, Object> representations() {
    var all = new LinkedHashMap<String, Object>();
    all.put(VEGA, spec());
    all.put(
        "text/markdown", table().representations().get("text/html").toString().replace("\n", " "));
    all.put("text/plain", text());
    return all;
  }

  @Override
  public String toString() {
    return text();
  }
}
