package greenthreads.lab.cross;

import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Program;
import greenthreads.lab.base.Words;
import greenthreads.lab.binary.DebugInfo;
import greenthreads.lab.bind.Project;
import greenthreads.lab.compile.Assembly;
import greenthreads.lab.machine.Target;
import greenthreads.lab.show.Cell;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Html;
import greenthreads.lab.show.Listing;
import greenthreads.lab.show.Picture;
import greenthreads.lab.show.Shown;
import greenthreads.lab.source.HeaderLayout;
import greenthreads.lab.source.NativeSource;
import greenthreads.lab.source.PlainListing;
import greenthreads.lab.source.Sources;
import java.io.IOException;
import java.lang.foreign.StructLayout;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One of the machines that the native files are written for: this one, or another whose programs
 * can be compiled here, and perhaps run, if the tools for it are installed.
 *
 * <p>Where they are not, nothing fails: a run and a listing are those that were recorded elsewhere,
 * and say so; a layout is read from the header.
 */
public final class TargetMachine implements Picture {
  private final Target target;
  private final Project project;
  private final CrossTools tools;
  private final CrossBuild build;

  TargetMachine(Target target, Project project, CrossTools tools) {
    this.target = target;
    this.project = project;
    this.tools = tools;
    this.build = new CrossBuild(target, tools, project.workspace());
  }

  /** The plain edition of a native file for this machine. */
  String plain(String name) {
    return PlainListing.listing(project.workspace(), name, target).code();
  }

  /**
   * How a program ended.
   *
   * @param machine where
   * @param output what it printed
   * @param exit its exit code; 128 and the signal's number if a signal ended it; -1 if it never ran
   * @param problem why it never ran, or was ended; else empty
   * @param recorded when and with what it was recorded; empty if it ran here and now
   */
  public record Run(String machine, String output, int exit, String problem, String recorded)
      implements Picture {
    private static final Map<Integer, String> SIGNALS =
        Map.of(
            132, "SIGILL", 133, "SIGTRAP", 134, "SIGABRT", 135, "SIGBUS", 136, "SIGFPE", 138,
            "SIGBUS", 139, "SIGSEGV");

    /** What it printed, line by line. */
    public List<String> lines() {
      return output.lines().toList();
    }

    /** Whether it ran to its end, and said that all was well. */
    public boolean succeeded() {
      return problem.isEmpty() && exit == 0;
    }

    /** Whether it did not run here: it was recorded, elsewhere and earlier. */
    public boolean isRecorded() {
      return !recorded.isEmpty();
    }

    /** The machine, and a word more if this was recorded. */
    public String title() {
      return machine + mark();
    }

    private String mark() {
      return isRecorded() ? " (recorded)" : "";
    }

    /** In a word or two: {@code exit code 0}, {@code SIGSEGV}, {@code not run}. */
    public String end() {
      if (exit < 0) {
        return problem.startsWith("It did not end") ? "never ended" : "not run";
      }
      return (SIGNALS.containsKey(exit) ? SIGNALS.get(exit) : "exit code " + exit) + mark();
    }

    @Override
    public Figure figure() {
      String body = output.isEmpty() ? "" : output.stripTrailing() + "\n";
      String text = machine + ": " + (problem.isEmpty() ? end() : problem);
      if (isRecorded()) {
        text += " Recorded " + recorded + ".";
      }
      String html = "<pre>" + Html.escape(body) + "</pre><div>" + Html.escape(text) + "</div>";
      return new Figure(html, "What the program printed. " + text, "", body + text);
    }
  }

  /**
   * Where the members of a struct lie.
   *
   * @param struct the layout
   * @param checked whether a C compiler for that machine said so; else the header does
   * @param source who said so, in words
   */
  public record Layout(StructLayout struct, boolean checked, String source) {}

  /** Processor and system, such as {@code "AArch64, Linux"}. */
  public String title() {
    return target.title;
  }

  /** The title as a picture has it: the reader's own machine is marked. */
  String markedTitle() {
    return title() + (isHere() ? " (yours)" : "");
  }

  /** Whether it is the machine that this runs on. */
  public boolean isHere() {
    return target == Target.here();
  }

  /** The folder of {@code native/} that is its own, such as {@code "arch/aarch64"}. */
  public String folder() {
    return target.folder;
  }

  /** Whether there is a compiler for it. */
  public boolean canCompile() {
    return tools.compiler().isPresent();
  }

