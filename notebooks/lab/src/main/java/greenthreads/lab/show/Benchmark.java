package greenthreads.lab.show;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Words;
import greenthreads.lab.base.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What {@code ./build.sh bench} has measured on this machine; else what it once measured on another
 * one, which comes with the project.
 *
 * <p>Both are text files of one form: a row a line, its cells between bars, and comments after
 * {@code #}.
 */
final class Benchmark {
  private Benchmark() {}

  static Figure figure(Workspace project, String name, String what, List<String> head) {
    Path here = project.build().resolve("bench").resolve(name);
    boolean measured = Files.exists(here);
    Path file =
        measured
            ? here
            : project.root().resolve("notebooks/lab/src/test/native/peers").resolve(name);
    String where = measured ? "Measured here" : "Recorded on another machine";
    return Figure.table(where + ": " + what, head, rows(file, head.size()));
  }

  private static List<List<String>> rows(Path file, int columns) {
    List<List<String>> rows;
    try {
      rows =
          Files.readAllLines(file).stream()
              .filter(line -> !line.isBlank() && !line.startsWith("#"))
              .map(line -> List.of(line.split(" \\| ")))
              .toList();
    } catch (IOException e) {
      throw new LabException("%s cannot be read: %s.".formatted(file, Words.reason(e)), e);
    }
    if (rows.isEmpty() || rows.stream().anyMatch(row -> row.size() != columns)) {
      throw new LabException(
          ("%s is not as ./build.sh bench writes it: each line has %d cells, with | between them."
                  + "\nRun that again, or delete the file.")
              .formatted(file, columns));
    }
    return rows;
  }
}
