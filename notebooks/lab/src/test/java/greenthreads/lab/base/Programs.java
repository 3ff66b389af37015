package greenthreads.lab.base;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** Programs of this machine that tests start. */
public final class Programs {
  private Programs() {}

  public static boolean isLinux() {
    return System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux");
  }

  public static String anyCompiler() {
    for (String compiler : List.of("gcc", "clang", "cc")) {
      if (has(compiler)) {
        return compiler;
      }
    }
    assumeTrue(false, "there is no C compiler here");
    return null;
  }

  public static void assumeHas(String command) {
    assumeTrue(has(command), "there is no " + command + " here");
  }

  private static boolean has(String command) {
    for (String directory : System.getenv("PATH").split(File.pathSeparator)) {
      if (Files.isExecutable(Path.of(directory, command))) {
        return true;
      }
    }
    return false;
  }

  public static String run(List<String> command) throws Exception {
    return run(command, null);
  }

  /** Runs a command to its end; returns what it printed, or fails with that. */
  public static String run(List<String> command, Path directory) throws Exception {
    Process process = start(command, directory);
    byte[] output = process.getInputStream().readAllBytes();
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), command + " does not end");
    String text = new String(output, StandardCharsets.UTF_8);
    assertEquals(0, process.exitValue(), command + "\n" + text);
    return text;
  }

  public static Process start(List<String> command, Path directory) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.directory(directory == null ? null : directory.toFile());
    builder.environment().put("LC_ALL", "C");
    return builder.start();
  }
}
