package greenthreads.lab.kernel;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The code cells of the notebook this kernel belongs to, as last saved.
 *
 * <p>They tell which cell declares a name that a reader's cell misses.
 *
 * @param sources the cells' texts, in order
 */
record NotebookCells(List<String> sources) {
  private static final String ENDING = ".ipynb";

  /**
   * Reads the notebook that Jupyter's server names in the kernel's environment.
   *
   * @return no cells where it names none, or the file cannot be read
   */
  static NotebookCells ofThisKernel() {
    return fileOfThisKernel().map(NotebookCells::read).orElse(new NotebookCells(List.of()));
  }

  /** That notebook's file, if the server names one. */
  static Optional<Path> fileOfThisKernel() {
    return Optional.ofNullable(System.getenv("JPY_SESSION_NAME"))
        .filter(session -> session.endsWith(ENDING))
        .map(session -> Path.of(session).getFileName()); // the kernel works in its folder
  }

  /** A notebook's file name without its ending. */
  static String stem(Path notebook) {
    String name = notebook.getFileName().toString();
    return name.substring(0, name.length() - ENDING.length());
  }

  /** The one notebook in the kernel's folder that has such a cell; empty if several have. */
  static Optional<Path> withCell(String code) {
    try (var notebooks = Files.newDirectoryStream(Path.of(""), "*" + ENDING)) {
      var found = new ArrayList<Path>();
      for (Path notebook : notebooks) {
        if (read(notebook).sources().contains(code)) {
          found.add(notebook);
        }
      }
      return found.size() == 1 ? Optional.of(found.getFirst()) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  static NotebookCells read(Path notebook) {
    try {
      var cells = new ArrayList<String>();
      JsonObject root = new JsonParser().parse(Files.readString(notebook)).getAsJsonObject();
      for (JsonElement element : root.getAsJsonArray("cells")) {
        JsonObject cell = element.getAsJsonObject();
        if (cell.get("cell_type").getAsString().equals("code")) {
          cells.add(text(cell.get("source")));
        }
      }
      return new NotebookCells(List.copyOf(cells));
    } catch (IOException | JsonParseException | IllegalStateException | NullPointerException e) {
      return new NotebookCells(List.of());
    }
  }

  private static String text(JsonElement source) {
    if (!source.isJsonArray()) {
      return source.getAsString();
    }
    var text = new StringBuilder();
    source.getAsJsonArray().forEach(line -> text.append(line.getAsString()));
    return text.toString();
  }

  /**
   * Says which cell declares a name.
   *
   * @return for example {@code the 4th code cell, which begins `interface Start {`}
   */
  Optional<String> declaring(String name) {
    String quoted = Pattern.quote(name);
    Pattern declaration =
        Pattern.compile(
            "(?m)^\\s*(?:[\\w<>\\[\\], .?]+\\s)?" // a type, for variables and methods
                + quoted
                + "\\s*(?:=(?!=)|\\([^)]*\\)\\s*(?:throws [\\w, .]+)?\\{)"
                + "|\\b(?:interface|class|record|enum)\\s+"
                + quoted
                + "\\b|(?m)^\\s*import\\s+[\\w.]+\\."
                + quoted
                + "\\s*;");
    for (int i = 0; i < sources.size(); i++) {
      if (declaration.matcher(sources.get(i)).find()) {
        return Optional.of(
            "the %s code cell, which begins `%s`".formatted(ordinal(i + 1), head(sources.get(i))));
      }
    }
    return Optional.empty();
  }

  static String head(String source) {
    String line = source.lines().filter(text -> !text.isBlank()).findFirst().orElse("").strip();
    return line.length() > 60 ? line.substring(0, 59) + "…" : line;
  }

  static String ordinal(int n) {
    String suffix =
        n % 100 >= 11 && n % 100 <= 13
            ? "th"
            : switch (n % 10) {
              case 1 -> "st";
              case 2 -> "nd";
              case 3 -> "rd";
              default -> "th";
            };
    return n + suffix;
  }
}
