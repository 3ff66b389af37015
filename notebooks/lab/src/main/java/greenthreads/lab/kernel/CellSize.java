package greenthreads.lab.kernel;

import greenthreads.lab.base.LabException;
import java.nio.charset.StandardCharsets;

/**
 * What a cell may hold: Java's class files have room for 65,535 bytes in a text.
 *
 * <p>A cell with a longer one is refused here. JShell would compile it, fail, and fail from then on
 * with every other cell.
 */
final class CellSize {
  private static final int MOST = 65_535;

  /** A magic's cell travels as a text of Java, in base64, which is longer by a third. */
  private static final int MOST_FOR_MAGIC = 45_000;

  private CellSize() {}

  static boolean isLongC(String code) {
    String only = code.strip();
    return only.startsWith("%%c ") && only.contains("\n") && size(only) > MOST_FOR_MAGIC;
  }

  /**
   * @throws LabException if the cell cannot be run, saying why
   */
  static void check(String code) {
    if (isLongC(code) || size(code) <= MOST_FOR_MAGIC) {
      return;
    }
    if (code.strip().startsWith("%%")) {
      throw new LabException(
          "This cell has %,d bytes, and a cell that begins with %%%% may have %,d.\nPut the text into a file."
              .formatted(size(code), MOST_FOR_MAGIC));
    }
    int longest = longestText(code);
    if (longest > MOST) {
      throw new LabException(
          ("A text in this cell has some %,d bytes, and Java has room for %,d in one.\nPut it into a"
                  + " file, or join it from shorter ones: String.join(\"\", part1, part2).")
              .formatted(longest, MOST));
    }
  }

  /** The bytes of the longest text between quotes, comments left out. */
  private static int longestText(String code) {
    int longest = 0;
    int at = 0;
    while (at < code.length()) {
      if (code.startsWith("//", at)) {
        at = end(code, "\n", at);
      } else if (code.startsWith("/*", at)) {
        at = end(code, "*/", at + 2);
      } else if (code.startsWith("\"\"\"", at)) {
        int from = at;
        at = closing(code, "\"\"\"", at + 3);
        longest = Math.max(longest, size(code.substring(from, at)) - 6);
      } else if (code.charAt(at) == '"' || code.charAt(at) == '\'') {
        int from = at;
        at = closing(code, code.substring(at, at + 1), at + 1);
        longest = Math.max(longest, size(code.substring(from, at)) - 2);
      } else {
        at++;
      }
    }
    return longest;
  }

  /** Where the quotes end that began before; a backslash takes the next character along. */
  private static int closing(String code, String quotes, int from) {
    int at = from;
    while (at < code.length() && !code.startsWith(quotes, at)) {
      at += code.charAt(at) == '\\' ? 2 : 1;
    }
    return Math.min(at + quotes.length(), code.length());
  }

  private static int end(String code, String mark, int from) {
    int found = code.indexOf(mark, from);
    return found < 0 ? code.length() : found + mark.length();
  }

  private static int size(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }
}
