package greenthreads.lab.isolate;

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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.Stream;

/**
 * The small native program that runs a function in a process of its own.
 *
 * <p>It is compiled from the files in host/ the first time it is needed, and kept in a {@link
 * Cache}.
 */
public final class Host {
  private static final String FOLDER = "/greenthreads/lab/isolate/host/";
  private static final String BINARY = "host";
  private static final String MIRROR = "mirror";
  private static final List<String> OPTIONS =
      List.of(
          "-std=c17",
          "-O1",
          "-Wall",
          "-Wextra",
          "-fvisibility=hidden",
          "-fno-stack-protector",
          "-pthread",
          "-rdynamic");
  static final List<String> UNITS =
      List.of(
          "main.c",
          "runner.c",
          "live.c",
          "call.c",
          "report.c",
          "signals.c",
          "processor.c",
          "names.c",
          "watcher.c",
          "tracer.c",
          "frames.c");
  private static final List<String> HEADERS =
      List.of(
          "host.h",
          "runner.h",
          "live.h",
          "call.h",
          "report.h",
          "signals.h",
          "processor.h",
          "names.h",
          "watcher.h",
          "tracer.h",
          "frames.h");

  private final List<String> compiler;
  private final Path cache;
  private final List<String> launcher;

  /** The host's name in the cache, which says what it is made of; null: not yet worked out. */
  private String name;

  /**
   * @param compiler the C compiler's command
   * @param cache an existing folder of ours, for the compiled host
   */
  public Host(List<String> compiler, Path cache) {
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
  public List<String> command() {
    var command = new ArrayList<>(launcher);
    command.add(binary().toString());
    return command;
  }

  /**
   * The library by which this process looks into the memory of a living one, compiled if need be.
   *
   * @throws LabException if it cannot be compiled
   */
  synchronized Path mirror() {
    byte[] source = source(MIRROR + ".c");
    var command = new ArrayList<>(compiler);
    command.addAll(List.of("-std=c17", "-O1", "-Wall", "-Wextra", "-fPIC", "-shared"));
    command.addAll(List.of(MIRROR + ".c", "-o", MIRROR + Platform.LIBRARY_SUFFIX));
    String key = Cache.digest(source, String.join("\0", command).getBytes(UTF_8));
    return made(
        MIRROR + "-" + key.substring(0, 16),
        MIRROR + Platform.LIBRARY_SUFFIX,
        draft -> {
          Files.write(draft.resolve(MIRROR + ".c"), source);
          compile(command, draft);
        });
  }

  /** One at a time: whoever needs it while it is being made waits for it. */
  private synchronized Path binary() {
    if (name == null) {
      name = "host-" + key(sources());
    }
    return made(name, BINARY, draft -> build(sources(), draft));
  }

  /** A file in the cache, made if it is not there. */
  private Path made(String entry, String product, Cache.Maker maker) {
    try {
      return new Cache(cache).get(entry, product, maker).folder().resolve(product);
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

  private void build(SequencedMap<String, byte[]> sources, Path draft) throws IOException {
    for (var source : sources.entrySet()) {
      Files.write(draft.resolve(source.getKey()), source.getValue());
    }
    compile(compilation(compiler, UNITS, BINARY), draft);
  }

  private static void compile(List<String> command, Path draft) {
    Program.Result result =
        Progress.during(
            "compiling the program that runs code apart (once)", () -> Program.run(command, draft));
    if (result.exit() != 0) {
      throw new LabException(
          "The program for isolated runs does not compile with `%s` (exit status %d).\n\n%s"
              .formatted(String.join(" ", command), result.exit(), result.output().strip()));
    }
  }

  /** The command that compiles the host. */
  static ArrayList<String> compilation(List<String> compiler, List<String> units, String out) {
    var command = new ArrayList<>(compiler);
    command.addAll(OPTIONS);
    command.addAll(units);
    command.addAll(List.of("-o", out));
    if (!Platform.IS_MAC) {
      command.add("-ldl");
    }
    return command;
  }

  private String key(SequencedMap<String, byte[]> sources) {
    var parts = new ArrayList<byte[]>();
    parts.add(String.join("\0", compiler).concat(OPTIONS.toString()).getBytes(UTF_8));
    sources.forEach((name, text) -> {
      parts.add(name.getBytes(UTF_8));
      parts.add(text);
    });
    return Cache.digest(parts.toArray(byte[][]::new)).substring(0, 16);
  }

  /** The host's source files by their names, the units to compile first. */
  static SequencedMap<String, byte[]> sources() {
    var sources = new LinkedHashMap<String, byte[]>();
    Stream.concat(UNITS.stream(), HEADERS.stream())
        .forEach(name -> sources.put(name, source(name)));
    return sources;
  }

  private static byte[] source(String name) {
    try (InputStream in = Host.class.getResourceAsStream(FOLDER + name)) {
      if (in == null) {
        throw new IOException(FOLDER + name + " is not in its jar");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new LabException("The lab is incomplete: " + e.getMessage() + ". Run ./build.sh.", e);
    }
  }
}
