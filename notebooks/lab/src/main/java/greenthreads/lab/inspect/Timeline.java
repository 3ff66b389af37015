package greenthreads.lab.inspect;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;

import greenthreads.lab.base.LabException;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Html;
import greenthreads.lab.show.Picture;
import greenthreads.lab.show.Pictures;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A run in time: who was running when, and what the others were waiting for.
 *
 * <pre>{@code
 * Timeline.of(List.of(
 *     new Timeline.Switch(0, "", "A", ""),
 *     new Timeline.Switch(10, "A", "B", "ready"),
 *     new Timeline.Switch(30, "B", "A", "finished")), 50)
 * }</pre>
 */
public final class Timeline implements Picture {
  /** More switches than this are drawn as shares of time, not one by one. */
  private static final int MOST_DRAWN = 1_000;

  private static final int MOST_ROWS = 400;
  private static final int BUCKETS = 200;

  /**
   * One switch.
   *
   * @param time when it happened, in the trace's unit
   * @param from who stopped running; empty for nobody
   * @param to who runs from now on; empty for nobody
   * @param state what {@code from} is now: {@code ready}, {@code waiting}, {@code finished}, …
   */
  public record Switch(double time, String from, String to, String state) {}

  /** A stretch of one thread's time in one state. */
  private record Span(String thread, String state, double start, double end) {
    double length() {
      return end - start;
    }
  }

  private static final String RUNNING = "running";
  private static final String FINISHED = "finished";
  private static final String NOT_STARTED = "not started";

  private final List<Switch> stood; // how things are at the start of a part
  private final List<Switch> switches;
  private final double start;
  private final double end;
  private final String unit;
  private final List<String> threads;
  private final List<Span> spans;

  private Timeline(List<Switch> switches, double start, double end, String unit) {
    this(List.of(), switches, start, end, unit);
  }

  private Timeline(
      List<Switch> stood, List<Switch> switches, double start, double end, String unit) {
    this.stood = stood;
    this.switches = switches;
    this.start = start;
    this.end = end;
    this.unit = unit;
    var names = new LinkedHashSet<String>();
    for (Switch one : marks()) {
      names.add(one.from());
      names.add(one.to());
    }
    names.remove("");
    this.threads = List.copyOf(names);
    this.spans = spans();
  }

  /**
   * A run from its switches.
   *
   * @param switches in any order
   * @param end when the run ended, in the same unit
   */
  public static Timeline of(List<Switch> switches, double end) {
    List<Switch> sorted =
        switches.stream().sorted(Comparator.comparingDouble(Switch::time)).toList();
    double start = sorted.isEmpty() ? 0 : sorted.getFirst().time();
    if (end < start || sorted.stream().anyMatch(one -> one.time() > end)) {
      throw new LabException("The run ends at %s, before its last switch.".formatted(number(end)));
    }
    return new Timeline(sorted, start, end, "");
  }

  /**
   * A run from a trace of letters, one for each unit of time: who was running in it. A dot or a
   * space is nobody.
   *
   * @param letters such as {@code AAABBAB}
   */
  public static Timeline ofLetters(String letters) {
    var switches = new ArrayList<Switch>();
    String running = "";
    for (int i = 0; i < letters.length(); i++) {
      char letter = letters.charAt(i);
      String next = letter == '.' || letter == ' ' ? "" : String.valueOf(letter);
      if (!next.equals(running)) {
        boolean again = !running.isEmpty() && letters.indexOf(running, i) >= 0;
        switches.add(
            new Switch(i, running, next, running.isEmpty() ? "" : again ? "ready" : FINISHED));
        running = next;
      }
    }
    return of(switches, letters.length());
  }

  /**
   * A run from the records of its switches, as {@code Lab.trace} explains them. The run begins one
   * unit before the first switch and ends one after the last.
   */
  public static Timeline ofRecords(StructLayout record, MemorySegment records, long count) {
    long room = records.byteSize() / record.byteSize();
    if (count < 0 || count > room) {
      throw new LabException(
          "%d switches cannot be shown: the memory holds %d records of %d bytes.\nRecord into more memory, or show the first %d."
              .formatted(count, room, record.byteSize(), room));
    }
    VarHandle from = record.varHandle(groupElement("from"));
    VarHandle to = record.varHandle(groupElement("to"));
    VarHandle cause = record.varHandle(groupElement("cause"));
    var switches = new ArrayList<Switch>();
    for (long i = 0; i < count; i++) {
      long at = i * record.byteSize();
      String state =
          switch ((int) cause.get(records, at)) {
            case RETURNED -> FINISHED;
            case WAITS -> "waiting";
            default -> "ready";
          };
      switches.add(
          new Switch(
              i + 1,
              thread((int) from.get(records, at)),
              thread((int) to.get(records, at)),
              state));
    }
    return new Timeline(List.copyOf(switches), 0, count + 1, "");
  }

