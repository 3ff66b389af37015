package greenthreads.lab;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A piece of code, shown with the front end's own highlighting.
 *
 * @param language the fence's language: {@code c}, {@code asm}, {@code java}
 * @param title where the code comes from, one line
 * @param code the code itself, without a trailing newline
 */
public record Listing(String language, String title, String code) implements Shown {
  @Override
  public String text() {
    return title + "\n\n" + code;
  }

  @Override
  public Map<String, Object> representations() {
    var all = new LinkedHashMap<String, Object>();
    all.put("text/markdown", markdown());
    all.put("text/plain", text());
    return all;
  }

  /** Markdown with a fence longer than any run of backquotes in the code. */
  private String markdown() {
    String fence = "```";
    while (code.contains(fence)) {
      fence += "`";
    }
    String where = title.replace("`", "'");
    return "`" + where + "`\n\n" + fence + language + "\n" + code + "\n" + fence;
  }

  @Override
  public String toString() {
    return text();
  }
}
