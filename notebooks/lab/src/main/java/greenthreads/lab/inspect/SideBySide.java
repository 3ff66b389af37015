package greenthreads.lab.inspect;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.bind.Project;
import greenthreads.lab.compile.Assembly;
import greenthreads.lab.compile.Compiler;
import greenthreads.lab.compile.Toolchain;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Grid;
import greenthreads.lab.show.Grid.Cell;
import greenthreads.lab.show.Pictures;
import greenthreads.lab.source.NativeSource;
import greenthreads.lab.source.SourceFile;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A function's source beside what compilers make of it, the lines that belong together marked with
 * the same number.
 */
public final class SideBySide {
  /** Tints take turns; the numbers tell them apart. */
  private static final int TINTS = 6;

  /** What one compiler made of it. */
  private record Version(String title, List<Assembly.Line> lines) {}

  private final String function;
  private final SourceFile.Item item;
  private final List<Version> versions;

  private SideBySide(String function, SourceFile.Item item, List<Version> versions) {
    this.function = function;
    this.item = item;
    this.versions = versions;
  }

  /**
   * @param levels the options for each version, with spaces between; a first word that is no option
   *     is another compiler
   * @throws LabException if there is no such function, or a compiler makes none of it
   */
  public static Figure figure(Project project, String name, String function, List<String> levels) {
    var versions = new ArrayList<Version>();
    SourceFile.Item item = null;
    for (String level : levels.isEmpty() ? List.of("-O0", "-O2") : levels) {
      var words = new ArrayList<>(List.of(level.strip().split("\\s+")));
      Compiler compiler = project.compiler();
      boolean isCross = level.contains("--target=");
      if (!words.getFirst().startsWith("-")) {
        var environment = new LinkedHashMap<>(System.getenv());
        environment.put("CC", words.removeFirst());
        compiler = new Compiler(Toolchain.find(environment), project.workspace());
        isCross |= compiler.toolchain().executable().toString().contains("-linux-gnu");
      }
      Project.CompilerInput input = project.find(name, words);
      item = item == null ? item(input.source(), function) : item;
      versions.add(version(compiler, input, function, isCross, String.join(" ", words)));
    }
    return new SideBySide(function, item, versions).figure();
  }

  private static Version version(
      Compiler compiler,
      Project.CompilerInput input,
      String function,
      boolean isCross,
      String level) {
    var words = new ArrayList<>(List.of("-O2", "-g1", "-fno-asynchronous-unwind-tables"));
    if (Platform.IS_X86_64 && !isCross) {
      words.add("-masm=intel");
    }
    words.addAll(isCross ? List.of("-fno-stack-protector") : compiler.plain());
    words.addAll(input.options());
    List<Assembly.Line> lines = Assembly.lines(compiler.assembly(input.source(), words), function);
    if (lines.isEmpty()) {
      throw new LabException(
          "%s: at %s the compiler made no function `%s` of its own.\n"
                  .formatted(input.source().title(), level, function)
              + "It may be missing from the source, or static and built into its callers.");
    }
    return new Version("%s, %s".formatted(level, compiler.toolchain().version()), lines);
  }

  private static SourceFile.Item item(NativeSource source, String function) {
    for (Map.Entry<String, byte[]> file : ordered(source).entrySet()) {
      var parsed =
          SourceFile.parse(file.getKey(), new String(file.getValue(), StandardCharsets.UTF_8));
      var found = parsed.item(function).filter(item -> item.lastLine() > item.firstLine());
      if (found.isPresent()) {
        return found.get();
      }
    }
    throw new LabException("%s has no function `%s` to show.".formatted(source.title(), function));
  }

  /** The reader's own file before those that it starts from. */
  private static Map<String, byte[]> ordered(NativeSource source) {
    var files = new LinkedHashMap<String, byte[]>();
    for (String own : List.of(source.name() + ".c", source.unit())) {
      if (source.included().containsKey(own)) {
        files.put(own, source.included().get(own));
      }
    }
    source.included().forEach(files::putIfAbsent);
    return files;
  }

  // ----- the picture ---------------------------------------------------------------------------

  private String file() {
    String file = item.file();
    return file.substring(file.lastIndexOf('/') + 1);
  }

  /** The lines of the source that some instruction comes from. */
  private int mark(Assembly.Line line) {
    boolean here =
        line.line() >= item.firstLine()
            && line.line() <= item.lastLine()
            && line.file().equals(file());
    return here ? line.line() : 0;
  }

  private boolean marked(int line) {
    return versions.stream()
        .anyMatch(version -> version.lines().stream().anyMatch(each -> mark(each) == line));
  }

  private Figure figure() {
    var titles = new ArrayList<>(List.of(item.file()));
    var grids = new ArrayList<>(List.of(source()));
    var counts = new ArrayList<String>();
    for (Version version : versions) {
      var code = new Grid("");
      version.lines().forEach(line -> row(code, mark(line), line.text()));
      titles.add(version.title());
      grids.add(code);
      long instructions =
          version.lines().stream().filter(line -> line.text().startsWith(" ")).count();
      counts.add("%s: %s".formatted(version.title(), Pictures.count(instructions, "instruction")));
    }
    var lines = new ArrayList<List<String>>();
    for (int i = 0; i < grids.size(); i++) {
      lines.addAll(i == 0 ? List.of() : List.of(List.of("")));
      lines.add(List.of(titles.get(i)));
      lines.addAll(grids.get(i).lines());
    }
    String alt = "%s in C and as machine code. %s.".formatted(function, String.join("; ", counts));
    String caption =
        "The same number: the instruction comes from that line of %s.".formatted(file());
    return new Figure(
        Pictures.wrap(Grid.sideBySide("", titles, grids.stream().map(Grid::scrolling).toList())),
        alt,
        caption,
        alt + "\n\n" + Pictures.columns(lines));
  }

  private Grid source() {
    var source = new Grid("");
    int number = item.firstLine();
    for (String line : item.text().stripTrailing().lines().toList()) {
      row(source, marked(number) ? number : 0, line);
      number++;
    }
    return source;
  }

  private static void row(Grid grid, int mark, String text) {
    String number = mark == 0 ? "" : Integer.toString(mark);
    grid.row(
        mark == 0 ? "" : "gt-tint-" + mark % TINTS,
        List.of(Cell.of(number).styled("gt-line"), Cell.code(text)));
  }
}
