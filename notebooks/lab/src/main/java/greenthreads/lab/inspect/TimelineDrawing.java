package greenthreads.lab.inspect;

import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Grid;
import greenthreads.lab.show.Grid.Cell;
import greenthreads.lab.show.Html;
import greenthreads.lab.show.Pictures;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.stream.LongStream;

/** Draws a run: a lane for each thread, a table of its switches, and the trace as CSV. */
final class TimelineDrawing {
  /** More switches than this are drawn as shares of time, not one by one. */
  private static final int MOST_DRAWN = 1_000;

  private static final int MOST_ROWS = 400;
  private static final int BUCKETS = 200;

  private static final double LEFT = 90;
  private static final double WIDTH = 900;
  private static final double LANE = 30;

  private final Timeline run;
  private final List<Timeline.Switch> switches;
  private final List<String> threads;
  private final List<Timeline.Span> spans;
  private final long start;
  private final long end;

  TimelineDrawing(Timeline run) {
    this.run = run;
    this.switches = run.switches();
    this.threads = run.threads();
    this.spans = run.stretches();
    this.start = run.start();
    this.end = run.end();
  }

  private double x(double time) {
    return LEFT + (end > start ? (time - start) / (end - start) * WIDTH : 0);
  }

  private boolean isLong() {
    return switches.size() > MOST_DRAWN;
  }

  Figure figure() {
    String alt =
        "%s, %s, one lane for each thread; %s."
            .formatted(
                Pictures.count(threads.size(), "thread"),
                Pictures.count(switches.size(), "switch").replace("switchs", "switches"),
                shares());
    String caption =
        isLong()
            ? "Each bar is a share of time; Timeline.between(from, to) shows the switches"
                + " themselves."
            : "Point at a stretch to read it; the table and the CSV hold the same trace.";
    return new Figure(
        Pictures.wrap(html()),
        alt,
        caption,
        alt + "\n\n" + (table().text() + "\n" + more()).stripTrailing());
  }

  private String shares() {
    var parts = new ArrayList<String>();
    for (String thread : threads.subList(0, Math.min(6, threads.size()))) {
      long running =
          spans.stream()
              .filter(span -> span.thread().equals(thread) && span.state().equals(Timeline.RUNNING))
              .mapToLong(Timeline.Span::length)
              .sum();
      parts.add(
          "%s runs %.0f %%".formatted(thread, end > start ? 100.0 * running / (end - start) : 0));
    }
    return String.join(", ", parts) + (threads.size() > 6 ? ", …" : "");
  }

