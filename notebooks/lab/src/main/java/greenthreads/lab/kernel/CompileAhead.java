package greenthreads.lab.kernel;

import greenthreads.lab.bind.Project;
import greenthreads.lab.source.NativeSource;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;

/**
 * Compiles what a notebook's cells are going to ask for, while the reader still reads.
 *
 * <p>The first run of a chapter waits for the C compiler again and again. So when the first cell of
 * a notebook has run, a thread in the background compiles the host, the chapter's own file and each
 * {@code %%c} cell as the file holds it, one after the other. A cell that comes to be compiled
 * meanwhile waits for it. Whatever fails is left for its cell to fail at.
 */
final class CompileAhead {
  private CompileAhead() {}

  /**
   * Begins, if this kernel has a notebook.
   *
   * @param project where to find sources, and the compiler
   * @param host compiles what isolated calls need
   */
  static void begin(Project project, Runnable host) {
    List<String> cells = NotebookCells.ofThisKernel().sources();
    Optional<String> stem = NotebookCells.stemOfThisKernel();
    if (cells.isEmpty() || stem.isEmpty()) {
      return;
    }
    Thread.ofPlatform()
        .daemon()
        .name("compiling ahead")
        .start(() -> {
          if (Files.exists(project.workspace().sources().resolve(stem.get() + ".c"))) {
            attempt(() ->
                project.compileAhead(
                    new Project.CompilerInput(
                        NativeSource.ofFile(project.workspace().sources(), stem.get()),
                        List.of())));
          }
          attempt(host);
          cells.forEach(cell -> attempt(() -> compile(project, cell)));
        });
  }

  private static void attempt(Runnable work) {
    try {
      work.run();
    } catch (RuntimeException e) {
      // Its cell will say so, if it is ever run as it stands.
    }
  }

  private static void compile(Project project, String cell) {
    if (cell.startsWith("%%c ")) {
      project.compileAhead(CMagic.input(project.workspace(), cell));
    }
  }
}
