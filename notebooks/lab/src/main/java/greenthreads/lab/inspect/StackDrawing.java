package greenthreads.lab.inspect;

import greenthreads.lab.machine.Abi;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Grid;
import greenthreads.lab.show.Grid.Cell;
import greenthreads.lab.show.Html;
import greenthreads.lab.show.Pictures;
import java.util.ArrayList;
import java.util.List;

/** Draws one stack, or one stack at two moments. */
final class StackDrawing {
  private final List<StackView> views;
  private final List<String> titles;
  private final StackView last;
  private final StackRows rows;
  private final Abi abi = Abi.here();

  private StackDrawing(List<StackView> views, List<String> titles) {
    this.views = views;
    this.titles = titles;
    this.last = views.getLast();
    this.rows = new StackRows(views);
  }

  static Figure figure(List<StackView> views, List<String> titles) {
    return new StackDrawing(views, titles).figure();
  }

  private Figure figure() {
    String alt =
        "A stack of %s, high addresses on top%s."
            .formatted(
                Pictures.count(8L * last.size(), "byte"),
                views.size() > 1
                    ? ", before and after: %s changed"
                        .formatted(Pictures.count(rows.changes(), "word"))
                    : "");
    Grid grid = grid();
    String html =
        "<div class=\"gt-scroll gt-stackscroll\">%s</div><div class=\"gt-note\">%s</div>"
            .formatted(grid.html(), "A stack grows downwards. Click a value to see its bytes.");
    return new Figure(
        Pictures.wrap(html),
        alt,
        caption(),
        alt + " " + caption() + "\n= is a multiple of 16; * has changed.\n\n" + grid.text());
  }

  private String caption() {
    var words = new ArrayList<String>();
    words.add(
        (last.title().isEmpty() ? "One line is a word of 8 bytes; s" : last.title() + ". S")
            + "olid lines are multiples of 16");
    long used = last.used();
    words.add(
        used == 0
            ? "nothing on it was ever written"
            : "high-water mark: %s used".formatted(Pictures.count(used, "byte")));
    String away = away();
    if (!away.isEmpty()) {
      words.add(away);
    }
    return String.join("; ", words) + ".";
  }

  /** Where the stack pointer is, if it is on another stack. */
  private String away() {
    for (int i = 0; i < views.size(); i++) {
      StackView view = views.get(i);
      if (view.sp().isPresent() && !view.holdsSp()) {
        String when = titles.get(i).isEmpty() ? "" : " " + titles.get(i);
        return abi.sp() + " is on another stack" + when;
      }
    }
    return "";
  }

  // ----- words about a word --------------------------------------------------------------------

  private static String offset(int n) {
    return "top − " + 8L * (n + 1);
  }

  /** What a word is, in the words of the last moment. */
  private String what(int n) {
    String name = last.nameOf(n);
    String meaning = last.meaning(n).text();
    String zone = zone(last, n);
    String text = name.isEmpty() ? meaning : name + ": " + meaning;
    return zone.isEmpty() || last.meaning(n).kind() == WordMeanings.Kind.PAINT
        ? text
        : text + " (" + zone + ")";
  }

  /** Whether a word lies below the stack pointer. */
  private static String zone(StackView view, int n) {
    if (!view.holdsSp() || view.address(n) >= view.sp().getAsLong()) {
      return "";
    }
    return view.sp().getAsLong() - view.address(n) <= view.redZone() ? "red zone" : "left over";
  }

  private static boolean isSp(StackView view, long address) {
    return view.holdsSp() && view.sp().getAsLong() == address;
  }

  private String foldText(StackRows.Row row) {
    long word = last.word(row.first());
    String what = last.meaning(row.first()).text();
    long old = views.getFirst().word(row.first());
    String said =
        switch (row.kind()) {
          case LEFT_OUT -> ": not drawn";
          case UNCHANGED -> ": unchanged";
          case WORD, ALIKE -> {
            String each = ", each " + Pictures.hex(old);
            if (views.size() == 1) {
              yield each + ": " + what;
            }
            yield each + (old == word ? ", the same: " + what : ", then " + Pictures.hex(word));
          }
        };
    return "%s, %s%s"
        .formatted(
            Pictures.count(row.count(), "word"), Pictures.count(8L * row.count(), "byte"), said);
  }

