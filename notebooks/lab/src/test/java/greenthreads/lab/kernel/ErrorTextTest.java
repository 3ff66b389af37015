package greenthreads.lab.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import jdk.jshell.EvalException;
import jdk.jshell.JShell;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ErrorTextTest {
  private static final NotebookCells CELLS =
      new NotebookCells(
          List.of(
              "%load lab/start.jshell",
              "interface Start { int add(int a, int b); }\nStart start = Lab.load(\"x\", Start.class);",
              "long total(int n) {\n    return n;\n}",
              "start.add(1, 2) == total(3)"));

  /** Runs a snippet in a real JShell, in this process, and says how its exception is shown. */
  private static String shown(String... snippets) {
    try (JShell shell = JShell.builder().executionEngine("local").build()) {
      EvalException last = null;
      for (String snippet : snippets) {
        for (var event : shell.eval(snippet)) {
          if (event.exception() instanceof EvalException e) {
            last = e;
          }
        }
      }
      return String.join(
          "\n", ErrorText.of(last, () -> CELLS, new BrokenCells(), e -> List.of("ijava")));
    }
  }

  @Test
  void variableWithoutAValueNamesTheCellToRun() {
    String text = shown("String start = null;", "start.length();");
    assertTrue(text.contains("`start` has no value."), text);
    assertTrue(text.contains("the 2nd code cell, which begins `interface Start {"), text);
    assertFalse(text.contains("REPL"), text);
  }

  @Test
  void methodThatIsCalledTooEarlyNamesTheCellsToRun() {
    List<String> lines =
        List.of(
            "|   long all() {",
            "Unresolved dependencies:",
            "   - class Start",
            "   - variable start",
            "   - method total",
            "   - variable nowhere");
    String text =
        String.join("\n", ErrorText.of(new Exception(), () -> CELLS, new BrokenCells(), e -> lines))
            .replaceAll("\u001b\\[[\\d;]*m", "");
    assertEquals(
        """
        This uses what is not there yet: Start, start, total, nowhere.
        `Start`, `start` are declared by the 2nd code cell, which begins `interface Start { int add(int a, int b); }`: run that cell first.
        `total` is declared by the 3rd code cell, which begins `long total(int n) {`: run that cell first.
        No cell of this notebook declares `nowhere`.\
        """,
        text);
  }

  @Test
  void otherExceptionsKeepTheirMessageAndLine() {
    String text = shown("int[] a = new int[2];", "{\n  a[3] = 1;\n}");
    assertTrue(text.contains("ArrayIndexOutOfBoundsException"), text);
    assertTrue(text.contains("Index 3 out of bounds"), text);
    assertTrue(text.contains("at line 2 of the statement"), text);
  }

  @Test
  void declarationsAreFoundAndUsesAreNot() {
    assertEquals(
        Optional.of("the 3rd code cell, which begins `long total(int n) {`"),
        CELLS.declaring("total"));
    assertTrue(CELLS.declaring("Start").orElseThrow().startsWith("the 2nd"));
    assertEquals(Optional.empty(), CELLS.declaring("add2"));
    assertEquals(Optional.empty(), CELLS.declaring("n"));
  }

  @Test
  void notebookIsReadAsSaved(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("x.ipynb");
    Files.writeString(
        file,
        """
        {"cells": [{"cell_type": "markdown", "source": ["int a = 1;"]},
                   {"cell_type": "code", "source": ["\\n", "int a = 1;"]},
                   {"cell_type": "code", "source": "int b = 2;"}]}
        """);
    NotebookCells cells = NotebookCells.read(file);
    assertEquals(
        "the 1st code cell, which begins `int a = 1;`", cells.declaring("a").orElseThrow());
    assertEquals(
        "the 2nd code cell, which begins `int b = 2;`", cells.declaring("b").orElseThrow());
    Files.writeString(file, "{");
    assertEquals(List.of(), NotebookCells.read(file).sources());
    assertEquals(List.of(), NotebookCells.read(folder.resolve("none.ipynb")).sources());
  }

  @Test
  void ordinalsAreEnglish() {
    assertEquals(
        "1st 2nd 3rd 4th 11th 12th 13th 21st 112th",
        String.join(
            " ",
            List.of(1, 2, 3, 4, 11, 12, 13, 21, 112).stream()
                .map(NotebookCells::ordinal)
                .toList()));
  }
}