  /** Whether there is a compiler for it, and something that runs its programs. */
  public boolean canRun() {
    return canCompile() && tools.canRun();
  }

  /** What to install; empty if nothing is missing. */
  public String missing() {
    return tools.missing();
  }

  /** The compiler's name and version; empty if there is none. */
  String compilerName() {
    return build.compilerName();
  }

  /** What runs its programs here, in a word; empty if nothing does. */
  String runnerName() {
    return build.runnerName();
  }

  /** A part of its own header, by name: {@code switch_context}. */
  public Listing source(String part) {
    return Sources.part(project.workspace(), folder(), part);
  }

  // ----- programs -------------------------------------------------------------------------------

  /**
   * Compiles {@code native/NAME.c}, or the cell {@code %%c NAME}, as a program of its own ({@code
   * -DMAIN}) for this machine, and runs it.
   *
   * @param name a chapter's file without {@code .c}, or a cell's name
   * @param options words for the compiler, after the usual ones
   * @return how it ended; where a tool is missing, how it ended when it was recorded, or what to
   *     install
   * @throws CompileError if the compiler refuses the source
   */
  public Run run(String name, String... options) {
    if (!canRun()) {
      return recorded(name, List.of(options));
    }
    try {
      var words = new ArrayList<>(List.of("-DMAIN", "-O2"));
      if (!target.isWindows()) {
        words.add("-pthread");
      }
      if (!isHere() && !target.isMac()) {
        words.add("-static");
      }
      words.addAll(List.of(options));
      Run run = build.run(project.find(name, words));
      if (Recorded.isRecording() && run.exit() >= 0) {
        record("run", name, List.of(options), ", " + runnerAndVersion(), run.exit(), run.output());
      }
      return run;
    } catch (IOException e) {
      throw new LabException(name + " cannot be run for " + title() + ": " + Words.reason(e), e);
    }
  }

  // ----- results recorded elsewhere -------------------------------------------------------------

  /** What a run would have shown; where nothing was recorded of this source, what to install. */
  private Run recorded(String name, List<String> options) {
    Optional<Recorded.Result> result = result("run", name, options);
    if (result.isEmpty()) {
      return new Run(title(), "", -1, missing(), "");
    }
    if (!isOf(result.get(), name)) {
      return new Run(title(), "", -1, OF_ANOTHER_SOURCE + missing(), "");
    }
    Cell.say("%s: not run here. Recorded %s.".formatted(title(), result.get().words()));
    return new Run(title(), result.get().body(), result.get().exit(), "", result.get().words());
  }

  private static final String OF_ANOTHER_SOURCE =
      "A result was recorded, but of this source as it was before it was changed. ";

  /** Where there is no compiler: a listing if one was recorded, else what to install. */
  private Shown recordedAssembly(String name, String function, List<String> options) {
    var words = new ArrayList<>(List.of(function));
    words.addAll(options);
    Optional<Recorded.Result> result = result("assembly", name, words);
    if (result.isPresent() && isOf(result.get(), name)) {
      return new Listing(
          "asm",
          "%s, for %s (recorded %s)".formatted(function, title(), result.get().words()),
          result.get().body().stripTrailing());
    }
    String text =
        "%s: there is no compiler for it here. %s%s"
            .formatted(title(), result.isPresent() ? OF_ANOTHER_SOURCE : "", missing());
    return new Figure("<p>" + Html.escape(text) + "</p>", text, "", text);
  }

  /** Of this machine itself nothing is shown that did not happen on it. */
  private Optional<Recorded.Result> result(String kind, String name, List<String> words) {
    return isHere() ? Optional.empty() : Recorded.find(Recorded.key(kind, title(), name, words));
  }

  private boolean isOf(Recorded.Result result, String name) {
    NativeSource source = project.find(name, List.of()).source();
    return Recorded.digest(source, folder()).equals(result.source());
  }

  private void record(
      String kind, String name, List<String> words, String runner, int exit, String body) {
    NativeSource source = project.find(name, List.of()).source();
    Recorded.write(
        Recorded.key(kind, title(), name, words),
        new Recorded.Result(
            Recorded.digest(source, folder()),
            LocalDate.now().toString(),
            "compiled with " + compilerName() + runner,
            exit,
            body));
  }

  /** In words: {@code run by qemu-aarch64 7.2.22}. */
  private String runnerAndVersion() {
    if (tools.runner().isEmpty()) {
      return "run by itself";
    }
    String said = Program.run(List.of(tools.runner().getFirst(), "--version")).output();
    Matcher number = Pattern.compile("\\d+(\\.\\d+)+").matcher(said);
    return "run by " + runnerName() + (number.find() ? " " + number.group() : "");
  }