  // ----- the table -----------------------------------------------------------------------------

  private Grid grid() {
    var grid = new Grid("gt-stack");
    int columns = 2 + 2 * views.size();
    var head = new ArrayList<>(List.of(Cell.column("address")));
    for (String title : titles) {
      head.add(Cell.column(""));
      head.add(Cell.column(title.isEmpty() ? "value" : title));
    }
    if (views.size() == 1) {
      head.add(Cell.onlyText("in memory"));
    }
    head.add(Cell.column("what it is"));
    grid.head(head);

    var top = new ArrayList<>(List.of(Cell.onlyHtml("top")));
    for (StackView view : views) {
      top.add(Cell.onlyHtml(isSp(view, view.top()) ? arrow() : ""));
      top.add(Cell.onlyHtml(""));
    }
    top.add(Cell.onlyHtml("0x%x".formatted(last.top())));
    grid.row("gt-edge", top);
    // Nothing was written, or the mark may lie among words that are not drawn.
    boolean drawn = last.used() == 0 || last.shown() < last.size();
    for (StackRows.Row row : rows.shown()) {
      if (!drawn && 8L * row.first() >= last.used()) {
        grid.row("gt-water", List.of(highWater().over(columns)));
        drawn = true;
      }
      if (row.kind() == StackRows.Kind.WORD) {
        grid.row(rowStyle(row.first()), cells(row.first()));
      } else {
        String text = foldText(row);
        Cell folded = Cell.of("⋮ " + text, Html.escape(text)).over(columns - 1);
        grid.row("gt-fold", List.of(Cell.onlyHtml("⋮"), folded));
      }
    }
    if (!drawn) {
      grid.row("gt-water", List.of(highWater().over(columns)));
    }
    Cell low = Cell.onlyHtml("0x%x".formatted(last.low())).over(columns - 1);
    return grid.row("gt-edge", List.of(Cell.onlyHtml("low end"), low));
  }

  private Cell highWater() {
    String used = Pictures.count(last.used(), "byte");
    return Cell.of(
        "--- high-water mark: %s used ---".formatted(used),
        "▲ used %s · never written ▼".formatted(used));
  }

  private String arrow() {
    return "<span class=\"gt-sp\"><b>" + abi.sp() + "</b> ▶</span>";
  }

  private String rowStyle(int n) {
    return last.address(n) % 16 == 0 ? "gt-word gt-16" : "gt-word";
  }

  private List<Cell> cells(int n) {
    var cells = new ArrayList<Cell>();
    cells.add(Cell.of(offset(n) + (last.address(n) % 16 == 0 ? " =" : ""), offset(n)));
    for (StackView view : views) {
      boolean here = isSp(view, view.address(n));
      cells.add(Cell.of(here ? abi.sp() + " >" : "", here ? arrow() : "").styled("gt-gutter"));
      boolean marked = view == last && rows.changed(n);
      String zone = zone(view, n);
      String mark = marked ? "* " : views.size() > 1 ? "  " : "";
      String html =
          "<details><summary>%s%s</summary><small>in memory: <code>%s</code></small></details>"
              .formatted(
                  marked ? "● " : "",
                  Pictures.hexElement(view.word(n)),
                  Pictures.bytesInMemory(view.word(n)));
      cells.add(
          Cell.of(mark + Pictures.hex(view.word(n)), html)
              .styled(
                  "gt-cell"
                      + (marked ? " gt-changed" : "")
                      + (zone.isEmpty() ? "" : zone.equals("red zone") ? " gt-red" : " gt-free")));
    }
    if (views.size() == 1) {
      cells.add(Cell.onlyText(Pictures.bytesInMemory(last.word(n))));
    }
    cells.add(Cell.of(what(n)).styled("gt-k-" + last.meaning(n).kind().style()));
    return cells;
  }
}
