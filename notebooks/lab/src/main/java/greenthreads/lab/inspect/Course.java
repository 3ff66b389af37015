package greenthreads.lab.inspect;

import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Html;
import greenthreads.lab.show.Pictures;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What the chapters have built, in one drawing: each part with the chapters that made it. */
public final class Course {
  private Course() {}

  /**
   * A part of the drawing.
   *
   * @param group the larger thing that it belongs to
   * @param name what stands in the box, a line for each line
   * @param chapters where it comes from
   * @param looks classes of the style sheet
   */
  private record Part(
      String group,
      String name,
      String chapters,
      String looks,
      int x,
      int y,
      int width,
      int height) {
    private String oneLine() {
      return name.replace("\n", " ");
    }
  }

  private static final String STACK = "a thread's stack";
  private static final String RECORD = "its record";
  private static final String RING = "the ring: who is ready";
  private static final String BASE = "the base thread, on its own stack";
  private static final String BETWEEN = "between two threads";

  /** High addresses at the top, as everywhere. */
  private static final List<Part> PARTS =
      List.of(
          new Part(STACK, "what it was given", "09", "", 16, 34, 226, 34),
          new Part(STACK, "forged: where it begins", "03, 06", "", 16, 68, 226, 34),
          new Part(STACK, "frames of its calls", "02, 04", "", 16, 102, 226, 52),
          new Part(STACK, "return address, registers", "05, 08", "", 16, 154, 226, 34),
          new Part(STACK, "not touched, no memory yet", "11", "gt-c-free", 16, 188, 226, 62),
          new Part(STACK, "guard page", "04, 07", "gt-c-guard", 16, 250, 226, 30),
          new Part(RECORD, "sp", "05", "", 300, 34, 200, 30),
          new Part(RECORD, "next, previous", "07", "", 300, 64, 200, 30),
          new Part(RECORD, "result, who waits for it", "09", "", 300, 94, 200, 30),
          new Part(RECORD, "why it waits, how long", "09, 12", "", 300, 124, 200, 30),
          new Part(RING, "thread 1", "07", "gt-c-now", 300, 196, 92, 34),
          new Part(RING, "thread 2", "07", "", 408, 196, 92, 34),
          new Part(RING, "thread 5", "07", "", 408, 246, 92, 34),
          new Part(BASE, "run: until nobody is ready", "06, 07", "", 556, 34, 232, 30),
          new Part(BASE, "the clock, the sockets", "12", "", 556, 64, 232, 30),
          new Part(BASE, "OS threads for files", "12", "", 556, 94, 232, 30),
          new Part(BASE, "calls of Java", "09, 13", "", 556, 124, 232, 30),
          new Part(BETWEEN, "the switch", "03, 05, 08, 11", "gt-c-now", 556, 196, 232, 34),
          new Part(BETWEEN, "channel, join, lock", "09", "", 556, 246, 232, 34));

  /** From where to where, and whether it is a pointer. */
  private static final List<String> ARROWS =
      List.of(
          "M300 49H272V188H248", // sp: to the stack as it was left
          "M392 213H404", // from thread 1 to thread 2, and on to 5, and back
          "M454 230V242",
          "M408 263H346V234");

  /** The drawing. */
  public static Figure picture() {
    String alt =
        "All parts of the runtime in one drawing, each with the chapters that built it: %s."
            .formatted(
                PARTS.stream().map(Part::group).distinct().collect(Collectors.joining("; ")));
    return new Figure(
        Pictures.wrap("<div class=\"gt-scroll\">" + drawing(alt) + "</div>"),
        alt,
        "Each part, and the chapters that it comes from. High addresses are at the top.",
        alt + "\n\n" + text());
  }

  private static String text() {
    return PARTS.stream()
        .collect(
            Collectors.groupingBy(Part::group, java.util.LinkedHashMap::new, Collectors.toList()))
        .entrySet()
        .stream()
        .map(group ->
            group.getKey()
                + "\n"
                + group.getValue().stream()
                    .map(part -> "  %-28s %s".formatted(part.oneLine(), part.chapters()))
                    .collect(Collectors.joining("\n")))
        .collect(Collectors.joining("\n"));
  }

  private static String drawing(String alt) {
    var svg = new StringBuilder();
    svg.append(
        svg(
            "<svg class=\"gt-course\" role=\"img\" aria-label=\"%s\" viewBox=\"0 0 800 296\""
                + " width=\"800\" height=\"296\" style=\"max-width:800px\">",
            Html.escape(alt)));
    svg.append(
        "<defs><marker id=\"gt-c-tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\""
            + " markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>");
    String group = "";
    for (Part part : PARTS) {
      if (!part.group().equals(group)) {
        group = part.group();
        svg.append(words("gt-c-group", "start", part.x(), part.y() - 9, group));
      }
      svg.append(
          svg(
              "<rect class=\"gt-c-part %s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>",
              part.looks(), part.x(), part.y(), part.width(), part.height()));
      int middle = part.y() + part.height() / 2 + 4;
      svg.append(words("", "start", part.x() + 8, middle, part.oneLine()));
      svg.append(
          words("gt-c-chapter", "end", part.x() + part.width() - 8, middle, part.chapters()));
    }
    for (String arrow : ARROWS) {
      svg.append(svg("<path class=\"gt-c-arrow\" marker-end=\"url(#gt-c-tip)\" d=\"%s\"/>", arrow));
    }
    return svg.append("</svg>").toString();
  }

  private static String words(String looks, String anchor, int x, int y, String text) {
    return svg(
        "<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>",
        looks, x, y, anchor, Html.escape(text));
  }

  private static String svg(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