  // ----- layouts --------------------------------------------------------------------------------

  /**
   * Where the members of a struct of its header lie: as the C compiler for that machine says, or as
   * the header says where there is none.
   *
   * @param struct the struct's tag, such as {@code "context"}
   * @throws LabException if there is no such struct, or if compiler and header do not agree
   */
  public Layout layout(String struct) {
    StructLayout written = headerLayout(struct);
    if (!canCompile()) {
      return new Layout(written, false, "its header; no compiler here");
    }
    StructLayout compiled = compilerLayout(struct);
    if (!compiled.equals(written)) {
      throw new LabException(
          "%s: the header and %s disagree on struct %s.\nheader:   %s\ncompiler: %s"
              .formatted(title(), compilerName(), struct, written, compiled));
    }
    return new Layout(compiled, true, compilerName());
  }

  /** As the header says. */
  StructLayout headerLayout(String struct) {
    return HeaderLayout.of(project.workspace().sources().resolve(folder()), struct);
  }

  /** As the compiler says, of a file that asks for this struct and nothing else. */
  StructLayout compilerLayout(String struct) {
    String file = "layout-of-" + struct;
    var files = new LinkedHashMap<String, String>();
    files.put(
        file + ".c",
        "#include \"arch/arch.h\"\nstruct %1$s *look(struct %1$s *at);\n".formatted(struct)
            + "struct %1$s *look(struct %1$s *at) { return at; }\n".formatted(struct));
    var options = new ArrayList<>(List.of("-O1", "-g", "-gdwarf-4"));
    options.addAll(target.isMac() ? List.of("-c") : List.of("-shared", "-nostdlib"));
    if (!target.isMac() && !target.isWindows()) {
      options.add("-fPIC");
    }
    if (target.isWindows()) {
      options.add("-Wl,-e,look"); // nobody starts it, but some linkers insist on a beginning
    }
    NativeSource source = NativeSource.ofCell(project.workspace().sources(), file, files);
    try {
      DebugInfo said =
          DebugInfo.read(
              build
                  .compile(new Project.CompilerInput(source, options), "layout.o")
                  .folder()
                  .resolve("layout.o"));
      return said.struct(struct)
          .orElseThrow(() ->
              new LabException("%s says nothing of struct %s.".formatted(compilerName(), struct)))
          .layout();
    } catch (IOException e) {
      throw new LabException("%s: %s".formatted(title(), Words.reason(e)), e);
    }
  }

  // ----- code -----------------------------------------------------------------------------------

  /**
   * What its compiler makes of one function; what one made when it was recorded, or a sentence,
   * where there is no compiler.
   *
   * @param name a chapter's file without {@code .c}, or a cell's name
   * @param function the function's name
   * @param options words for the compiler, after {@code -O2}
   */
  public Shown assembly(String name, String function, String... options) {
    if (!canCompile()) {
      return recordedAssembly(name, function, List.of(options));
    }
    var words = new ArrayList<>(List.of("-O2", "-fno-asynchronous-unwind-tables", "-S"));
    if (target.isX86()) {
      words.add("-masm=intel");
    }
    words.addAll(List.of(options));
    try {
      String all =
          new String(
              build.compile(project.find(name, words), "unit.s").content(), StandardCharsets.UTF_8);
      String code =
          Assembly.function(all, function)
              .orElseThrow(() ->
                  new LabException(
                      "%s: the compiler made no function `%s` of its own.\nIt may be missing from"
                              .formatted(name, function)
                          + " the source, or static and built into its callers."));
      code = code.replaceFirst("(?s)\\n *\\.(ascii|def|linkonce|comm)\\b.*", "");
      if (Recorded.isRecording()) {
        var asked = new ArrayList<>(List.of(function));
        asked.addAll(List.of(options));
        record("assembly", name, asked, "", 0, code);
      }
      return new Listing(
          "asm", "%s, for %s by %s".formatted(function, title(), compilerName()), code);
    } catch (IOException e) {
      throw new LabException("%s: %s".formatted(title(), Words.reason(e)), e);
    }
  }

  /** What there is for this machine. */
  @Override
  public Figure figure() {
    return Machines.tools(List.of(this));
  }

  @Override
  public String toString() {
    return title();
  }
}
