package greenthreads.lab.bind;

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
import java.util.List;
import java.util.Map;

/** A small project in a folder of its own: native sources, a cache, this machine's compiler. */
public record TestProject(Workspace workspace, Compiler compiler) {
  /** Makes one in an empty folder. */
  public static TestProject in(Path folder) throws IOException {
    Path root = Files.createDirectories(folder.resolve("project with space é"));
    Files.createDirectories(root.resolve("native/arch"));
    Files.writeString(root.resolve("native/arch/arch.h"), "#define TEN 10\n");
    Workspace workspace = new Workspace(root, root.resolve(".build"));
    return new TestProject(workspace, new Compiler(Toolchain.find(System.getenv()), workspace));
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
    return new Project(workspace, () -> compiler, said::add, this::tools, input -> true);
  }

  /** The same where no source is as it was shipped: all run in processes of their own. */
  Project changed(List<String> said) {
    return new Project(workspace, () -> compiler, said::add, this::tools, input -> false);
  }

  IsolationTools tools() {
    List<String> command = compiler.toolchain().command();
    return new IsolationTools(
        new Host(command, workspace.folder("native")), Disassembler.find(command, System.getenv()));
  }

  public Compiler.Built build(String name, String... options) {
    return compiler.build(NativeSource.ofFile(workspace.sources(), name), List.of(options));
  }

  public Library load(String name, String... options) {
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