  /** What {@code cause} says when a thread's function has returned. */
  private static final int RETURNED = 2;

  /** What it says when a thread has left the ring, and has not returned. */
  private static final int WAITS = 3;

  private static String thread(int id) {
    return id == 0 ? "base thread" : "thread " + id;
  }

  /**
   * The same run with its unit of time named.
   *
   * @param unit such as {@code ns}
   */
  public Timeline unit(String unit) {
    return new Timeline(stood, switches, start, end, unit);
  }

  /**
   * A part of the run, to be looked at closely.
   *
   * @param from its first moment
   * @param to its last
   */
  public Timeline between(double from, double to) {
    if (from >= to) {
      throw new LabException("Nothing lies between %s and %s.".formatted(number(from), number(to)));
    }
    var stands = new ArrayList<Switch>();
    for (Span span : spans) {
      if (span.start() < from && span.end() > from) {
        stands.add(
            span.state().equals(RUNNING)
                ? new Switch(from, "", span.thread(), "")
                : new Switch(from, span.thread(), "", span.state()));
      }
    }
    return new Timeline(
        stands,
        switches.stream().filter(one -> one.time() >= from && one.time() <= to).toList(),
        from,
        to,
        unit);
  }

  /** The switches in order of time. */
  public List<Switch> switches() {
    return switches;
  }

  /** The trace as comma-separated values, one line for each switch. */
  public String csv() {
    var lines = new StringBuilder("time,from,to,state\n");
    for (Switch one : switches) {
      lines.append(number(one.time())).append(',').append(quoted(one.from())).append(',');
      lines.append(quoted(one.to())).append(',').append(quoted(one.state())).append('\n');
    }
    return lines.toString();
  }

  private static String quoted(String text) {
    return text.matches("[^\",\r\n]*") ? text : "\"" + text.replace("\"", "\"\"") + "\"";
  }