  private String html() {
    var html = new StringBuilder(legend());
    html.append("<div class=\"gt-scroll\">").append(isLong() ? overview() : lanes());
    html.append("</div><details><summary>Every switch as a table</summary>");
    html.append("<div class=\"gt-scroll gt-tall\">").append(table().html()).append(more());
    html.append("</div></details>");
    html.append("<details><summary>As CSV</summary><pre class=\"gt-csv\">");
    String csv = run.csv();
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

  private static String look(String state) {
    return switch (state) {
      case Timeline.RUNNING -> "run";
      case "ready" -> "ready";
      case "waiting" -> "wait";
      case Timeline.FINISHED -> "out";
      case Timeline.NOT_STARTED -> "new";
      default -> "other";
    };
  }

  private String legend() {
    var html = new StringBuilder("<div class=\"gt-legend\">");
    for (String state : spans.stream().map(Timeline.Span::state).distinct().toList()) {
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
    double wide = Math.max(0.6, width);
    double part = look.equals("run") ? 1 : look.equals("wait") ? 0.5 : 0.28;
    return switch (look) {
      case "new" ->
          svg("<path class=\"gt-t-new\" d=\"M%.1f %.1fh%.1f\">%s</path>", x, middle, wide, said);
      case "out" -> // the cross stands where the thread finished
          svg(
              "<path class=\"gt-t-out\" d=\"M%.1f %.1fl8 8m0 -8l-8 8m4 -4H%.1f\">%s</path>",
              x + 2, middle - 4, Math.max(x + 6, x + width), said);
      default ->
          rectangle("gt-t-" + look, x, y + height * (1 - part) / 2, wide, height * part, said);
    };
  }

  private static String rectangle(
      String style, double x, double y, double width, double height, String said) {
    return svg(
        "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">%s</rect>",
        style, x, y, width, height, said);
  }

  private static String text(double x, double y, String anchor, String text) {
    return svg(
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>",
        x, y, anchor, Html.escape(text));
  }

  /** A number has a point, whatever the reader's language is. */
  private static String svg(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /** Round numbers: four to eight of them. */
  private List<Long> ticks() {
    long length = end - start;
    double power = Math.pow(10, Math.max(0, Math.floor(Math.log10(length / 4.0))));
    double step = power;
    for (double factor : new double[] {1, 2, 2.5, 5, 10}) {
      step = power * factor;
      if (length / step <= 8 && step == Math.rint(step)) {
        break;
      }
    }
    long apart = (long) step;
    return LongStream.rangeClosed(Math.ceilDiv(start, apart), end / apart)
        .mapToObj(n -> n * apart)
        .toList();
  }

  /** The names of the threads and the ticks; the drawing itself is to follow. */
  private StringBuilder frame() {
    double bottom = LANE * threads.size();
    double width = LEFT + WIDTH + 10;
    var svg = new StringBuilder();
    svg.append(
        svg(
            "<svg class=\"gt-time\" role=\"img\" aria-label=\"%s\" viewBox=\"0 0 %.0f %.0f\""
                + " style=\"max-width:%.0fpx\" width=\"%.0f\" height=\"%.0f\">",
            Html.escape("Lanes of " + String.join(", ", threads)),
            width,
            bottom + 34,
            width,
            width,
            bottom + 34));
    for (int i = 0; i < threads.size(); i++) {
      svg.append(text(LEFT - 8, LANE * i + LANE / 2 + 4, "end", shortened(threads.get(i))));
    }
    for (long at : ticks()) {
      String anchor = x(at) < LEFT + 20 ? "start" : x(at) > LEFT + WIDTH - 20 ? "end" : "middle";
      svg.append(svg("<path class=\"gt-tick\" d=\"M%.1f 0V%.1f\"/>", x(at), bottom + 8));
      svg.append(text(x(at), bottom + 24, anchor, Long.toString(at)));
    }
    return svg;
  }

  private static String shortened(String name) {
    return name.length() <= 12 ? name : name.substring(0, 11) + "…";
  }

  private String lanes() {
    StringBuilder svg = frame();
    for (Timeline.Span span : spans) {
      String title =
          "%s: %s from %d to %d, %d"
              .formatted(span.thread(), span.state(), span.start(), span.end(), span.length());
      svg.append(
          box(
              x(span.start()),
              LANE * threads.indexOf(span.thread()) + 4,
              x(span.end()) - x(span.start()),
              LANE - 8,
              look(span.state()),
              title));
    }
    for (Timeline.Switch one : switches) {
      int from = threads.indexOf(one.from());
      int to = threads.indexOf(one.to());
      if (from >= 0 && to >= 0 && from != to) {
        svg.append(
            svg(
                "<path class=\"gt-switch\" d=\"M%.1f %.1fV%.1f\"/>",
                x(one.time()), LANE * from + LANE / 2, LANE * to + LANE / 2));
      }
    }
    return svg.append("</svg>").toString();
  }

  /** For long runs: how much of each small stretch of time a thread was running. */
  private String overview() {
    var running = new LinkedHashMap<String, double[]>();
    threads.forEach(thread -> running.put(thread, new double[BUCKETS]));
    double width = (double) (end - start) / BUCKETS;
    for (Timeline.Span span : spans) {
      if (span.state().equals(Timeline.RUNNING)) {
        int first = (int) Math.min(BUCKETS - 1, (span.start() - start) / width);
        int last = (int) Math.min(BUCKETS - 1, (span.end() - start) / width);
        for (int i = first; i <= last; i++) {
          double from = Math.max(span.start(), start + i * width);
          double to = Math.min(span.end(), start + (i + 1) * width);
          running.get(span.thread())[i] += Math.max(0, to - from) / width;
        }
      }
    }
    StringBuilder svg = frame();
    for (int lane = 0; lane < threads.size(); lane++) {
      for (int i = 0; i < BUCKETS; i++) {
        double share = running.get(threads.get(lane))[i];
        if (share > 0.001) {
          double from = start + i * width;
          double height = (LANE - 8) * share;
          String title =
              svg("%s: running %.0f %% from %.0f on", threads.get(lane), 100 * share, from);
          svg.append(
              rectangle(
                  "gt-t-run",
                  x(from),
                  LANE * (lane + 1) - 4 - height,
                  WIDTH / BUCKETS,
                  height,
                  "<title>" + Html.escape(title) + "</title>"));
        }
      }
    }
    return svg.append("</svg>").toString();
  }

  private Grid table() {
    var table = new Grid("gt-steps").head("time", "from", "to", "from is now");
    for (Timeline.Switch one : switches.subList(0, Math.min(MOST_ROWS, switches.size()))) {
      table.row(
          Cell.of(Long.toString(one.time())),
          Cell.of(nobody(one.from())),
          Cell.of(nobody(one.to())),
          Cell.of(one.state()));
    }
    return table;
  }
}
