package greenthreads.lab;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jdk.jshell.EvalException;

/**
 * Turns an exception into what stands under a failed cell.
 *
 * <p>The lab's own exceptions are sentences for the reader and are shown without frames. Of other
 * exceptions only the frames in the reader's cells are shown: the rest is the kernel's.
 */
final class ErrorText {
  private static final String RED = "\u001b[31m";
  private static final String BOLD_RED = "\u001b[1;31m";
  private static final String PLAIN = "\u001b[0m";

  /** IJava writes in black, which nobody can read on a dark page. */
  private static final Pattern BLACK = Pattern.compile("\u001b\\[30m");

  /** How IJava wraps what a magic throws; the cause itself is lost by then. */
  private static final Pattern MAGIC =
      Pattern.compile("^Exception occurred while running (?:cell|line) magic '\\w+': ");

  /** A frame of the reader's code: {@code REPL.$JShell$12.do_it$} or a method of a cell. */
  private static final Pattern FRAME = Pattern.compile("\\(#\\d+:(\\d+)\\)");

  private ErrorText() {}

  static List<String> of(Exception e, Function<Exception, List<String>> ijava) {
    if (e instanceof EvalException failure) {
      return ofEval(failure);
    }
    return ijava.apply(e).stream().map(line -> BLACK.matcher(line).replaceAll("")).toList();
  }

  private static List<String> ofEval(EvalException e) {
    String message = String.valueOf(e.getMessage());
    String type = e.getExceptionClassName();
    var lines = new ArrayList<String>();
    Matcher magic = MAGIC.matcher(message);
    if (isOurs(type) || magic.find()) {
      return sentences(magic.replaceFirst(""));
    }
    String simple = type.substring(type.lastIndexOf('.') + 1);
    lines.add(BOLD_RED + simple + PLAIN + RED + ": " + message + PLAIN);
    Arrays.stream(e.getStackTrace())
        .map(StackTraceElement::toString)
        .map(FRAME::matcher)
        .filter(Matcher::find)
        .map(frame -> RED + "    at line " + frame.group(1) + " of the statement" + PLAIN)
        .findFirst()
        .ifPresent(lines::add);
    return lines;
  }

  private static boolean isOurs(String type) {
    return type.startsWith("greenthreads.lab.");
  }

  /** The first line is the headline; the rest, a compiler's report for example, stays plain. */
  private static List<String> sentences(String message) {
    List<String> all = message.lines().toList();
    var lines = new ArrayList<String>();
    for (int i = 0; i < all.size(); i++) {
      lines.add(i == 0 ? BOLD_RED + all.get(i) + PLAIN : all.get(i));
    }
    return lines;
  }
}
