package greenthreads.lab.cross;

import greenthreads.lab.base.LabException;
import greenthreads.lab.bind.Project;
import greenthreads.lab.compile.Toolchain;
import greenthreads.lab.machine.Target;
import greenthreads.lab.show.Figure;
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
import java.util.function.Supplier;
import java.util.regex.Pattern;
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

  /** The same as a list. */
  public List<TargetMachine> all() {
    return all;
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
    List<List<String[]>> columns = layouts.stream().map(each -> members(each.struct())).toList();
    int rows = columns.stream().mapToInt(List::size).max().orElse(0);

    var html = new StringBuilder("<div class=\"gt-scroll\"><table><thead><tr>");
    for (TargetMachine each : machines) {
      html.append("<th colspan=\"3\" scope=\"colgroup\"%s>".formatted(mark(each)));
      html.append(Html.escape(each.markedTitle())).append("</th>");
    }
    html.append("</tr></thead><tbody>");
    for (int row = 0; row < rows; row++) {
      html.append("<tr>");
      for (int i = 0; i < machines.size(); i++) {
        String[] cells =
            row < columns.get(i).size() ? columns.get(i).get(row) : new String[] {"", "", ""};
        for (String cell : cells) {
          html.append("<td%s><code>".formatted(mark(machines.get(i))));
          html.append(Html.escape(cell)).append("</code></td>");
        }
      }
      html.append("</tr>");
    }
    html.append("<tr>");
    for (int i = 0; i < machines.size(); i++) {
      html.append("<td colspan=\"3\"%s>".formatted(mark(machines.get(i))));
      html.append(Html.escape(size(layouts.get(i)))).append("</td>");
    }
    html.append("</tr><tr>");
    for (int i = 0; i < machines.size(); i++) {
      html.append("<td colspan=\"3\"%s>".formatted(mark(machines.get(i))));
      html.append(Html.escape("says " + layouts.get(i).source())).append("</td>");
    }
    html.append("</tr></tbody></table></div>");

    var text = new StringBuilder();
    for (int i = 0; i < machines.size(); i++) {
      text.append(i == 0 ? "" : "\n\n").append(machines.get(i).markedTitle());
      text.append(": ");
      text.append(size(layouts.get(i))).append("; says ").append(layouts.get(i).source());
      var lines = new ArrayList<List<String>>();
      columns.get(i).forEach(cells -> lines.add(List.of("  " + cells[0], cells[1], cells[2])));
      text.append('\n').append(Pictures.columns(lines));
    }
    String alt =
        "struct %s on %d machines: offset, member and bits.".formatted(struct, machines.size());
    return new Figure(
        Pictures.wrap(html.toString()),
        alt,
        "struct %s: offset, member, bits".formatted(struct),
        alt + "\n\n" + text);
  }

  private static String mark(TargetMachine each) {
    return each.isHere() ? " style=\"background:var(--gt-mark)\"" : "";
  }

  private static String size(TargetMachine.Layout layout) {
    return "%d bytes, aligned to %d"
        .formatted(layout.struct().byteSize(), layout.struct().byteAlignment());
  }

  /** Offset, name and bits of each member. */
  private static List<String[]> members(StructLayout struct) {
    var members = new ArrayList<String[]>();
    long offset = 0;
    for (MemoryLayout member : struct.memberLayouts()) {
      if (member.name().isPresent()) {
        members.add(
            new String[] {
              "0x%02x".formatted(offset), member.name().get(), "" + 8 * member.byteSize()
            });
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

    var html =
        new StringBuilder("<div class=\"gt-sides\" style=\"flex-wrap:nowrap;overflow-x:auto\">");
    var text = new StringBuilder();
    for (int i = 0; i < machines.size(); i++) {
      String title = machines.get(i).markedTitle();
      html.append("<div><div class=\"gt-head\"><b>").append(Html.escape(title));
      html.append("</b></div><table>");
      text.append(i == 0 ? "" : "\n\n").append(title).append('\n');
      int before = turns.get(i) < 0 ? 0 : level - turns.get(i);
      html.append("<tr><td></td></tr>".repeat(before));
      int number = 0;
      for (String line : codes.get(i)) {
        boolean isTurn = number++ == turns.get(i);
        html.append(isTurn ? "<tr class=\"gt-tint-1\">" : "<tr>").append("<td><code>");
        html.append(Html.escape(line)).append("</code></td></tr>");
        text.append(isTurn ? "→ " : "  ").append(line).append('\n');
      }
      html.append("</table></div>");
    }
    String counts =
        String.join(
            ", ",
            Stream.iterate(0, i -> i + 1)
                .limit(machines.size())
                .map(i -> machines.get(i).title() + " " + codes.get(i).size())
                .toList());
    String alt =
        "%s on %d machines. Instructions: %s.".formatted(function, machines.size(), counts);
    return new Figure(
        Pictures.wrap(html.append("</div>").toString()),
        alt,
        "Marked: from there on the other stack.",
        alt + "\n\n" + text.toString().stripTrailing());
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
