package greenthreads.lab.show;

import greenthreads.lab.show.Grid.Cell;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** The table of a cell, in the front end's own looks: it needs no style sheet. */
final class Table {
  private static final Pattern NUMBER =
      Pattern.compile("[-+]?[\\d,]*\\.?\\d+,?\\d*( ?[%a-zA-Z/]{1,8})?");

  private Table() {}

  static Figure figure(String caption, List<String> head, List<? extends List<?>> rows) {
    List<List<String>> cells = rows.stream().map(row -> strings(head, row)).toList();
    int[] widths =
        IntStream.range(0, head.size())
            .map(column -> cells.stream().mapToInt(row -> row.get(column).length()).max().orElse(0))
            .toArray();
    var grid = new Grid("");
    grid.head(head.stream().map(name -> cell("th", " scope=\"col\"", name, 0)).toList());
    for (List<String> row : cells) {
      grid.row(
          "",
          IntStream.range(0, head.size())
              .mapToObj(i -> cell("td", "", row.get(i), Math.max(widths[i], head.get(i).length())))
              .toList());
    }
    String text = caption.isEmpty() ? grid.text() : caption + "\n\n" + grid.text();
    return new Figure(grid.html(), caption, caption, text);
  }

  private static List<String> strings(List<String> head, List<?> row) {
    if (row.size() != head.size()) {
      throw new IllegalArgumentException(
          "a row of %d cells in a table of %d columns: %s".formatted(row.size(), head.size(), row));
    }
    return row.stream().map(String::valueOf).toList();
  }

  /** Numbers stand on the right. */
  private static Cell cell(String tag, String attributes, String text, int width) {
    boolean isNumber = NUMBER.matcher(text).matches() && tag.equals("td");
    return new Cell(
        isNumber ? " ".repeat(Math.max(0, width - text.length())) + text : text,
        Html.sentence(text).replace("\n", "<br>"),
        tag,
        "%s style=\"text-align:%s\"".formatted(attributes, isNumber ? "right" : "left"));
  }
}
