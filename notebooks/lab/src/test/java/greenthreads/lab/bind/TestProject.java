package greenthreads.lab.bind;

import greenthreads.lab.base.Cache;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.compile.Compiler;
import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.compile.Toolchain;
import greenthreads.lab.isolate.Host;
import greenthreads.lab.isolate.IsolationTools;
import greenthreads.lab.source.NativeSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A small project in a folder of its own: native sources, a cache, this machine's compiler. */
public record TestProject(Workspace workspace, Compiler compiler) {
  /** Makes one in an empty folder. */
  public static TestProject in(Path folder) throws IOException {
    Path root = Files.createDirectories(folder.resolve("project with space é"));
    Files.createDirectories(root.resolve("native/arch"));
    Files.writeString(root.resolve("native/arch/arch.h"), "#define TEN 10\n");
    Workspace workspace = new Workspace(root, root.resolve(".build"));
    return in(workspace);
  }

  private static TestProject in(Workspace workspace) {
    return new TestProject(workspace, new Compiler(Toolchain.find(System.getenv()), workspace));
  }

  /**
   * The lab's own programs, compiled once for all projects: they are the same wherever they lie.
   */
  private static final class OwnCode {
    static final Path KEEPER;
    static final Path HOST;

    static {
      try {
        Path root = Files.createTempDirectory("own-code");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> Cache.delete(root)));
        Files.createDirectories(root.resolve("native"));
        TestProject project = in(new Workspace(root, root.resolve(".build")));
        HOST = Path.of(project.isolation().host().command().getLast()).getParent();
        NativeSource none =
            NativeSource.ofFile(project.with("none", "int none;").workspace.sources(), "none");
        project.compiler.build(none, List.of());
        KEEPER = project.workspace.folder("keeper");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Copies what was compiled once, if it is not there yet; for several threads, one of them. */
  private static synchronized void bring(Path made, Path into) {
    try (Stream<Path> all = Files.walk(made)) {
      for (Path path : all.toList()) {
        Path copy = into.resolve(made.relativize(path));
        if (!Files.exists(copy)) {
          Files.copy(path, copy, StandardCopyOption.COPY_ATTRIBUTES);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Not where the folder for it is to be missing. */
  private void bringKeeper() {
    if (!Files.isRegularFile(workspace.build())) {
      bring(OwnCode.KEEPER, workspace.folder("keeper"));
    }
  }

  /** Writes native/NAME.c. */
  public TestProject with(String name, String text) {
    try {
      Files.writeString(workspace.sources().resolve(name + ".c"), text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return this;
  }

  /** The same sources as a {@link Project} whose reports go into a list. */
  public Project following(List<String> said) {
    bringKeeper();
    return new Project(workspace, () -> compiler, said::add, this::tools, input -> true);
  }

  /** The same where no source is as it was shipped: all run in processes of their own. */
  Project changed(List<String> said) {
    bringKeeper();
    return new Project(workspace, () -> compiler, said::add, this::tools, input -> false);
  }

  /** What runs its functions in processes of their own. */
  public IsolationTools tools() {
    bring(OwnCode.HOST, workspace.folder("native").resolve(OwnCode.HOST.getFileName()));
    return isolation();
  }

  private IsolationTools isolation() {
    List<String> command = compiler.toolchain().command();
    return new IsolationTools(
        new Host(command, workspace.folder("native")), Disassembler.find(command, System.getenv()));
  }

  public Compiler.Built build(String name, String... options) {
    bringKeeper();
    return compiler.build(NativeSource.ofFile(workspace.sources(), name), List.of(options));
  }

  public Library load(String name, String... options) {
    bringKeeper();
    NativeSource source = NativeSource.ofFile(workspace.sources(), name);
    return Library.open(source, compiler.build(source, List.of(options)));
  }

  /** An environment with nothing but these variables. */
  public static Map<String, String> environment(String... pairs) {
    var all = new java.util.HashMap<String, String>();
    for (int i = 0; i < pairs.length; i += 2) {
      all.put(pairs[i], pairs[i + 1]);
    }
    return all;
  }
}
