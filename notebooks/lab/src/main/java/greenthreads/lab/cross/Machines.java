package greenthreads.lab.cross;

import greenthreads.lab.base.Internal;
import greenthreads.lab.base.LabException;
import greenthreads.lab.bind.Project;
import greenthreads.lab.compile.Toolchain;
import greenthreads.lab.machine.Target;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Grid;
import greenthreads.lab.show.Grid.Cell;
import greenthreads.lab.show.Html;
import greenthreads.lab.show.Picture;
import greenthreads.lab.show.Pictures;
import greenthreads.lab.source.CMacro;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * All machines that the native files are written for, this one first.
 *
 * <p>As the last expression of a cell it shows what this machine has for each of them.
 */
public final class Machines implements Picture, Iterable<TargetMachine> {
  private final List<TargetMachine> all;

  private Machines(List<TargetMachine> all) {
    this.all = all;
  }

  /** Looks for tools anew, so that they can be installed under a running kernel. */
  @Internal
  public static Machines of(
      Project project, Supplier<Toolchain> own, Map<String, String> environment) {
    return new Machines(
        Stream.of(Target.values())
            .sorted((a, b) -> Boolean.compare(b == Target.here(), a == Target.here()))
            .map(target ->
                new TargetMachine(target, project, CrossTools.of(target, own, environment)))
            .toList());
  }

  /** The one of this title. */
  public TargetMachine get(String title) {
    Target target = Target.of(title);
    return all.stream().filter(each -> each.title().equals(target.title)).findFirst().orElseThrow();
  }

  /** This machine. */
  public TargetMachine here() {
    return all.getFirst();
  }

  @Override
  public Iterator<TargetMachine> iterator() {
    return all.iterator();
  }

  /** One for each folder in {@code native/arch/}: two systems may share one. This one is first. */
  public List<TargetMachine> different() {
    var different = new ArrayList<TargetMachine>();
    for (TargetMachine each : all) {
      if (different.stream().noneMatch(other -> other.folder().equals(each.folder()))) {
        different.add(each);
      }
    }
    return List.copyOf(different);
  }

  @Override
  public Figure figure() {
    return tools(all);
  }

  static Figure tools(List<TargetMachine> machines) {
    var rows = new ArrayList<List<String>>();
    for (TargetMachine each : machines) {
      rows.add(
          List.of(
              each.markedTitle(),
              each.canCompile() ? each.compilerName() : "–",
              each.runnerName().isEmpty() ? "–" : each.runnerName(),
              each.missing()));
    }
    Figure table =
        Figure.table(
            "What is on this machine for programs of others",
            List.of("machine", "compiled by", "run by", "what is missing"),
            rows);
    String html = table.html().replaceAll("`([^`<>]+)`", "<code>$1</code>");
    return new Figure(html, table.alt(), table.caption(), table.text());
  }

  // ----- tables of registers --------------------------------------------------------------------

  /**
   * Where the members of a struct lie on each of {@link #different()}, side by side: offset, name
   * and size of each, and who says so.
   *
   * @param struct the struct's tag, such as {@code "context"}
   */
  public Figure layouts(String struct) {
    List<TargetMachine> machines = different();
    List<TargetMachine.Layout> layouts =
        machines.stream().map(each -> each.layout(struct)).toList();
    List<List<List<String>>> columns =
        layouts.stream().map(each -> members(each.struct())).toList();
    int rows = columns.stream().mapToInt(List::size).max().orElse(0);

    // One beside the other for the eye, one below the other in the text.
    var table = new Grid("");
    table.head(each(machines, i -> wide("th", machines.get(i).markedTitle())));
    for (int row = 0; row < rows; row++) {
      int member = row;
      table.row(
          "",
          each(
              machines,
              i ->
                  (member < columns.get(i).size()
                          ? columns.get(i).get(member)
                          : List.of("", "", ""))
                      .stream()
                          .map(text -> Cell.onlyHtml("<code>" + Html.escape(text) + "</code>"))));
    }
    table.row("", each(machines, i -> wide("td", size(layouts.get(i)))));
    table.row("", each(machines, i -> wide("td", "says " + layouts.get(i).source())));

    var text = new ArrayList<String>();
    for (int i = 0; i < machines.size(); i++) {
      TargetMachine.Layout layout = layouts.get(i);
      text.add(
          "%s: %s; says %s\n"
                  .formatted(machines.get(i).markedTitle(), size(layout), layout.source())
              + Pictures.columns(columns.get(i).stream().map(Machines::indented).toList()));
    }
    String alt =
        "struct %s on %d machines: offset, member and bits.".formatted(struct, machines.size());
    return new Figure(
        Pictures.wrap(table.scrolling()),
        alt,
        "struct %s: offset, member, bits".formatted(struct),
        alt + "\n\n" + String.join("\n\n", text));
  }

  /** Cells for each machine; those of the reader's own are marked. */
  private static List<Cell> each(List<TargetMachine> machines, IntFunction<Stream<Cell>> cells) {
    return IntStream.range(0, machines.size())
        .boxed()
        .flatMap(i ->
            cells.apply(i).map(cell -> cell.styled(machines.get(i).isHere() ? "gt-yours" : "")))
        .toList();
  }

