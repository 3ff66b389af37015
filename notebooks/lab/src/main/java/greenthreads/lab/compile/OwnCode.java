package greenthreads.lab.compile;

import static java.nio.charset.StandardCharsets.UTF_8;

import greenthreads.lab.base.Cache;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.base.Program;
import greenthreads.lab.base.Progress;
import greenthreads.lab.base.Words;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SequencedMap;

/**
 * A program or a library of the lab's own, in C: compiled the first time it is needed, and kept in
 * a {@link Cache}.
 */
public final class OwnCode {
  /** CC may ask for it, and then our assembly is in another part than what it names. */
  static final String NO_LTO = "-fno-lto";

  private final List<String> command;
  private final SequencedMap<String, byte[]> sources;
  private final Path cache;
  private final String product;
  private final String entry;

  private OwnCode(
      List<String> command, SequencedMap<String, byte[]> sources, Path cache, String product) {
    this.command = List.copyOf(command);
    this.sources = sources;
    this.cache = cache;
    this.product = product;
    var parts = new ArrayList<byte[]>(List.of(String.join("\0", command).getBytes(UTF_8)));
    sources.forEach((name, text) -> {
      parts.add(name.getBytes(UTF_8));
      parts.add(text);
    });
    entry = product + "-" + Cache.digest(parts.toArray(byte[][]::new)).substring(0, 16);
  }

  /**
   * @param compiler the C compiler's command
   * @param options its options
   * @param sources the texts by their names; those that end in .c are compiled
   * @param cache an existing folder of ours
   * @param name the program's name
   */
  public static OwnCode program(
      List<String> compiler,
      List<String> options,
      SequencedMap<String, byte[]> sources,
      Path cache,
      String name) {
    return new OwnCode(
        command(compiler, options, sources.sequencedKeySet(), name), sources, cache, name);
  }

  /** The same for a library that is loaded into this process. */
  public static OwnCode library(
      List<String> compiler, SequencedMap<String, byte[]> sources, Path cache, String name) {
    var options = List.of("-std=c17", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared", "-pthread");
    return program(compiler, options, sources, cache, name + Platform.LIBRARY_SUFFIX);
  }

  /** The command that compiles it. */
  public static List<String> command(
      List<String> compiler, List<String> options, Iterable<String> files, String product) {
    var command = new ArrayList<>(compiler);
    command.addAll(options);
    command.add(NO_LTO);
    files.forEach(file -> {
      if (file.endsWith(".c")) {
        command.add(file);
      }
    });
    command.addAll(List.of("-o", product));
    if (!Platform.IS_MAC) {
      command.add("-ldl");
    }
    return command;
  }

  /**
   * Its file, made if it is not there.
   *
   * @throws LabException if it cannot be, with the compiler's words
   */
  public Path file() {
    try {
      Path file = entry();
      // Another kernel may just be putting a whole one in the place of a damaged one.
      for (int attempt = 0; !Files.exists(file) && attempt < 3; attempt++) {
        file = entry();
      }
      if (Files.exists(file) && !Files.isExecutable(file)) {
        throw new LabException(
            ("A part of the lab, `%s`, may not run where it lies: %s.\nThat folder allows no code"
                    + " (mounted noexec, say). Set GREEN_THREADS_BUILD to a folder elsewhere, and"
                    + " restart the kernel.")
                .formatted(product, file.getParent()));
      }
      return file;
    } catch (IOException e) {
      throw new LabException(
          "A part of the lab, `%s`, could not be made: %s.\nFree some space in %s or make it writable,"
                  .formatted(product, Words.reason(e), cache)
              + " then run the cell again.",
          e);
    }
  }

  private Path entry() throws IOException {
    return new Cache(cache).get(entry, product, this::make).folder().resolve(product);
  }

  private void make(Path draft) throws IOException {
    for (var source : sources.entrySet()) {
      Files.write(draft.resolve(source.getKey()), source.getValue());
    }
    Program.Result result =
        Progress.during(
            "compiling a part of the lab, " + product + " (once)",
            () -> Program.run(command, draft));
    if (result.exit() != 0) {
      throw new LabException(
          "A part of the lab, `%s`, does not compile with `%s` (exit status %d).\n\n%s"
              .formatted(
                  product, String.join(" ", command), result.exit(), result.output().strip()));
    }
  }

  /**
   * The text of a file that comes with the lab.
   *
   * @param path among the resources
   */
  public static byte[] text(String path) {
    try (InputStream in = OwnCode.class.getResourceAsStream(path)) {
      if (in == null) {
        throw new IOException(path + " is not in its jar");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new LabException("The lab is incomplete: " + e.getMessage() + ". Run ./build.sh.", e);
    }
  }
}
