package greenthreads.lab.base;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Programs of this machine that the lab finds and runs to their end: compilers and their tools. */
public final class Program {
  /** How long a tool may take: the slowest compilation of a chapter takes a few seconds. */
  public static final Duration LIMIT = Duration.ofSeconds(60);

  /** More than any of them has to say; what comes after is dropped. */
  private static final int MOST_OUTPUT = 16 << 20;

  private static final String TOO_LONG = "it did not end within";

  /** How long a keeper may take to end. */
  private static final Duration TO_END = Duration.ofSeconds(20);

  /**
   * What a program printed (both streams) and its exit status.
   *
   * @param exit -1 if it could not be started, or did not end in time
   */
  public record Result(int exit, String output) {
    /** Whether it was ended, since it took too long. */
    public boolean tookTooLong() {
      return exit == -1 && output.contains("(" + TOO_LONG);
    }
  }

  private Program() {}

  /**
   * The file of a program.
   *
   * @param name its name, or a path
   * @param path folders to look in, as {@code PATH} has them
   */
  public static Optional<Path> find(String name, String path) {
    if (name.contains("/")) {
      return Optional.of(Path.of(name)).filter(Files::isExecutable);
    }
    return Stream.of(path.split(File.pathSeparator))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, name))
        .filter(file -> Files.isExecutable(file) && !Files.isDirectory(file))
        .findFirst();
  }

  /** Runs a program in the folder of this process. */
  public static Result run(List<String> command) {
    return run(command, null);
  }

  /**
   * Runs a program to its end, for a minute at most. Its messages are English, whatever the
   * reader's language is: they are searched and quoted.
   *
   * @param directory where; null for the folder of this process
   * @throws LabException if the cell is interrupted; the program has ended then, with all that it
   *     had started
   */
  public static Result run(List<String> command, Path directory) {
    return run(command, directory, LIMIT);
  }

  static Result run(List<String> command, Path directory, Duration limit) {
    return run(List.of(), command, directory, limit);
  }

  /**
   * The same by way of a keeper: a program that runs another one, and ends it with all that it has
   * started when its standard input closes.
   *
   * @param keeper the words that stand before the command
   */
  public static Result runKept(List<String> keeper, List<String> command, Path directory) {
    return runKept(keeper, command, directory, LIMIT);
  }

  /**
   * The same, with a limit of its own.
   *
   * @param limit how long it may take
   */
  public static Result runKept(
      List<String> keeper, List<String> command, Path directory, Duration limit) {
    return run(keeper, command, directory, limit);
  }

  private static Result run(
      List<String> keeper, List<String> command, Path directory, Duration limit) {
    boolean isKept = !keeper.isEmpty();
    var words = new ArrayList<>(keeper);
    words.addAll(command);
    Process process;
    try {
      var builder = new ProcessBuilder(words).redirectErrorStream(true);
      if (directory != null) {
        builder.directory(directory.toFile());
      }
      builder.environment().put("LC_ALL", "C.UTF-8");
      process = builder.start();
    } catch (IOException e) {
      return new Result(-1, e.getMessage());
    }
    var printed = new ByteArrayOutputStream();
    // A thread of its own reads, so that neither the limit nor an interrupt has to wait for output.
    Thread reader =
        Thread.ofPlatform().daemon().start(() -> copy(process.getInputStream(), printed));
    try {
      long deadline = System.nanoTime() + limit.toNanos();
      if (!isKept) {
        process.getOutputStream().close();
      }
      if (process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS)
          && reader.join(Duration.ofNanos(deadline - System.nanoTime()))) {
        return new Result(process.exitValue(), text(printed));
      }
      return new Result(-1, text(printed) + "\n(%s %d s)".formatted(TOO_LONG, limit.toSeconds()));
    } catch (IOException e) {
      return new Result(-1, e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LabException("Interrupted while `" + command.getFirst() + "` was running.", e);
    } finally {
      if (isKept) {
        closeInput(process);
      }
      end(process);
    }
  }

  /** Waits for its end even if this thread is interrupted again: until then something is left. */
  private static void closeInput(Process process) {
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      // It has ended.
    }
    process.onExit().completeOnTimeout(process, TO_END.toSeconds(), TimeUnit.SECONDS).join();
  }

  private static String text(ByteArrayOutputStream printed) {
    return printed.toString(StandardCharsets.UTF_8);
  }

  private static void copy(InputStream from, ByteArrayOutputStream to) {
    byte[] piece = new byte[8192];
    try {
      for (int count = from.read(piece); count >= 0; count = from.read(piece)) {
        if (to.size() < MOST_OUTPUT) {
          to.write(piece, 0, count);
        }
      }
    } catch (IOException e) {
      // It was ended: what it printed before is there.
    }
  }

  /** Ends a process, if it has not ended yet, with all that it started. */
  public static void end(Process process) {
    if (process.isAlive()) {
      List<ProcessHandle> started = process.descendants().toList();
      process.destroyForcibly();
      started.forEach(ProcessHandle::destroyForcibly);
    }
  }
}
