package greenthreads.lab.show;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Workspace;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A picture or a table: HTML for the eye, and the same in words.
 *
 * @param html the body of the figure, already escaped; no scripts are needed to read it
 * @param alt one sentence saying what the figure shows, as plain text
 * @param caption the line under the figure, as plain text; may be empty
 * @param text the text twin: the same facts as plain text
 */
public record Figure(String html, String alt, String caption, String text) implements Shown {
  /**
   * A table.
   *
   * @param caption one sentence saying what the table shows
   * @param head the columns' names
   * @param rows the cells, each row as long as {@code head}; numbers are set to the right
   * @throws IllegalArgumentException if a row has another number of cells than the head
   */
  public static Figure table(String caption, List<String> head, List<? extends List<?>> rows) {
    return Table.figure(caption, head, rows);
  }

  /**
   * The table of a benchmark: as {@code ./build.sh bench} measured it on this machine, else as it
   * was recorded on another one; the caption says which. For example {@code
   * Figure.benchmark("recorded.txt", "medians", List.of("what", "who", "ns", "beside the first"))}.
   *
   * @param name of the file that the benchmark writes into {@code bench} of the build folder
   * @param what the rest of the caption
   * @param head the columns' names
   * @throws LabException if the file cannot be read, or has rows of another length
   */
  public static Figure benchmark(String name, String what, List<String> head) {
    return Benchmark.figure(Workspace.find(), name, what, head);
  }

  @Override
  public Map<String, Object> representations() {
    var all = new LinkedHashMap<String, Object>();
    all.put("text/html", figure());
    all.put("text/plain", text);
    return all;
  }

  private String figure() {
    String label = Html.escape(alt.replace("`", ""));
    String line =
        caption.isEmpty() ? "" : "<figcaption>" + Html.sentence(caption) + "</figcaption>";
    return "<figure class=\"green-threads\" role=\"group\" aria-label=\"%s\" style=\"margin:0\">"
            .formatted(label)
        + html
        + line
        + "</figure>";
  }

  @Override
  public String toString() {
    return text;
  }
}
