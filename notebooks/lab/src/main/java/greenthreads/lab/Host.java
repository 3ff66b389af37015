package greenthreads.lab;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The small native program that runs a function in a process of its own.
 *
 * <p>It is compiled from host.c the first time it is needed, and kept in a {@link Cache}.
 */
final class Host {
  private static final String SOURCE = "host.c";
  private static final String BINARY = "host";
  private static final List<String> OPTIONS =
      List.of("-std=c17", "-O1", "-Wall", "-Wextra", "-pthread", "-rdynamic");

  private final List<String> compiler;
  private final Path cache;
  private final List<String> launcher;

  /**
   * @param compiler the C compiler's command
   * @param cache an existing folder of ours, for the compiled host
   */
  Host(List<String> compiler, Path cache) {
    this(compiler, cache, List.of());
  }

  /**
   * @param launcher words that come before the host's own command: an emulator, say
   */
  Host(List<String> compiler, Path cache, List<String> launcher) {
    this.compiler = List.copyOf(compiler);
    this.cache = cache;
    this.launcher = List.copyOf(launcher);
  }

  List<String> compiler() {
    return compiler;
  }

  /**
   * The command that starts the host, compiled if need be.
   *
   * @throws LabException if it cannot be compiled, with the compiler's words
   */
  List<String> command() {
    var command = new ArrayList<>(launcher);
    command.add(binary().toString());
    return command;
  }

  /** One at a time: whoever needs it while it is being made waits for it. */
  private synchronized Path binary() {
    byte[] source = source();
    try {
      return new Cache(cache)
          .get("host-" + key(source), BINARY, draft -> build(source, draft))
          .folder()
          .resolve(BINARY);
    } catch (IOException e) {
      throw new LabException(
          "The program for isolated runs could not be made: "
              + Words.reason(e)
              + ".\nFree some space in "
              + cache
              + " or make it writable, then run the cell again.",
          e);
    }
  }

  private void build(byte[] source, Path draft) throws IOException {
    Files.write(draft.resolve(SOURCE), source);
    var command = new ArrayList<>(compiler);
    command.addAll(OPTIONS);
    command.addAll(List.of(SOURCE, "-o", BINARY));
    if (!Platform.IS_MAC) {
      command.add("-ldl");
    }
    Toolchain.Result result = Toolchain.run(command, draft);
    if (result.exit() != 0) {
      throw new LabException(
          "The program for isolated runs does not compile with `%s` (exit status %d).\n\n%s"
              .formatted(String.join(" ", command), result.exit(), result.output().strip()));
    }
  }

  private String key(byte[] source) {
    byte[] words =
        String.join("\0", compiler).concat(OPTIONS.toString()).getBytes(StandardCharsets.UTF_8);
    return Cache.digest(source, words).substring(0, 16);
  }

  private static byte[] source() {
    try (InputStream in = Host.class.getResourceAsStream(SOURCE)) {
      if (in == null) {
        throw new IOException(SOURCE + " is not beside the class");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new LabException("The lab is incomplete: " + e.getMessage() + ". Run ./build.sh.", e);
    }
  }
}
