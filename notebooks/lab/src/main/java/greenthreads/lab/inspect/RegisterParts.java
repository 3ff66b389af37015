package greenthreads.lab.inspect;

import greenthreads.lab.machine.Abi;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Grid;
import greenthreads.lab.show.Grid.Cell;
import greenthreads.lab.show.Pictures;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Draws a register and the names of its parts, as boxes in boxes. */
final class RegisterParts {
  private RegisterParts() {}

  /**
   * @param before what the register held
   * @param after what it holds now; the bytes that differ are marked
   */
  static Figure figure(Abi abi, String register, long before, long after) {
    List<Abi.Part> parts = abi.parts(register);
    boolean two = before != after;
    var head = new ArrayList<>(List.of(Cell.onlyText("part"), Cell.column("bits")));
    for (int i = 7; i >= 0; i--) {
      String bits = "%d … %d".formatted(8 * i + 7, 8 * i);
      head.add(new Cell(null, bits, "th", " scope=\"col\""));
    }
    head.add(Cell.onlyText(two ? "before" : "value"));
    head.add(Cell.onlyText(two ? "after" : ""));
    var grid = new Grid("gt-nest").head(head);
    if (two) {
      grid.row("", bytes("before", before, before));
    }
    grid.row("", bytes(two ? "after" : "bytes", before, after));
    for (Abi.Part part : parts) {
      grid.row("", row(part, before, after));
    }
    String names = String.join(", ", parts.stream().map(Abi.Part::name).toList());
    String alt =
        "One register, %d names: %s, each a part of the one before.".formatted(parts.size(), names);
    long changed = IntStream.range(0, 8).filter(i -> differs(before, after, i)).count();
    String caption =
        two
            ? "%s: %s changed, marked ●.".formatted(names, Pictures.count(changed, "byte"))
            : "%s: one register under %d names.".formatted(names, parts.size());
    return new Figure(
        Pictures.wrap(grid.scrolling()), alt, caption, caption + "\n\n" + grid.text());
  }

  private static boolean differs(long before, long after, int n) {
    return ((before ^ after) >>> 8 * n & 0xff) != 0;
  }

  private static List<Cell> bytes(String title, long before, long value) {
    var cells = new ArrayList<>(List.of(new Cell(null, title, "th", " scope=\"row\"")));
    for (int i = 7; i >= 0; i--) {
      String digits = "<code>%02x</code>".formatted(value >>> 8 * i & 0xff);
      cells.add(
          differs(before, value, i)
              ? Cell.onlyHtml("● " + digits).styled("gt-changed")
              : Cell.onlyHtml(digits));
    }
    return cells;
  }

  private static List<Cell> row(Abi.Part part, long before, long after) {
    var cells = new ArrayList<>(List.of(Cell.heading(part.name())));
    int high = part.low() + part.bytes();
    if (high < 8) {
      cells.add(Cell.onlyHtml("").styled("gt-none").over(8 - high));
    }
    String box = "<b>%s</b> <code>%s</code>".formatted(part.name(), part.of(after));
    cells.add(Cell.onlyHtml(box).styled("gt-part").over(part.bytes()));
    if (part.low() > 0) {
      cells.add(Cell.onlyHtml("").styled("gt-none").over(part.low()));
    }
    String indent = " ".repeat(16 - 2 * part.bytes());
    cells.add(Cell.onlyText("%d to %d".formatted(8 * high - 1, 8 * part.low())));
    cells.add(Cell.onlyText(indent + part.of(before)));
    cells.add(Cell.onlyText(before != after ? indent + part.of(after) : ""));
    return cells;
  }
}
