package greenthreads.lab.crash;

import greenthreads.lab.base.Internal;
import greenthreads.lab.base.Words;
import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.compile.Disassembler.Instruction;
import greenthreads.lab.crash.AddressSpace.Place;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Html;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

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
          Map.entry("SIGPIPE", "it wrote to a pipe that nobody reads"),
          Map.entry("SIGKILL", "it was killed"));

  private final Crash crash;
  private final CrashScene scene;
  private final CrashCause cause;
  private final List<String> callers;
  private final List<String[]> facts;

  private CrashReport(Crash crash, CrashScene scene) {
    this.crash = crash;
    this.scene = scene;
    this.cause = CrashCause.of(scene);
    this.callers = scene.callers();
    this.facts = facts();
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

  /** Label and content, in the order in which they are shown. */
  private List<String[]> facts() {
    var all = new ArrayList<String[]>();
    all.add(new String[] {"Likely cause", cause.sentence()});
    if (!cause.advice().isEmpty()) {
      all.add(new String[] {"Try", cause.advice()});
    }
    if (scene.pc.isPresent()) {
      String source = scene.source().isEmpty() ? "" : ", " + scene.source();
      all.add(new String[] {"Where", scene.where() + source});
    }
    if (!callers.isEmpty()) {
      all.add(
          new String[] {
            "On the stack",
            "calls from " + String.join(", from ", callers) + " (old ones may be among them)"
          });
    }
    scene
        .faultPlace()
        .ifPresent(place ->
            all.add(
                new String[] {
                  "Address", "0x%x: %s".formatted(scene.faultAddress().getAsLong(), place.text())
                }));
    if (crash.sp().isPresent()) {
      long sp = crash.sp().getAsLong();
      Place place = scene.space.place(sp);
      all.add(new String[] {"Stack pointer", "0x%x: %s".formatted(sp, place.text())});
    }
    if (scene.report().word("thread").equals("other")) {
      all.add(new String[] {"Thread", "not the one that was called, but one that it started"});
    }
    if (crash.details().left() > 0) {
      all.add(
          new String[] {
            "Left behind", "%d other processes were ended as well".formatted(crash.details().left())
          });
    }
    return List.copyOf(all);
  }

  /** The report as plain text. */
  public String text() {
    var text = new StringBuilder(headline()).append("\n\n");
    for (String[] fact : facts) {
      text.append("%-14s %s\n".formatted(fact[0] + ":", fact[1]));
    }
    if (!scene.instructions.isEmpty()) {
      text.append("\nInstructions (→ the one it happened at)\n");
      int bytes = scene.instructions.stream().mapToInt(i -> i.bytes().length()).max().orElse(0);
      int words = scene.instructions.stream().mapToInt(i -> shown(i).length()).max().orElse(0);
      int places =
          scene.instructions.stream().mapToInt(i -> address(i.offset()).length()).max().orElse(1);
      for (Instruction i : scene.instructions) {
        String format = "%s %-" + places + "s  %-" + bytes + "s  %-" + Math.max(1, words) + "s  %s";
        text.append(
                format
                    .formatted(mark(i), address(i.offset()), i.bytes(), shown(i), i.source())
                    .stripTrailing())
            .append('\n');
      }
    }
    if (!crash.registers().isEmpty()) {
      text.append("\nRegisters").append(suspectNote()).append('\n');
      int column = 0;
      for (var register : crash.registers().entrySet()) {
        String mark = isSuspect(register.getKey()) ? "*" : " ";
        text.append("%s%-6s %-18s".formatted(mark, register.getKey(), value(register.getValue())));
        text.append(++column % 4 == 0 ? "\n" : "  ");
      }
      if (column % 4 != 0) {
        text.append('\n');
      }
    }
    return text.toString()
        .lines()
        .map(String::stripTrailing)
        .reduce("", (a, b) -> a + b + "\n")
        .stripTrailing();
  }

  private String suspectNote() {
    return cause.suspects(crash).isEmpty() ? "" : " (* the one to look at)";
  }

  private boolean isSuspect(String register) {
    return cause.suspects(crash).contains(register);
  }

  private static String value(long value) {
    return "0x" + Long.toHexString(value);
  }

  private String mark(Instruction i) {
    return scene.pc.isPresent() && i.offset() == scene.pc.getAsLong() ? "→" : " ";
  }

  private String address(long address) {
    Optional<String> function = scene.space.function(address);
    return function.orElseGet(() -> value(address));
  }

  private static String shown(Instruction i) {
    return i.text().isEmpty() ? "(no disassembler found)" : i.text();
  }

  /** The report as a figure, with the same content as {@link #text()}. */
  public Figure figure() {
    var details = new StringBuilder();
    instructions(details);
    registers(details);
    return figure(details.toString());
  }

  /** The same, with the instructions and the registers folded away until somebody opens them. */
  public Figure folded() {
    var details = new StringBuilder();
    instructions(details);
    registers(details);
    return figure(
        details.isEmpty()
            ? ""
            : "<details><summary>Instructions and registers</summary>" + details + "</details>");
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
    for (String[] fact : facts) {
      html.append("<tr><th scope=\"row\" style=\"text-align:left;vertical-align:top\">")
          .append(Html.escape(fact[0]))
          .append("</th><td style=\"text-align:left;white-space:normal\">")
          .append(Html.sentence(fact[1]))
          .append("</td></tr>");
    }
    html.append("</tbody></table>").append(details);
    return new Figure(html.append("</div>").toString(), headline(), "", text());
  }

  private static void head(StringBuilder html, String caption, String... columns) {
    html.append(
            "<table style=\"margin:0 0 .8em;font-family:var(--jp-code-font-family,monospace)\">")
        .append("<caption style=\"text-align:left\">")
        .append(caption)
        .append("</caption><thead><tr>");
    for (String column : columns) {
      html.append("<th scope=\"col\" style=\"text-align:left\">").append(column).append("</th>");
    }
    html.append("</tr></thead><tbody>");
  }

  /** Marked by weight, frame and a sign: the colours stay the theme's, legible in each. */
  private static final String MARKED =
      " style=\"text-align:left;font-weight:bold;outline:1px solid"
          + " var(--jp-error-color1,#d32f2f)\"";

  private void instructions(StringBuilder html) {
    if (scene.instructions.isEmpty()) {
      return;
    }
    head(
        html,
        "Instructions (→ the one it happened at)",
        "",
        "Place",
        "Bytes",
        "Instruction",
        "Source");
    for (Instruction i : scene.instructions) {
      boolean here = mark(i).equals("→");
      html.append("<tr").append(here ? MARKED : "").append('>');
      for (String cell :
          List.of(here ? "→" : "", address(i.offset()), i.bytes(), shown(i), i.source())) {
        html.append("<td style=\"text-align:left;white-space:pre\">")
            .append(Html.escape(cell))
            .append("</td>");
      }
      html.append("</tr>");
    }
    html.append("</tbody></table>");
  }

  private void registers(StringBuilder html) {
    if (crash.registers().isEmpty()) {
      return;
    }
    head(
        html,
        "Registers" + Html.escape(suspectNote()),
        "Register",
        "Value",
        "Register",
        "Value",
        "Register",
        "Value");
    int column = 0;
    for (var register : crash.registers().entrySet()) {
      if (column % 3 == 0) {
        html.append(column == 0 ? "<tr>" : "</tr><tr>");
      }
      boolean suspect = isSuspect(register.getKey());
      html.append("<th scope=\"row\" style=\"text-align:left\">")
          .append(suspect ? "* " : "")
          .append(Html.escape(register.getKey()))
          .append("</th><td")
          .append(suspect ? MARKED : " style=\"text-align:left\"")
          .append('>')
          .append(value(register.getValue()))
          .append("</td>");
      column++;
    }
    html.append("</tr></tbody></table>");
  }

  @Override
  public String toString() {
    return text();
  }
}
