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

  private CellSize() {}

  /**
   * @throws LabException if the cell cannot be run, saying why
   */
  static void check(String code) {
    if (code.length() <= MOST / 3
        || CellMagics.isCellMagic(code)) { // a character has 3 bytes at most
      return;
    }
    int longest =
        JavaText.pieces(code).stream()
            .filter(piece -> piece.kind() == JavaText.Kind.LITERAL)
            .mapToInt(piece -> bytesBetweenQuotes(piece.text()))
            .max()
            .orElse(0);
    if (longest > MOST) {
      throw new LabException(
          ("A text in this cell has some %,d bytes, and Java has room for %,d in one.\nPut it into a"
                  + " file, or join it from shorter ones: String.join(\"\", part1, part2).")
              .formatted(longest, MOST));
    }
  }

  private static int bytesBetweenQuotes(String literal) {
    int quotes = literal.startsWith("\"\"\"") ? 6 : 2;
    return literal.getBytes(StandardCharsets.UTF_8).length - quotes;
  }
}
