package greenthreads.lab.kernel;

import greenthreads.lab.bind.Project;
import greenthreads.lab.bind.Project.CompilerInput;
import greenthreads.lab.source.NativeSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * Compiles what a notebook's cells are going to ask for, while the reader still reads.
 *
 * <p>The first run of a chapter waits for the C compiler again and again. So threads in the
 * background, one for each processor, compile the host, the chapter's own file and each {@code %%c}
 * cell as the file holds it, in the notebook's order. A cell that comes to be compiled meanwhile
 * waits for it. Whatever fails is left for its cell to fail at.
 *
 * <p>What is as it was shipped is compiled as soon as the kernel is there. The rest waits until the
 * reader has run a cell: what only opens a notebook must not let that tell the compiler what to do.
 */
final class CompileAhead {
  private static final int MOST_AT_ONCE = 4;

  /** How many cells are looked for in the folder's notebooks: the first one stands in all. */
  private static final int MOST_LOOKS = 5;

  private static final String HOST = "%%c, but none: the host";

  private final Project project;
  private final Runnable host;

  /** What was given to the workers: the chapter's name, the host, and cells' texts. */
  private final Set<String> begun = ConcurrentHashMap.newKeySet();

  private volatile Optional<Path> notebook = NotebookCells.fileOfThisKernel();
  private int looks;

  private final Executor workers = workers();

  /**
   * @param project where to find sources, and the compiler
   * @param host compiles what isolated calls need
   */
  CompileAhead(Project project, Runnable host) {
    this.project = project;
    this.host = host;
  }

  /** They end when there is nothing left to do. */
  private static Executor workers() {
    int atOnce = Math.clamp(Runtime.getRuntime().availableProcessors(), 1, MOST_AT_ONCE);
    var workers =
        new ThreadPoolExecutor(
            atOnce,
            atOnce,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform().daemon().name("compiling ahead").factory());
    workers.allowCoreThreadTimeOut(true);
    return workers;
  }

  /** Begins with what is as it was shipped, if it is known whose kernel this is. */
  void compileShipped() {
    notebook.ifPresent(known -> begin(known, project::isShipped));
  }

  /** Begins with all that has not been begun. */
  void compileAll() {
    notebook.ifPresent(known -> begin(known, input -> true));
  }

  /** Where no server has named the notebook, one of the first cells tells which it is. */
  void cellBegins(String code) {
    if (notebook.isEmpty() && looks < MOST_LOOKS) {
      looks++;
      attempt(() ->
          NotebookCells.withCell(code)
              .ifPresent(found -> {
                notebook = Optional.of(found);
                compileAll();
              }));
    }
  }

  private void begin(Path known, Predicate<CompilerInput> wanted) {
    attempt(() -> {
      List<String> cells = NotebookCells.read(known).sources();
      if (cells.isEmpty()) {
        return;
      }
      Path folder = project.workspace().sources();
      String stem = NotebookCells.stem(known);
      if (Files.exists(folder.resolve(stem + ".c")) && begun.add(stem)) {
        attempt(() ->
            project.compileAhead(new CompilerInput(NativeSource.ofFile(folder, stem), List.of())));
      }
      if (begun.add(HOST)) {
        attempt(host);
      }
      cells.stream()
          .filter(cell -> cell.startsWith("%%c "))
          .forEach(cell -> attempt(() -> compile(cell, wanted)));
    });
  }

  private void compile(String cell, Predicate<CompilerInput> wanted) {
    CompilerInput input = CMagic.input(project.workspace(), cell);
    if (wanted.test(input) && begun.add(cell)) {
      project.compileAhead(input);
    }
  }

  private void attempt(Runnable work) {
    workers.execute(() -> {
      try {
        work.run();
      } catch (RuntimeException e) {
        // Its cell will say so, if it is ever run as it stands.
      }
    });
  }
}
