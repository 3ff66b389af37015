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
  /**
   * Reads the notebook that Jupyter's server names in the kernel's environment.
   *
   * @return no cells where it names none, or the file cannot be read
   */
  static NotebookCells ofThisKernel() {
    String session = System.getenv("JPY_SESSION_NAME");
    if (session == null || !session.endsWith(".ipynb")) {
      return new NotebookCells(List.of());
    }
    // The kernel's working directory is the notebook's folder.
    return read(Path.of(session).getFileName());
  }

  /** The notebook's file name without its ending, if Jupyter's server names one. */
  static Optional<String> stemOfThisKernel() {
    return Optional.ofNullable(System.getenv("JPY_SESSION_NAME"))
        .filter(session -> session.endsWith(".ipynb"))
        .map(session -> Path.of(session).getFileName().toString().replaceFirst("\\.ipynb$", ""));
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