  private static String number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : String.format(Locale.ROOT, "%.3f", value).replaceAll("\\.?0+$", "");
  }

  private String time(double value) {
    return unit.isEmpty() ? number(value) : number(value) + " " + unit;
  }

  private List<Switch> marks() {
    return Stream.concat(stood.stream(), switches.stream()).toList();
  }

  private List<Span> spans() {
    var all = new ArrayList<Span>();
    Map<String, Switch> since = new LinkedHashMap<>();
    Map<String, String> states = new LinkedHashMap<>();
    for (Switch one : marks()) {
      for (String name : List.of(one.from(), one.to())) {
        if (!name.isEmpty()) {
          Switch before = since.put(name, one);
          double from = before == null ? start : before.time();
          String state =
              before != null ? states.get(name) : name.equals(one.from()) ? RUNNING : NOT_STARTED;
          if (one.time() > from) {
            all.add(new Span(name, state, from, one.time()));
          }
          states.put(name, name.equals(one.to()) ? RUNNING : one.state());
        }
      }
    }
    since.forEach((name, last) -> {
      if (end > last.time()) {
        all.add(new Span(name, states.get(name), last.time(), end));
      }
    });
    return all;
  }

  // ----- the picture ---------------------------------------------------------------------------

  private static final double LEFT = 90;
  private static final double WIDTH = 900;
  private static final double LANE = 30;

  private double x(double time) {
    return LEFT + (end > start ? (time - start) / (end - start) * WIDTH : 0);
  }

  private boolean isLong() {
    return switches.size() > MOST_DRAWN;
  }

  @Override
  public Figure figure() {
    String alt =
        "%s, %s%s, one lane for each thread; %s."
            .formatted(
                Pictures.count(threads.size(), "thread"),
                Pictures.count(switches.size(), "switch").replace("switchs", "switches"),
                unit.isEmpty() ? "" : " in " + time(end - start),
                shares());
    String caption =
        isLong()
            ? "Each bar is a share of time; Timeline.between(from, to) shows the switches"
                + " themselves."
            : "Point at a stretch to read it; the table and the CSV hold the same trace.";
    return new Figure(Pictures.wrap(html()), alt, caption, alt + "\n\n" + table());
  }

  private String shares() {
    var parts = new ArrayList<String>();
    for (String thread : threads.subList(0, Math.min(6, threads.size()))) {
      double running =
          spans.stream()
              .filter(span -> span.thread().equals(thread) && span.state().equals(RUNNING))
              .mapToDouble(Span::length)
              .sum();
      parts.add(
          "%s runs %.0f %%".formatted(thread, end > start ? 100 * running / (end - start) : 0));
    }
    return String.join(", ", parts) + (threads.size() > 6 ? ", …" : "");
  }

  private String html() {
    var html = new StringBuilder(legend());
    html.append("<div class=\"gt-scroll\">").append(isLong() ? overview() : lanes());
    html.append("</div><details><summary>Every switch as a table</summary>");
    html.append("<div class=\"gt-scroll gt-tall\"><table class=\"gt-steps\"><thead><tr>");
    html.append("<th>time</th><th>from</th><th>to</th><th>from is now</th></tr></thead><tbody>");
    for (Switch one : switches.subList(0, Math.min(MOST_ROWS, switches.size()))) {
      html.append("<tr><td>").append(Html.escape(time(one.time())));
      for (String cell : List.of(nobody(one.from()), nobody(one.to()), one.state())) {
        html.append("</td><td>").append(Html.escape(cell));
      }
      html.append("</td></tr>");
    }
    html.append("</tbody></table>").append(more()).append("</div></details>");
    html.append("<details><summary>As CSV</summary><pre class=\"gt-csv\">");
    String csv = csv();
    String shown = csv.length() > 20_000 ? csv.substring(0, csv.lastIndexOf('\n', 20_000)) : csv;
    html.append(Html.escape(shown))
        .append(shown.length() < csv.length() ? "\n… csv() has all" : "");
    return html.append("</pre></details>").toString();
  }

  private String more() {
    return switches.size() > MOST_ROWS
        ? "… and %,d more".formatted(switches.size() - MOST_ROWS)
        : "";
  }

  private static String nobody(String name) {
    return name.isEmpty() ? "–" : name;
  }

  private List<String> states() {
    return spans.stream().map(Span::state).distinct().toList();
  }

  private static String look(String state) {
    return switch (state) {
      case RUNNING -> "run";
      case "ready" -> "ready";
      case "waiting" -> "wait";
      case FINISHED -> "out";
      case NOT_STARTED -> "new";
      default -> "other";
    };
  }

  private String legend() {
    var html = new StringBuilder("<div class=\"gt-legend\">");
    for (String state : states()) {
      html.append("<span><svg width=\"26\" height=\"14\" aria-hidden=\"true\">");
      html.append(box(0, 0, 26, 14, look(state), "")).append("</svg> ");
      html.append(Html.escape(state)).append("</span> ");
    }
    return html.append("</div>").toString();
  }

  /** Pattern by shape, not by colour alone: full, thin bar, dashes, dots, a line to a cross. */
  private static String box(
      double x, double y, double width, double height, String look, String title) {
    String said = title.isEmpty() ? "" : "<title>" + Html.escape(title) + "</title>";
    double middle = y + height / 2;
    if (look.equals("new")) {
      return String.format(
          Locale.ROOT,
          "<path class=\"gt-t-new\" d=\"M%.1f %.1fh%.1f\">%s</path>",
          x,
          middle,
          Math.max(0.6, width),
          said);
    }
    if (look.equals("out")) { // the cross stands where the thread finished
      return String.format(
          Locale.ROOT,
          "<path class=\"gt-t-out\" d=\"M%.1f %.1fl8 8m0 -8l-8 8m4 -4H%.1f\">%s</path>",
          x + 2,
          middle - 4,
          Math.max(x + 6, x + width),
          said);
    }
    double part = look.equals("run") ? 1 : look.equals("wait") ? 0.5 : 0.28;
    return String.format(
        Locale.ROOT,
        "<rect class=\"gt-t-%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">%s</rect>",
        look,
        x,
        y + height * (1 - part) / 2,
        Math.max(0.6, width),
        height * part,
        said);
  }

  /** Whole numbers where the times are whole, else round ones: four to eight of them. */
  private List<Double> ticks() {
    if (end <= start) {
      return List.of(start);
    }
    boolean whole =
        switches.stream().mapToDouble(Switch::time).allMatch(time -> time == Math.rint(time));
    double step = Math.pow(10, Math.floor(Math.log10((end - start) / 4)));
    for (double factor : new double[] {1, 2, 2.5, 5, 10}) {
      double wider = step * factor;
      if ((end - start) / wider <= 8 && (!whole || wider == Math.rint(wider))) {
        step = wider;
        break;
      }
    }
    step = whole ? Math.max(1, Math.ceil(step)) : step;
    var ticks = new ArrayList<Double>();
    for (long n = (long) Math.ceil(start / step - 1e-9); n * step <= end + step * 1e-9; n++) {
      ticks.add(n * step);
    }
    return ticks;
  }

  private StringBuilder frame() {
    double height = LANE * threads.size() + 34;
    var svg = new StringBuilder();
    svg.append(
        String.format(
            Locale.ROOT,
            "<svg class=\"gt-time\" role=\"img\" aria-label=\"%s\" viewBox=\"0 0 %.0f %.0f\""
                + " style=\"max-width:%.0fpx\" width=\"%.0f\" height=\"%.0f\">",
            Html.escape("Lanes of " + String.join(", ", threads)),
            LEFT + WIDTH + 10,
            height,
            LEFT + WIDTH + 10,
            LEFT + WIDTH + 10,
            height));
    for (int i = 0; i < threads.size(); i++) {
      double middle = LANE * i + LANE / 2 + 4;
      svg.append(
          String.format(
              Locale.ROOT,
              "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
              LEFT - 8,
              middle,
              Html.escape(shortened(threads.get(i)))));
    }
    for (double at : ticks()) {
      String anchor = x(at) < LEFT + 20 ? "start" : x(at) > LEFT + WIDTH - 20 ? "end" : "middle";
      svg.append(
          String.format(
              Locale.ROOT,
              "<path class=\"gt-tick\" d=\"M%.1f 0V%.1f\"/><text x=\"%.1f\" y=\"%.1f\""
                  + " text-anchor=\"%s\">%s</text>",
              x(at),
              LANE * threads.size() + 8,
              x(at),
              LANE * threads.size() + 24,
              anchor,
              Html.escape(time(at))));
    }
    return svg;
  }

  private static String shortened(String name) {
    return name.length() <= 12 ? name : name.substring(0, 11) + "…";
  }

  private String lanes() {
    StringBuilder svg = frame();
    for (Span span : spans) {
      String title =
          "%s: %s from %s to %s, %s"
              .formatted(
                  span.thread(),
                  span.state(),
                  time(span.start()),
                  time(span.end()),
                  time(span.length()));
      svg.append(
          box(
              x(span.start()),
              LANE * threads.indexOf(span.thread()) + 4,
              x(span.end()) - x(span.start()),
              LANE - 8,
              look(span.state()),
              title));
    }
    for (Switch one : switches) {
      int from = threads.indexOf(one.from());
      int to = threads.indexOf(one.to());
      if (from >= 0 && to >= 0 && from != to) {
        svg.append(
            String.format(
                Locale.ROOT,
                "<path class=\"gt-switch\" d=\"M%.1f %.1fV%.1f\"/>",
                x(one.time()),
                LANE * from + LANE / 2,
                LANE * to + LANE / 2));
      }
    }
    return svg.append("</svg>").toString();
  }

  /** For long runs: how much of each small stretch of time a thread was running. */
  private String overview() {
    double[][] running = new double[threads.size()][BUCKETS];
    double width = (end - start) / BUCKETS;
    Map<String, Integer> lanes = new LinkedHashMap<>();
    threads.forEach(thread -> lanes.put(thread, lanes.size()));
    for (Span span : spans) {
      if (span.state().equals(RUNNING)) {
        int first = (int) Math.min(BUCKETS - 1, (span.start() - start) / width);
        int last = (int) Math.min(BUCKETS - 1, (span.end() - start) / width);
        for (int i = first; i <= last; i++) {
          double from = Math.max(span.start(), start + i * width);
          double to = Math.min(span.end(), start + (i + 1) * width);
          running[lanes.get(span.thread())][i] += Math.max(0, to - from) / width;
        }
      }
    }
    StringBuilder svg = frame();
    for (int lane = 0; lane < threads.size(); lane++) {
      for (int i = 0; i < BUCKETS; i++) {
        double share = running[lane][i];
        if (share > 0.001) {
          double height = (LANE - 8) * share;
          svg.append(
              String.format(
                  Locale.ROOT,
                  "<rect class=\"gt-t-run\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
                      + "<title>%s: running %.0f %% from %s on</title></rect>",
                  x(start + i * width),
                  LANE * (lane + 1) - 4 - height,
                  WIDTH / BUCKETS,
                  height,
                  Html.escape(threads.get(lane)),
                  100 * share,
                  Html.escape(time(start + i * width))));
        }
      }
    }
    return svg.append("</svg>").toString();
  }

  private String table() {
    var lines = new ArrayList<List<String>>();
    lines.add(List.of("time", "from", "to", "from is now"));
    for (Switch one : switches.subList(0, Math.min(MOST_ROWS, switches.size()))) {
      lines.add(List.of(time(one.time()), nobody(one.from()), nobody(one.to()), one.state()));
    }
    if (switches.size() > MOST_ROWS) {
      lines.add(List.of(more()));
    }
    return Pictures.columns(lines);
  }

  @Override
  public String toString() {
    return figure().text();
  }
}
