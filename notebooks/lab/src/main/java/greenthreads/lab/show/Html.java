package greenthreads.lab.show;

/** The one place where text becomes HTML. */
public final class Html {
  private Html() {}

  /**
   * Escapes text for an HTML element or a quoted attribute.
   *
   * <p>Control characters that HTML forbids become U+FFFD, so that bytes printed by a wild program
   * cannot break the page.
   */
  public static String escape(String text) {
    var out = new StringBuilder(text.length() + 16);
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> out.append("&amp;");
        case '<' -> out.append("&lt;");
        case '>' -> out.append("&gt;");
        case '"' -> out.append("&quot;");
        case '\'' -> out.append("&#39;");
        case '\n', '\t' -> out.append(c);
        default -> out.append(c < ' ' || c == 0x7f ? '\ufffd' : c);
      }
    }
    return out.toString();
  }

  /** Escapes a sentence; what stands between backquotes in it is shown as code. */
  public static String sentence(String text) {
    return escape(text).replaceAll("`([^`]+)`", "<code>$1</code>");
  }
}
