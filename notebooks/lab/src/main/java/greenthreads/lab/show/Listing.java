package greenthreads.lab.show;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A piece of code, shown with the front end's own highlighting.
 *
 * @param language the fence's language: {@code c}, {@code asm}, {@code java}
 * @param title where the code comes from, one line
 * @param code the code itself, without a trailing newline
 * @param place what the title leads to, as a path from the project's folder, behind it {@code
 *     #line=12}; empty if it leads nowhere
 */
public record Listing(String language, String title, String code, String place) implements Shown {
  /**
   * A longer listing scrolls in a box, so that its text and what is said of it are seen together.
   */
  private static final int MOST_LINES = 32;

  private static final String SCROLLING =
      "<style>@media screen { .gt-listing { max-height: 34em; overflow: auto;"
          + " border-bottom: 1px solid rgba(128,128,128,.55); } }</style>\n\n";

  /** A listing whose title leads nowhere. */
  public Listing(String language, String title, String code) {
    this(language, title, code, "");
  }

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
    String where = "`" + title.replace("`", "'") + "`";
    if (!place.isEmpty()) {
      where = "[" + where + "](../" + place + ")"; // from the notebooks' folder
    }
    String listing = where + "\n\n" + fence + language + "\n" + code + "\n" + fence;
    return code.lines().count() <= MOST_LINES
        ? listing
        : SCROLLING
            + listing.replaceFirst(
                "\n\n", "\n\n<div class=\"gt-listing\" " + Pictures.OWN_KEYS + ">\n\n")
            + "\n\n</div>";
  }

  @Override
  public String toString() {
    return text();
  }
}
