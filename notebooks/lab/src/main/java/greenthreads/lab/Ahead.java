package greenthreads.lab;

import java.nio.file.Files;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Compiles what a notebook's cells are going to ask for, while the reader still reads.
 *
 * <p>The first run of a chapter waits for the C compiler again and again. So when the first cell of
 * a notebook has run, a thread in the background compiles the host, the chapter's own file and each
 * {@code %%c} cell as the file holds it, one after the other. A cell that comes to be compiled
 * meanwhile waits for it. Whatever fails is left for its cell to fail at.
 */
final class Ahead {
  /** What was compiled ahead and has not been reported yet, and how long that took. */
  private static final Map<String, Duration> DONE = new ConcurrentHashMap<>();

  private Ahead() {}

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
                compile(
                    project,
                    new Project.Unit(
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
    String[] parts = cell.split("\n", 2);
    String[] words = parts[0].strip().split("\\s+");
    if (words[0].equals("%%c") && parts.length == 2) {
      var wanted = CMagic.Request.of(Arrays.asList(words).subList(1, words.length));
      NativeSource source =
          Sources.cell(project.workspace(), wanted.name(), wanted.from(), parts[1]);
      compile(project, new Project.Unit(source, wanted.options()));
    }
  }

  private static void compile(Project project, Project.Unit unit) {
    long start = System.nanoTime();
    Compiler.Built built = project.compiler().build(unit.source(), unit.options());
    if (built.fresh()) {
      DONE.put(built.key(), Duration.ofNanos(System.nanoTime() - start));
    }
  }

  /** How long the compiler took, if this was compiled ahead and nobody has been told so far. */
  static Optional<Duration> reportOnce(Compiler.Built built) {
    return Optional.ofNullable(DONE.remove(built.key()));
  }
}
