package greenthreads.lab.cross;

import greenthreads.lab.base.Cache;
import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Program;
import greenthreads.lab.base.Progress;
import greenthreads.lab.base.Words;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.bind.Project;
import greenthreads.lab.compile.Compiler;
import greenthreads.lab.compile.Toolchain;
import greenthreads.lab.cross.TargetMachine.Run;
import greenthreads.lab.machine.Target;
import greenthreads.lab.show.Cell;
import greenthreads.lab.source.NativeSource;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Compiles for a target with the tools that are here, and runs its programs: this machine's by
 * themselves, others by an emulator.
 */
final class CrossBuild {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  /** Part of every key; to be changed when the options below change. */
  private static final String FORM = "2";

  /** Far more than a chapter's program prints. */
  private static final int MOST_OUTPUT = 1 << 20;

  private final Target target;
  private final CrossTools tools;
  private final Workspace workspace;

  CrossBuild(Target target, CrossTools tools, Workspace workspace) {
    this.target = target;
    this.tools = tools;
    this.workspace = workspace;
  }

  private Path folder() {
    return workspace.folder("targets");
  }

  /**
   * Compiles a program if need be, and runs it. Says in a line what was done.
   *
   * @throws CompileError if the compiler refuses the source
   */
  Run run(Project.CompilerInput input) throws IOException {
    long start = System.nanoTime();
    Cache.Entry entry = compile(input, "program.exe");
    Path program = entry.folder().resolve("program.exe");
    long compiled = System.nanoTime();
    Run run = start(program, false);
    if (target.isWindows() && needsMore(run)) {
      Cell.say("Wine makes itself a Windows. It does that once, and may need a minute.");
      run = start(program, true);
    }
    String made =
        "compiled with %s in %s".formatted(compilerName(), Words.duration(compiled - start));
    Cell.say(
        "%s: %s, run by %s in %s."
            .formatted(
                target.title,
                entry.fresh() ? made : "unchanged",
                runnerName(),
                Words.duration(System.nanoTime() - compiled)));
    return run;
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

  /**
   * What a compiler makes of a source, new or from the cache.
   *
   * @param product the name of the file that it makes
   */
  Cache.Entry compile(Project.CompilerInput input, String product) throws IOException {
    Toolchain compiler = tools.compiler().orElseThrow();
    boolean isZig = compiler.executable().endsWith("zig"); // which is clang inside
    Path hasLibrary = folder().resolve("zig-" + target.name());
    if (isZig && product.equals("program.exe") && !Files.exists(hasLibrary)) {
      Cell.say( // it brings the library as sources, for all machines
          "Zig makes a C library for %s. It does that once, and may need some minutes."
              .formatted(target.title));
    }
    var key = new ArrayList<>(input.options());
    key.addAll(List.of(compiler.identity(), product, FORM));
    String name = Compiler.fileName(input.source()) + "-" + input.source().key(key);
    Cache.Entry entry =
        new Cache(folder())
            .get(
                name,
                product,
                draft ->
                    Progress.during(
                        "compiling %s for %s".formatted(input.source().title(), target.title),
                        () -> {
                          compile(compiler, isZig, input, draft, product);
                          return null;
                        }));
    if (isZig && product.equals("program.exe")) {
      Files.write(hasLibrary, new byte[0]);
    }
    return entry;
  }

  private void compile(
      Toolchain compiler, boolean isZig, Project.CompilerInput input, Path draft, String product)
      throws IOException {
    NativeSource source = input.source();
    Path directory = source.folder();
    if (!source.files().isEmpty()) {
      directory = draft.resolve("source");
      Compiler.layOut(source, directory);
    }
    var command = new ArrayList<>(compiler.command());
    command.addAll(List.of("-std=c17", "-I" + source.folder()));
    command.addAll(Compiler.plain(target, compiler.isClang() || isZig));
    command.addAll(input.options());
    command.addAll(List.of(source.unit(), "-o", draft.resolve(product).toString()));
    String cache = folder().resolve("zig").toString();
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
                  target.title,
                  compiler.version(),
                  run.end(),
                  (run.output() + run.problem()).replace(directory + "/", "").stripTrailing()));
    }
  }

  private Run start(Path program, boolean wholeWindows) throws IOException {
    var command = new ArrayList<>(tools.runner());
    command.add(program.toString());
    Map<String, String> environment = target.isWindows() ? wine(wholeWindows) : Map.of();
    Duration limit = wholeWindows ? LIMIT.multipliedBy(12) : LIMIT;
    // A folder of its own: what a program leaves there, a core file perhaps, is gone with it.
    Path folder = Files.createTempDirectory(folder(), "draft-");
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
    var environment = new HashMap<String, String>();
    environment.put("WINEPREFIX", workspace.folder("wine").toString());
    environment.put("WINEDEBUG", "-all");
    String without = "mscoree,mshtml,explorer.exe,winedbg.exe,winemenubuilder.exe=";
    environment.put("WINEDLLOVERRIDES", (wholeWindows ? "" : "wineboot.exe,") + without);
    if (!wholeWindows) {
      environment.put("WINEBOOTSTRAPMODE", "1");
    }
    return environment;
  }

  /** Whether it was Wine that failed and not the program. */
  private static boolean needsMore(Run run) {
    return run.exit() > 0
        && run.lines().stream().allMatch(line -> line.isBlank() || line.startsWith("wine: "))
        && !run.output().contains("Unhandled");
  }

  private Run process(
      List<String> command, Path directory, Map<String, String> environment, Duration limit)
      throws IOException {
    Path output = Files.createTempFile(folder(), "output-", ".txt");
    Process process = null;
    try {
      var builder = new ProcessBuilder(command).redirectErrorStream(true);
      builder.directory(directory.toFile()).redirectOutput(output.toFile());
      builder.environment().putAll(environment);
      builder.environment().put("LC_ALL", "C.UTF-8");
      Process started = builder.start();
      process = started;
      started.getOutputStream().close();
      boolean ended =
          Progress.during(
              "running it for " + target.title,
              () -> started.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS));
      String said;
      try (var in = Files.newInputStream(output)) {
        said = new String(in.readNBytes(MOST_OUTPUT), StandardCharsets.UTF_8);
      }
      said = said.replace("\r\n", "\n");
      return ended
          ? new Run(target.title, said, process.exitValue(), "", "")
          : new Run(
              target.title,
              said,
              -1,
              "It did not end within %d s.".formatted(limit.toSeconds()),
              "");
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
}
