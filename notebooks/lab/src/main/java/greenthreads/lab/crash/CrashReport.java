package greenthreads.lab.crash;

import greenthreads.lab.base.Internal;
import greenthreads.lab.base.Words;
import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.compile.Disassembler.Instruction;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Html;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A crash, explained: what happened, where, what lies at the address, the registers, the likely
 * cause, and what to try.
 *
 * <p>The text and the figure say the same.
 */
public final class CrashReport {
  private static final Map<String, String> SIGNALS =
      Map.ofEntries(
          Map.entry("SIGSEGV", "it touched memory that it may not touch"),
          Map.entry("SIGBUS", "it accessed memory in a way that cannot be carried out"),
          Map.entry("SIGILL", "it came to an instruction that cannot be carried out"),
          Map.entry("SIGFPE", "it asked for arithmetic that has no result"),
          Map.entry("SIGABRT", "it was aborted on purpose"),
          Map.entry("SIGTRAP", "it came to a trap that nobody handled"),
          Map.entry("SIGSYS", "it made a system call that is not allowed"),
          Map.entry("SIGKILL", "it was killed"));

  private final Crash crash;
  private final CrashScene scene;
  private final CrashCause cause;
  private final List<Fact> facts;
  private final List<Grid> grids;

  /** What is known, in a line. */
  private record Fact(String label, String content) {}

  /** A table with some cells marked. */
  private record Grid(String caption, List<String> head, List<List<Entry>> rows) {}

  private record Entry(String text, boolean marked) {
    static Entry of(String text) {
      return new Entry(text, false);
    }
  }

  private CrashReport(Crash crash, CrashScene scene) {
    this.crash = crash;
    this.scene = scene;
    this.cause = CrashCause.of(scene);
    this.facts = facts();
    this.grids =
        Stream.of(instructions(), registers()).filter(grid -> !grid.rows().isEmpty()).toList();
  }

  @Internal
  public static CrashReport of(Crash crash, Disassembler disassembler) {
    return of(new CrashScene(crash, disassembler));
  }

  static CrashReport of(CrashScene scene) {
    return new CrashReport(scene.crash, scene);
  }

  /** What happened, in one sentence. */
  public String headline() {
    String name = "`" + crash.function() + "`";
    return switch (crash.kind()) {
      case TIME_LIMIT ->
          "%s was ended at its time limit, after %s."
              .formatted(name, Words.duration(crash.details().limit().toNanos()));
      case EXIT -> "%s ended its process with status %d.".formatted(name, crash.exitStatus());
      case SIGNAL ->
          crash.signal().isEmpty()
              ? name + " ended, and with it the process that watches it."
              : "%s crashed with %s: %s."
                  .formatted(
                      name,
                      crash.signal(),
                      SIGNALS.getOrDefault(crash.signal(), "a signal that ends a process"));
    };
  }

  /** The likely cause in one sentence, with how sure it is; or that it cannot be told. */
  public String cause() {
    return cause.sentence();
  }

  /** What to try; may be empty. */
  public String advice() {
    return cause.advice();
  }

  @Internal
  public CrashCause found() {
    return cause;
  }

  /** In the order in which they are shown. */
  private List<Fact> facts() {
    var all = new ArrayList<Fact>();
    all.add(new Fact("Likely cause", cause.sentence()));
    if (!cause.advice().isEmpty()) {
      all.add(new Fact("Try", cause.advice()));
    }
    if (scene.pc.isPresent()) {
      String source = scene.source().isEmpty() ? "" : ", " + scene.source();
      all.add(new Fact("Where", scene.where() + source));
    }
    List<String> callers = scene.callers();
    if (!callers.isEmpty()) {
      all.add(
          new Fact(
              "On the stack",
              "calls from " + String.join(", from ", callers) + " (old ones may be among them)"));
    }
    if (scene.faultPlace().isPresent()) {
      all.add(new Fact("Address", located(scene.faultAddress().getAsLong())));
    }
    if (crash.sp().isPresent()) {
      all.add(new Fact("Stack pointer", located(crash.sp().getAsLong())));
    }
    if (scene.report().word("thread").equals("other")) {
      all.add(new Fact("Thread", "not the one that was called, but one that it started"));
    }
    if (crash.details().left() > 0) {
      String left = "%d other processes were ended as well".formatted(crash.details().left());
      all.add(new Fact("Left behind", left));
    }
    return List.copyOf(all);
  }

  private String located(long address) {
    return "0x%x: %s".formatted(address, scene.space.place(address).text());
  }

