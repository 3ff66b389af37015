package greenthreads.lab.kernel;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;

/**
 * Cells of Java that do not compile as they stand.
 *
 * <p>JShell would keep what such a cell defined when it still compiled, and every later cell would
 * go on with that. So it is dropped: who uses one of the names is told which cell to mend.
 */
final class BrokenCells {
  private static final Set<String> BEFORE_A_TYPES_NAME =
      Set.of("class", "interface", "record", "enum");

  /** What may stand before a name that is used, not declared. */
  private static final Set<String> NO_TYPES =
      Set.of(
          "return",
          "new",
          "throw",
          "else",
          "do",
          "case",
          "default",
          "import",
          "package",
          "assert",
          "instanceof",
          "extends",
          "implements",
          "throws",
          "if",
          "while",
          "for",
          "try",
          "static",
          "final",
          "public",
          "private",
          "abstract",
          "yield");

  private final Map<String, String> heads = new HashMap<>();

  /**
   * Drops from the shell what a cell that does not compile would have defined.
   *
   * @param code the cell
   * @param bad the statement that the compiler refused; null if it is not known
   */
  void drop(JShell shell, String code, String bad) {
    int from = bad == null ? 0 : Math.max(0, code.indexOf(bad.strip()));
    Set<String> names = declared(code.substring(from));
    List<? extends Snippet> former =
        Stream.of(
                shell.variables().filter(variable -> names.contains(variable.name())),
                shell.methods().filter(method -> names.contains(method.name())),
                shell.types().filter(type -> names.contains(type.name())))
            .flatMap(snippets -> snippets)
            .toList();
    former.forEach(shell::drop);
    names.forEach(name -> heads.put(name, NotebookCells.head(code)));
  }

  /** A cell that ran: what it defines is there again. */
  void mended(String code) {
    if (!heads.isEmpty()) {
      heads.keySet().removeAll(declared(code));
    }
  }

  /** How the cell begins that would have defined a name; empty if there is none. */
  Optional<String> defining(String name) {
    return Optional.ofNullable(heads.get(name));
  }

  /** The names that Java code declares outside of all braces, as far as they can be made out. */
  static Set<String> declared(String code) {
    List<String> tokens =
        JavaText.withoutComments(code).stream().map(JavaText.Piece::text).toList();
    var names = new LinkedHashSet<String>();
    int depth = 0;
    for (int i = 0; i < tokens.size(); i++) {
      String token = tokens.get(i);
      if (token.matches("[{(\\[]")) {
        depth++;
      } else if (token.matches("[})\\]]")) {
        depth = Math.max(0, depth - 1);
      } else if (depth == 0 && isName(token)) {
        String before = i == 0 ? ";" : tokens.get(i - 1);
        String after = i + 1 == tokens.size() ? ";" : tokens.get(i + 1);
        if (declares(before, after)) {
          names.add(token);
        }
      }
    }
    return names;
  }

  private static boolean declares(String before, String after) {
    if (BEFORE_A_TYPES_NAME.contains(before)) {
      return true;
    }
    if (before.equals(",")) {
      return after.equals("="); // int a = 1, b = 2
    }
    boolean isType = isName(before) && !NO_TYPES.contains(before);
    boolean endsType = before.equals(">") || before.equals("]");
    return isType && after.matches("[=(;,]") || endsType && after.matches("[=(;]");
  }

  private static boolean isName(String token) {
    return Character.isJavaIdentifierStart(token.charAt(0));
  }
}
