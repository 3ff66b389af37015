package greenthreads.lab.source;

import java.util.ArrayDeque;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds a brace that is never closed.
 *
 * <p>In a file that was put together from two, the compiler finds out only where the other one goes
 * on, and blames that.
 */
final class Braces {
  /** Comments, strings and character constants, which may hold braces of their own. */
  private static final Pattern OPAQUE =
      Pattern.compile(
          "(?s)/\\*.*?\\*/|//[^\\n]*|\"(?:\\\\.|[^\"\\\\\\n])*\"|'(?:\\\\.|[^'\\\\\\n])*'");

  private Braces() {}

  /**
   * The line, counted from 1, of the outermost brace that is open at the end of a C text; none
   * where conditional compilation could explain it.
   */
  static OptionalInt neverClosed(String text) {
    if (text.contains("#if")) {
      return OptionalInt.empty();
    }
    Matcher opaque = OPAQUE.matcher(text);
    String bare = opaque.replaceAll(found -> found.group().replaceAll("[^\n]", " "));
    var open = new ArrayDeque<Integer>();
    int line = 1;
    for (int i = 0; i < bare.length(); i++) {
      switch (bare.charAt(i)) {
        case '\n' -> line++;
        case '{' -> open.addLast(line);
        case '}' -> open.pollLast();
        default -> {}
      }
    }
    return open.isEmpty() ? OptionalInt.empty() : OptionalInt.of(open.getFirst());
  }
}
