package greenthreads.lab.show;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Rows and columns, written down once: the table in HTML and the aligned text come from the same
 * cells.
 */
public final class Grid {
  /**
   * A cell.
   *
   * @param text what stands in the text; null if the cell is for the eye only
   * @param html what stands in the table, already escaped; null if the cell is in the text only
   * @param tag {@code td}, or {@code th} for what names a row
   * @param attributes further ones, each with a space before it
   */
  public record Cell(String text, String html, String tag, String attributes) {
    /** The same in the text and in the table. */
    public static Cell of(String text) {
      return of(text, Html.escape(text));
    }

    public static Cell of(String text, String html) {
      return new Cell(text, html, "td", "");
    }

    /** The same, set as code in the table. */
    public static Cell code(String text) {
      return of(text, "<code>" + Html.escape(text) + "</code>");
    }

    public static Cell onlyText(String text) {
      return of(text, null);
    }

    public static Cell onlyHtml(String html) {
      return of(null, html);
    }

    /** What names its column. */
    public static Cell column(String name) {
      return new Cell(name, Html.escape(name), "th", " scope=\"col\"");
    }

    /** What names its row. */
    public static Cell heading(String name) {
      return new Cell(name, Html.escape(name), "th", " scope=\"row\"");
    }

    /** With classes of the style sheet; none if they are blank. */
    public Cell styled(String classes) {
      return classes.isBlank()
          ? this
          : new Cell(text, html, tag, attributes + " class=\"" + classes.strip() + "\"");
    }

    /** Over some columns of the table. */
    public Cell over(int columns) {
      return new Cell(text, html, tag, attributes + " colspan=\"" + columns + "\"");
    }

    private String element() {
      return "<%s%s>%s</%s>".formatted(tag, attributes, html, tag);
    }
  }

  private final String classes;
  private final StringBuilder head = new StringBuilder();
  private final StringBuilder body = new StringBuilder();
  private final List<List<String>> lines = new ArrayList<>();

  /**
   * @param classes of the style sheet, for the table
   */
  public Grid(String classes) {
    this.classes = classes;
  }

  /** The columns' names. */
  public Grid head(String... names) {
    return head(Stream.of(names).map(Cell::column).toList());
  }

  /** The same, each cell as it is. */
  public Grid head(List<Cell> cells) {
    add(head, "", cells);
    return this;
  }

  public Grid row(Cell... cells) {
    return row("", List.of(cells));
  }

  /**
   * @param style classes of the style sheet, for the row
   */
  public Grid row(String style, List<Cell> cells) {
    add(body, style, cells);
    return this;
  }

  private void add(StringBuilder rows, String style, List<Cell> cells) {
    List<Cell> seen = cells.stream().filter(cell -> cell.html() != null).toList();
    if (!seen.isEmpty()) {
      rows.append(style.isBlank() ? "<tr>" : "<tr class=\"" + style.strip() + "\">");
      seen.forEach(cell -> rows.append(cell.element()));
      rows.append("</tr>");
    }
    List<String> line = cells.stream().map(Cell::text).filter(text -> text != null).toList();
    if (!line.isEmpty()) {
      lines.add(line);
    }
  }

  /** The table. */
  public String html() {
    String names = head.isEmpty() ? "" : "<thead>" + head + "</thead>";
    String style = classes.isEmpty() ? "" : " class=\"" + classes + "\"";
    return "<table" + style + ">" + names + "<tbody>" + body + "</tbody></table>";
  }

  /** The table in a box that scrolls sideways where it is too wide. */
  public String scrolling() {
    return "<div class=\"gt-scroll\">" + html() + "</div>";
  }

  /**
   * Pieces of code beside each other.
   *
   * @param style classes of the style sheet
   * @param tables one for each title, in HTML
   */
  public static String sideBySide(String style, List<String> titles, List<String> tables) {
    var html = new StringBuilder("<div class=\"" + ("gt-sides " + style).strip() + "\">");
    for (int i = 0; i < titles.size(); i++) {
      html.append("<div><div class=\"gt-head\"><b>").append(Html.escape(titles.get(i)));
      html.append("</b></div>").append(tables.get(i)).append("</div>");
    }
    return html.append("</div>").toString();
  }

  /** Its rows in aligned columns; a row of one cell runs on freely. */
  public String text() {
    return Pictures.columns(lines);
  }

  /** The same as text, not yet aligned. */
  public List<List<String>> lines() {
    return List.copyOf(lines);
  }
}