  private static Stream<Cell> wide(String tag, String text) {
    String scope = tag.equals("th") ? " scope=\"colgroup\"" : "";
    return Stream.of(new Cell(null, Html.escape(text), tag, scope).over(3));
  }

  private static List<String> indented(List<String> cells) {
    return List.of("  " + cells.get(0), cells.get(1), cells.get(2));
  }

  private static String size(TargetMachine.Layout layout) {
    return "%d bytes, aligned to %d"
        .formatted(layout.struct().byteSize(), layout.struct().byteAlignment());
  }

  /** Offset, name and bits of each member. */
  private static List<List<String>> members(StructLayout struct) {
    var members = new ArrayList<List<String>>();
    long offset = 0;
    for (MemoryLayout member : struct.memberLayouts()) {
      if (member.name().isPresent()) {
        members.add(
            List.of("0x%02x".formatted(offset), member.name().get(), "" + 8 * member.byteSize()));
      }
      offset += member.byteSize();
    }
    return members;
  }

  // ----- code side by side ----------------------------------------------------------------------

  /** From here on the other stack: what a switch does to the stack pointer, wherever it is. */
  private static final Pattern NEW_STACK =
      Pattern.compile("(mov +(rsp|sp), .*|ld +sp, .*\\(a1\\))");

  /**
   * One function in assembly on each of {@link #different()}, instruction by instruction as the
   * assembler gets it. Where it changes the stack, the columns are level.
   *
   * @param name the chapter's file without {@code .c}
   * @param function the function's name
   */
  public Figure sideBySide(String name, String function) {
    List<TargetMachine> machines = different();
    List<List<String>> codes =
        machines.stream().map(each -> instructions(each, name, function)).toList();
    List<Integer> turns = codes.stream().map(Machines::turn).toList();
    int level = turns.stream().max(Integer::compare).orElse(0);

    var tables = new ArrayList<String>();
    var text = new ArrayList<String>();
    var counts = new ArrayList<String>();
    for (int i = 0; i < machines.size(); i++) {
      var code = new Grid("");
      int turn = turns.get(i);
      for (int missing = turn < 0 ? 0 : level - turn; missing > 0; missing--) {
        code.row(Cell.onlyHtml(""));
      }
      for (int n = 0; n < codes.get(i).size(); n++) {
        String line = codes.get(i).get(n);
        String html = "<code>" + Html.escape(line) + "</code>";
        Cell cell = Cell.of((n == turn ? "→ " : "  ") + line, html);
        code.row(n == turn ? "gt-tint-1" : "", List.of(cell));
      }
      tables.add(code.html());
      text.add(machines.get(i).markedTitle() + "\n" + code.text());
      counts.add(machines.get(i).title() + " " + codes.get(i).size());
    }
    String alt =
        "%s on %d machines. Instructions: %s."
            .formatted(function, machines.size(), String.join(", ", counts));
    List<String> titles = machines.stream().map(TargetMachine::markedTitle).toList();
    return new Figure(
        Pictures.wrap(Grid.sideBySide("gt-level", titles, tables)),
        alt,
        "Marked: from there on the other stack.",
        alt + "\n\n" + String.join("\n\n", text));
  }

  private static final Pattern OFFSET =
      Pattern.compile(
          "\\((?:0x[0-9a-f]+|[0-9 *+-]|\\([0-9 +-]*\\))+\\)|0x[0-9a-f]+ \\+ 8 \\* \\(\\d+\\)");

  /** An offset as the assembler computes it, in place of its formula. */
  private static String computed(String line) {
    return OFFSET
        .matcher(line)
        .replaceAll(found -> "0x%02x".formatted(CMacro.evaluate(found.group(), Map.of())));
  }

  private static int turn(List<String> code) {
    for (int i = 0; i < code.size(); i++) {
      if (NEW_STACK.matcher(code.get(i)).matches()) {
        return i;
      }
    }
    return -1;
  }

  /** What stands behind a function's last instruction, and is for the assembler. */
  private static final Pattern AFTERWARDS = Pattern.compile("\\.(ifdef|popsection)\\b");

  /** A function's instructions in the plain edition of a file, which has all macros expanded. */
  private static List<String> instructions(TargetMachine machine, String name, String function) {
    String plain = machine.plain(name);
    var lines = new ArrayList<String>();
    boolean inside = false;
    for (String line : plain.lines().map(String::strip).toList()) {
      String code = line.replaceFirst("^\"\\s*", "").replaceFirst("\\\\n\"$", "");
      if (code.equals(function + ":") || code.equals("_" + function + ":")) {
        inside = true;
      } else if (inside && (line.startsWith(")") || code.startsWith(".size"))) {
        break;
      } else if (inside && !AFTERWARDS.matcher(code).lookingAt()) {
        lines.add(computed(code.replaceAll("\\s+", " ").strip()));
      }
    }
    if (lines.isEmpty()) {
      throw new LabException(name + ".c has no function `" + function + "` in assembly.");
    }
    return lines;
  }
}
