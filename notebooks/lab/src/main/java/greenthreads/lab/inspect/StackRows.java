package greenthreads.lab.inspect;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/** Which words of a stack, at one moment or two, are shown, and which are folded into one row. */
final class StackRows {
  /** So many words in a row that hold the same are folded. */
  private static final int ALIKE = 5;

  /** Of a stack at two moments, so many words that did not change are folded. */
  private static final int UNCHANGED = 3;

  /** A stack of so many words is shown whole: what did not change is part of what one looks at. */
  private static final int SMALL = 12;

  /** More rows than this are shortened, wherever they are dull enough. */
  private static final int MOST_ROWS = 240;

  private static final int AROUND_SP = 20;
  private static final int AT_TOP = 120;
  private static final int AT_LOW_END = 4;

  /** What is in a row: a word, or some that are folded, and why. */
  enum Kind {
    WORD,
    ALIKE,
    UNCHANGED,
    LEFT_OUT
  }

  /**
   * A row.
   *
   * @param first the number of its first word, counted from the top
   * @param count how many words it stands for
   */
  record Row(int first, int count, Kind kind) {}

  private final List<StackView> views;
  private final StackView last;

  StackRows(List<StackView> views) {
    this.views = views;
    this.last = views.getLast();
  }

  /** Whether a word holds something else at the later moment. */
  boolean changed(int n) {
    return views.size() > 1 && views.getFirst().word(n) != last.word(n);
  }

  /** How many words have changed. */
  long changes() {
    long count = 0;
    for (int n = 0; n < last.size(); n++) {
      count += changed(n) ? 1 : 0;
    }
    return count;
  }

  /** The rows, from the top down. */
  List<Row> shown() {
    var rows = new ArrayList<Row>();
    boolean folds = views.size() > 1 && last.shown() > SMALL;
    for (int n = 0; n < last.shown(); n += rows.getLast().count()) {
      int alike = alike(n);
      int unchanged = folds ? run(n, each -> !changed(each)) : 0;
      if (alike >= ALIKE) {
        rows.add(new Row(n, alike, Kind.ALIKE));
      } else if (unchanged >= UNCHANGED) {
        rows.add(new Row(n, beforeAlike(n, unchanged), Kind.UNCHANGED));
      } else {
        rows.add(new Row(n, 1, Kind.WORD));
      }
    }
    if (last.shown() < last.size()) {
      rows.add(new Row(last.shown(), last.size() - last.shown(), Kind.LEFT_OUT));
    }
    return rows.size() <= MOST_ROWS ? rows : shortened(rows);
  }

  /** How many words from this one on belong together. */
  private int run(int first, IntPredicate belongs) {
    int end = first;
    while (end < last.shown() && belongs.test(end) && !special(end)) {
      end++;
    }
    return end - first;
  }

  private int alike(int first) {
    return run(first, n -> views.stream().allMatch(view -> view.word(n) == view.word(first)));
  }

  /** How many of unchanged words come before a run that is folded with its value. */
  private int beforeAlike(int first, int count) {
    for (int n = first; n < first + count; ) {
      int alike = alike(n);
      if (alike >= ALIKE) {
        return n - first;
      }
      n += Math.max(1, alike);
    }
    return count;
  }

  /** A word with a name, or beside a stack pointer. */
  private boolean special(int n) {
    return !last.nameOf(n).isEmpty() || isNearSp(n, 1);
  }

  private boolean isNearSp(int n, int words) {
    return views.stream()
        .anyMatch(view ->
            view.holdsSp() && Math.abs(view.address(n) - view.sp().getAsLong()) <= 8L * words);
  }

  /** Keeps the top, what lies around the stack pointer, and the lowest words. */
  private List<Row> shortened(List<Row> rows) {
    var kept = new ArrayList<Row>();
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      if (i < AT_TOP
          || i >= rows.size() - AT_LOW_END
          || row.kind() == Kind.WORD && isNearSp(row.first(), AROUND_SP)) {
        kept.add(row);
      } else if (kept.getLast().kind() == Kind.LEFT_OUT) {
        Row before = kept.removeLast();
        kept.add(new Row(before.first(), before.count() + row.count(), Kind.LEFT_OUT));
      } else {
        kept.add(new Row(row.first(), row.count(), Kind.LEFT_OUT));
      }
    }
    return kept;
  }
}
