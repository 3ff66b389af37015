package greenthreads.lab.show;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Rows and columns, as HTML and as aligned text. */
final class Table {
  private static final Pattern NUMBER =
      Pattern.compile("[-+]?[\\d,]*\\.?\\d+,?\\d*( ?[%a-zA-Z/]{1,8})?");

  private Table() {}

  static Figure figure(String caption, List<String> head, List<? extends List<?>> rows) {
    List<List<String>> cells = rows.stream().map(row -> strings(head, row)).toList();
    return new Figure(html(head, cells), caption, caption, text(caption, head, cells));
  }

  private static List<String> strings(List<String> head, List<?> row) {
    if (row.size() != head.size()) {
      throw new IllegalArgumentException(
          "a row of %d cells in a table of %d columns: %s".formatted(row.size(), head.size(), row));
    }
    return row.stream().map(String::valueOf).toList();
  }

  private static String html(List<String> head, List<List<String>> rows) {
    var html = new StringBuilder("<table><thead><tr>");
    for (String name : head) {
      html.append("<th scope=\"col\" style=\"text-align:left\">")
          .append(Html.sentence(name))
          .append("</th>");
    }
    html.append("</tr></thead><tbody>");
    for (List<String> row : rows) {
      html.append("<tr>");
      for (String cell : row) {
        String side = isNumber(cell) ? "right" : "left";
        html.append("<td style=\"text-align:").append(side).append("\">");
        html.append(Html.sentence(cell).replace("\n", "<br>")).append("</td>");
      }
      html.append("</tr>");
    }
    return html.append("</tbody></table>").toString();
  }

  static String text(String caption, List<String> head, List<List<String>> rows) {
    var all = new ArrayList<List<String>>();
    all.add(head);
    all.addAll(rows);
    int[] widths =
        IntStream.range(0, head.size())
            .map(column -> all.stream().mapToInt(row -> row.get(column).length()).max().orElse(0))
            .toArray();
    String lines = all.stream().map(row -> line(row, widths)).collect(Collectors.joining("\n"));
    return caption.isEmpty() ? lines : caption + "\n\n" + lines;
  }

  private static String line(List<String> row, int[] widths) {
    var line = new StringBuilder();
    for (int column = 0; column < row.size(); column++) {
      String cell = row.get(column);
      String padding = " ".repeat(widths[column] - cell.length());
      line.append(isNumber(cell) ? padding + cell : cell + padding).append("  ");
    }
    return line.toString().stripTrailing();
  }

  private static boolean isNumber(String cell) {
    return NUMBER.matcher(cell).matches();
  }
}
