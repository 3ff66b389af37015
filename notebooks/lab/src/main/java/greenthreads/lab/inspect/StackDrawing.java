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
  /** More words than this are folded, wherever they are dull enough. */
  private static final int MOST_ROWS = 240;

  private static final int ALIKE = 5;

  /** Of a stack at two moments, so many words that did not change are folded. */
  private static final int UNCHANGED = 3;

  /** A stack of so many words is shown whole: what did not change is part of what one looks at. */
  private static final int SMALL = 12;

  private static final int AROUND_SP = 20;
  private static final int AT_TOP = 120;

  /** A row: one word, or many that are folded. */
  private sealed interface Row {
    record Word(int n) implements Row {}

    record Fold(int from, int count, Why why) implements Row {}
  }

  private enum Why {
    ALIKE,
    UNCHANGED,
    LEFT_OUT
  }

  private final List<StackView> views;
  private final List<String> titles;
  private final StackView last;
  private final Abi abi = Abi.here();

  private StackDrawing(List<StackView> views, List<String> titles) {
    this.views = views;
    this.titles = titles;
    this.last = views.getLast();
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
                    ? ", before and after: %s changed".formatted(Pictures.count(changes(), "word"))
                    : "");
    Grid grid = grid(rows());
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

  private long changes() {
    long count = 0;
    for (int n = 0; n < last.size(); n++) {
      count += changed(n) ? 1 : 0;
    }
    return count;
  }

  private boolean changed(int n) {
    return views.size() > 1 && views.getFirst().word(n) != last.word(n);
  }

  // ----- which words are shown -----------------------------------------------------------------

  private boolean special(int n) {
    if (!last.nameOf(n).isEmpty()) {
      return true;
    }
    for (StackView view : views) {
      if (view.holdsSp() && Math.abs(view.address(n) - view.sp().getAsLong()) <= 8) {
        return true;
      }
    }
    return false;
  }

  private boolean alike(int a, int b) {
    for (int i = 0; i < views.size(); i++) {
      if (views.get(i).word(a) != views.get(i).word(b)) {
        return false;
      }
    }
    return true;
  }

  private List<Row> rows() {
    var rows = new ArrayList<Row>();
    boolean folds = views.size() > 1 && last.shown() > SMALL;
    for (int n = 0; n < last.shown(); ) {
      int end = n;
      while (end < last.shown() && alike(n, end) && !special(end)) {
        end++;
      }
      int same = n;
      while (folds && same < last.shown() && !changed(same) && !special(same)) {
        same++;
      }
      if (end - n >= ALIKE) {
        rows.add(new Row.Fold(n, end - n, Why.ALIKE));
        n = end;
      } else if (same - n >= UNCHANGED) {
        int stop = firstRun(n, same);
        rows.add(new Row.Fold(n, stop - n, Why.UNCHANGED));
        n = stop;
      } else {
        rows.add(new Row.Word(n++));
      }
    }
    if (last.shown() < last.size()) {
      rows.add(new Row.Fold(last.shown(), last.size() - last.shown(), Why.LEFT_OUT));
    }
    return rows.size() <= MOST_ROWS ? rows : shortened(rows);
  }

  /** Where, among unchanged words, a run begins that is folded with its value; else their end. */
  private int firstRun(int from, int end) {
    for (int n = from; n < end; ) {
      int run = n;
      while (run < last.shown() && alike(n, run) && !special(run)) {
        run++;
      }
      if (run - n >= ALIKE) {
        return n;
      }
      n = Math.max(run, n + 1);
    }
    return end;
  }

  /** Keeps the top, what lies around the stack pointer, and the lowest words. */
  private List<Row> shortened(List<Row> rows) {
    boolean[] keep = new boolean[rows.size()];
    for (int i = 0; i < rows.size(); i++) {
      keep[i] = i < AT_TOP || i >= rows.size() - 4;
      if (rows.get(i) instanceof Row.Word word) {
        for (StackView view : views) {
          keep[i] |=
              view.holdsSp()
                  && Math.abs(view.address(word.n()) - view.sp().getAsLong()) <= 8L * AROUND_SP;
        }
      }
    }
    var kept = new ArrayList<Row>();
    for (int i = 0; i < rows.size(); i++) {
      if (keep[i]) {
        kept.add(rows.get(i));
        continue;
      }
      int from = first(rows.get(i));
      while (i + 1 < rows.size() && !keep[i + 1]) {
        i++;
      }
      int to = i + 1 < rows.size() ? first(rows.get(i + 1)) : last.size();
      kept.add(new Row.Fold(from, to - from, Why.LEFT_OUT));
    }
    return kept;
  }

  private static int first(Row row) {
    return switch (row) {
      case Row.Word word -> word.n();
      case Row.Fold fold -> fold.from();
    };
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

  private String foldText(Row.Fold fold) {
    int n = fold.from();
    String size =
        "%s, %s"
            .formatted(
                Pictures.count(fold.count(), "word"), Pictures.count(8L * fold.count(), "byte"));
    if (fold.why() == Why.LEFT_OUT) {
      return size + ": not drawn";
    }
    if (fold.why() == Why.UNCHANGED) {
      return size + ": unchanged";
    }
    if (views.size() == 1) {
      return "%s, each %s: %s".formatted(size, Pictures.hex(last.word(n)), last.meaning(n).text());
    }
    long old = views.getFirst().word(n);
    return old == last.word(n)
        ? "%s, each %s, the same: %s".formatted(size, Pictures.hex(old), last.meaning(n).text())
        : "%s, each %s, then %s".formatted(size, Pictures.hex(old), Pictures.hex(last.word(n)));
  }

  // ----- the table -----------------------------------------------------------------------------

  private Grid grid(List<Row> rows) {
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
    for (Row row : rows) {
      if (!drawn && 8L * first(row) >= last.used()) {
        grid.row("gt-water", List.of(highWater().over(columns)));
        drawn = true;
      }
      switch (row) {
        case Row.Word word -> grid.row(rowStyle(word.n()), cells(word.n()));
        case Row.Fold fold -> {
          String text = foldText(fold);
          Cell dots = Cell.onlyHtml("⋮");
          grid.row(
              "gt-fold", List.of(dots, Cell.of("⋮ " + text, Html.escape(text)).over(columns - 1)));
        }
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
      boolean marked = view == last && changed(n);
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
