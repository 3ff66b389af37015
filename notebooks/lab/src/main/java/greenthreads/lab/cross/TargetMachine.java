package greenthreads.lab.cross;

import greenthreads.lab.base.Cache;
import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Program;
import greenthreads.lab.base.Words;
import greenthreads.lab.binary.DebugInfo;
import greenthreads.lab.bind.Project;
import greenthreads.lab.compile.Assembly;
import greenthreads.lab.compile.Compiler;
import greenthreads.lab.compile.Toolchain;
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
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
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
  private static final Duration LIMIT = Duration.ofSeconds(10);

  /** Part of every key; to be changed when the options below change. */
  private static final String FORM = "2";

  private final Target target;
  private final Project project;
  private final CrossTools tools;

  TargetMachine(Target target, Project project, CrossTools tools) {
    this.target = target;
    this.project = project;
    this.tools = tools;
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
    return switch (target) {
      case X86_64_LINUX, X86_64_MACOS -> "arch/x86_64-sysv";
      case AARCH64_LINUX, AARCH64_MACOS -> "arch/aarch64";
      case RISCV64_LINUX -> "arch/riscv64";
      case X86_64_WINDOWS -> "arch/x86_64-windows";
    };
  }

  private boolean isMac() {
    return target == Target.X86_64_MACOS || target == Target.AARCH64_MACOS;
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
    return tools.compiler().map(Toolchain::version).orElse("");
  }

  /** What runs its programs here, in a word; empty if nothing does. */
  String runnerName() {
    List<String> runner = tools.runner();
    if (!tools.canRun()) {
      return "";
    }
    return runner.isEmpty() ? "itself" : Path.of(runner.getFirst()).getFileName().toString();
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
      if (target != Target.X86_64_WINDOWS) {
        words.add("-pthread");
      }
      if (!isHere() && !isMac()) {
        words.add("-static");
      }
      words.addAll(List.of(options));
      Project.CompilerInput input = project.find(name, words);
      long start = System.nanoTime();
      Path hasLibrary = project.workspace().folder("elsewhere").resolve("zig-" + target.name());
      boolean isZig = isZig(tools.compiler().orElseThrow());
      if (isZig && !Files.exists(hasLibrary)) { // which it brings as sources, for all machines
        Cell.say(
            "Zig makes a C library for %s. It does that once, and may need some minutes."
                .formatted(title()));
      }
      Cache.Entry entry = compile(input, "program.exe");
      if (isZig) {
        Files.write(hasLibrary, new byte[0]);
      }
      Path program = entry.folder().resolve("program.exe");
      long compiled = System.nanoTime();
      Run run = start(program, false);
      if (target == Target.X86_64_WINDOWS && needsMore(run)) {
        Cell.say("Wine makes itself a Windows. It does that once, and may need a minute.");
        run = start(program, true);
      }
      Cell.say(
          "%s: %s, run by %s in %s."
              .formatted(
                  title(),
                  entry.fresh()
                      ? "compiled with %s in %s"
                          .formatted(compilerName(), Words.duration(compiled - start))
                      : "unchanged",
                  runnerName(),
                  Words.duration(System.nanoTime() - compiled)));
      if (Recorded.isRecording() && run.exit() >= 0) {
        record("run", name, List.of(options), ", " + runnerAndVersion(), run.exit(), run.output());
      }
      return run;
    } catch (IOException e) {
      throw new LabException(name + " cannot be run for " + title() + ": " + Words.reason(e), e);
    }
  }

  /** It is clang inside. */
  private static boolean isZig(Toolchain compiler) {
    return compiler.executable().endsWith("zig");
  }

  private Cache.Entry compile(Project.CompilerInput input, String product) throws IOException {
    Toolchain compiler = tools.compiler().orElseThrow();
    var key = new ArrayList<>(input.options());
    key.addAll(List.of(compiler.identity(), product, FORM));
    String entry = Compiler.fileName(input.source()) + "-" + input.source().key(key);
    return new Cache(project.workspace().folder("elsewhere"))
        .get(entry, product, draft -> compile(compiler, input, draft, draft.resolve(product)));
  }

  private void compile(Toolchain compiler, Project.CompilerInput input, Path draft, Path product)
      throws IOException {
    NativeSource source = input.source();
    Path directory = source.folder();
    if (!source.files().isEmpty()) {
      directory = draft.resolve("source");
      Compiler.layOut(source, directory);
    }
    var command = new ArrayList<>(compiler.command());
    command.addAll(List.of("-std=c17", "-I" + source.folder()));
    command.addAll(Compiler.plain(target, compiler.isClang() || isZig(compiler)));
    command.addAll(input.options());
    command.addAll(List.of(source.unit(), "-o", product.toString()));
    String cache = project.workspace().folder("elsewhere").resolve("zig").toString();
    Run run =
        process(
            command,
            directory,
            Map.of("ZIG_GLOBAL_CACHE_DIR", cache, "ZIG_LOCAL_CACHE_DIR", cache),
            Duration.ofMinutes(10));
    if (!run.succeeded()) {
      throw new CompileError(
          "%s does not compile for %s: %s ended with %s.\n\n%s"
              .formatted(
                  source.title(),
                  title(),
                  compiler.version(),
                  run.end(),
                  (run.output() + run.problem()).replace(directory + "/", "").stripTrailing()));
    }
  }

  private Run start(Path program, boolean wholeWindows) throws IOException {
    var command = new ArrayList<>(tools.runner());
    command.add(program.toString());
    Map<String, String> environment =
        target == Target.X86_64_WINDOWS ? wine(wholeWindows) : Map.of();
    Duration limit = wholeWindows ? LIMIT.multipliedBy(12) : LIMIT;
    // A folder of its own: what a program leaves there, a core file perhaps, is gone with it.
    Path folder = Files.createTempDirectory(project.workspace().folder("elsewhere"), "draft-");
    try {
      return process(command, folder, environment, limit);
    } finally {
      Cache.delete(folder);
    }
  }

  /**
   * As it is started usually, Wine first makes a folder C: of several hundred megabytes. Told that
   * it is being started for that very purpose, it does not, and takes its libraries from where they
   * are installed; our programs want no more.
   */
  private Map<String, String> wine(boolean wholeWindows) {
    String without = "mscoree,mshtml,explorer.exe,winedbg.exe,winemenubuilder.exe=";
    String prefix = project.workspace().folder("wine").toString();
    return wholeWindows
        ? Map.of("WINEPREFIX", prefix, "WINEDEBUG", "-all", "WINEDLLOVERRIDES", without)
        : Map.of(
            "WINEPREFIX",
            prefix,
            "WINEDEBUG",
            "-all",
            "WINEDLLOVERRIDES",
            "wineboot.exe," + without,
            "WINEBOOTSTRAPMODE",
            "1");
  }

  /** Whether it was Wine that failed and not the program. */
  private static boolean needsMore(Run run) {
    return run.exit() > 0
        && run.lines().stream().allMatch(line -> line.isBlank() || line.startsWith("wine: "))
        && !run.output().contains("Unhandled");
  }

  /** Far more than a chapter's program prints. */
  private static final int MOST_OUTPUT = 1 << 20;

  private Run process(
      List<String> command, Path directory, Map<String, String> environment, Duration limit)
      throws IOException {
    Path output = Files.createTempFile(project.workspace().folder("elsewhere"), "output-", ".txt");
    Process process = null;
    try {
      var builder = new ProcessBuilder(command).redirectErrorStream(true);
      builder.directory(directory.toFile()).redirectOutput(output.toFile());
      builder.environment().putAll(environment);
      builder.environment().put("LC_ALL", "C.UTF-8");
      process = builder.start();
      process.getOutputStream().close();
      boolean ended = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
      String said;
      try (var in = Files.newInputStream(output)) {
        said = new String(in.readNBytes(MOST_OUTPUT), StandardCharsets.UTF_8);
      }
      said = said.replace("\r\n", "\n");
      return ended
          ? new Run(title(), said, process.exitValue(), "", "")
          : new Run(
              title(), said, -1, "It did not end within %d s.".formatted(limit.toSeconds()), "");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LabException("Interrupted while `" + command.getFirst() + "` was running.", e);
    } finally {
      if (process != null) {
        Program.end(process);
      }
      Files.deleteIfExists(output);
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
    options.addAll(isMac() ? List.of("-c") : List.of("-shared", "-nostdlib"));
    if (!isMac() && target != Target.X86_64_WINDOWS) {
      options.add("-fPIC");
    }
    if (target == Target.X86_64_WINDOWS) {
      options.add("-Wl,-e,look"); // nobody starts it, but some linkers insist on a beginning
    }
    NativeSource source = NativeSource.ofCell(project.workspace().sources(), file, files);
    try {
      DebugInfo said =
          DebugInfo.read(
              compile(new Project.CompilerInput(source, options), "layout.o")
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
    boolean x86 = folder().contains("x86_64");
    if (x86) {
      words.add("-masm=intel");
    }
    words.addAll(List.of(options));
    try {
      String all =
          new String(
              compile(project.find(name, words), "unit.s").content(), StandardCharsets.UTF_8);
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