  private Grid instructions() {
    boolean sources = scene.instructions.stream().anyMatch(i -> !i.source().isEmpty());
    var columns = new ArrayList<>(List.of("", "Place", "Bytes", "Instruction"));
    if (sources) {
      columns.add("Source");
    }
    var rows = new ArrayList<List<Entry>>();
    for (Instruction i : scene.instructions) {
      boolean here = scene.pc.isPresent() && i.offset() == scene.pc.getAsLong();
      String place = scene.space.function(i.offset()).orElseGet(() -> hex(i.offset()));
      String text = i.text().isEmpty() ? "(no disassembler found)" : i.text();
      rows.add(
          Stream.of(here ? "→" : "", place, i.bytes(), text, i.source())
              .limit(columns.size())
              .map(cell -> new Entry(cell, here))
              .toList());
    }
    return new Grid("Instructions (→ the one it happened at)", columns, rows);
  }

  private Grid registers() {
    var rows = new ArrayList<List<Entry>>();
    boolean any = false;
    for (var register : crash.registers().entrySet()) {
      if (rows.isEmpty() || rows.getLast().size() == 6) {
        rows.add(new ArrayList<>());
      }
      boolean suspect = cause.suspects().contains(register.getKey());
      any |= suspect;
      rows.getLast().add(Entry.of((suspect ? "* " : "") + register.getKey()));
      rows.getLast().add(new Entry(hex(register.getValue()), suspect));
    }
    return new Grid(
        "Registers" + (any ? " (* the one to look at)" : ""),
        List.of("Register", "Value", "Register", "Value", "Register", "Value"),
        rows);
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  // ----- as text ---------------------------------------------------------------------------------

  /** The report as plain text. */
  public String text() {
    var text = new StringBuilder(headline()).append("\n\n");
    for (Fact fact : facts) {
      text.append("%-14s %s\n".formatted(fact.label() + ":", fact.content()));
    }
    for (Grid grid : grids) {
      text.append('\n').append(grid.caption()).append('\n');
      for (List<Entry> row : grid.rows()) {
        var line = new StringBuilder();
        for (int i = 0; i < row.size(); i++) {
          line.append(padded(row.get(i).text(), width(grid, i))).append(i == 0 ? " " : "  ");
        }
        text.append(line.toString().stripTrailing()).append('\n');
      }
    }
    return text.toString().stripTrailing();
  }

  private static int width(Grid grid, int column) {
    return grid.rows().stream()
        .filter(row -> row.size() > column)
        .mapToInt(row -> row.get(column).text().length())
        .max()
        .orElse(0);
  }

  private static String padded(String text, int width) {
    return text + " ".repeat(Math.max(0, width - text.length()));
  }

  // ----- as a figure -----------------------------------------------------------------------------

  /** The report as a figure, with the same content as {@link #text()}. */
  public Figure figure() {
    return figure(html());
  }

  /** The same, with the instructions and the registers folded away until somebody opens them. */
  public Figure folded() {
    return figure(
        grids.isEmpty()
            ? ""
            : "<details><summary>Instructions and registers</summary>" + html() + "</details>");
  }

  private Figure figure(String details) {
    var html = new StringBuilder();
    html.append(
        "<div style=\"border-left:4px solid var(--jp-error-color1,#d32f2f);"
            + "padding:.2em 0 .2em .8em;"
            + "color:var(--jp-content-font-color1,inherit);"
            + "font-family:var(--jp-content-font-family,sans-serif)\">");
    html.append("<p style=\"margin:.2em 0 .6em\"><strong>")
        .append(Html.sentence(headline()))
        .append("</strong></p><table style=\"margin:0 0 .8em\"><caption style=\"text-align:left\">")
        .append("What is known</caption><tbody>");
    for (Fact fact : facts) {
      html.append("<tr><th scope=\"row\" style=\"text-align:left;vertical-align:top\">")
          .append(Html.escape(fact.label()))
          .append("</th><td style=\"text-align:left;white-space:normal\">")
          .append(Html.sentence(fact.content()))
          .append("</td></tr>");
    }
    html.append("</tbody></table>").append(details);
    return new Figure(html.append("</div>").toString(), headline(), "", text());
  }

  /** Marked by weight, frame and a sign: the colours stay the theme's, legible in each. */
  private static final String MARK =
      ";font-weight:bold;outline:1px solid var(--jp-error-color1,#d32f2f)";

  private String html() {
    var html = new StringBuilder();
    for (Grid grid : grids) {
      html.append(
              "<table style=\"margin:0 0 .8em;font-family:var(--jp-code-font-family,monospace)\">")
          .append("<caption style=\"text-align:left\">")
          .append(Html.escape(grid.caption()))
          .append("</caption><thead><tr>");
      for (String column : grid.head()) {
        html.append("<th scope=\"col\" style=\"text-align:left\">%s</th>".formatted(column));
      }
      html.append("</tr></thead><tbody>");
      for (List<Entry> row : grid.rows()) {
        html.append("<tr>");
        for (Entry entry : row) {
          html.append("<td style=\"text-align:left;white-space:pre")
              .append(entry.marked() ? MARK : "")
              .append("\">")
              .append(Html.escape(entry.text()))
              .append("</td>");
        }
        html.append("</tr>");
      }
      html.append("</tbody></table>");
    }
    return html.toString();
  }

  @Override
  public String toString() {
    return text();
  }
}
