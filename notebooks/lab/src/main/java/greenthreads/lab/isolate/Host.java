package greenthreads.lab.isolate;

import greenthreads.lab.base.Cache;
import greenthreads.lab.base.LabException;
import greenthreads.lab.compile.Keeper;
import greenthreads.lab.compile.OwnCode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
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
          "guard.c",
          "runner.c",
          "live.c",
          "call.c",
          "report.c",
          "signals.c",
          "processor.c",
          "names.c",
          "watcher.c",
          "family.c",
          "tracer.c",
          "frames.c");
  private static final List<String> HEADERS =
      List.of(
          "host.h",
          "guard.h",
          "runner.h",
          "live.h",
          "call.h",
          "report.h",
          "signals.h",
          "processor.h",
          "names.h",
          "watcher.h",
          "family.h",
          "tracer.h",
          "frames.h");

  private final List<String> compiler;
  private final OwnCode program;
  private final OwnCode mirror;
  private final List<String> launcher;

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
    this.launcher = List.copyOf(launcher);
    program = OwnCode.program(compiler, OPTIONS, sources(), cache, BINARY);
    var source = new TreeMap<>(Map.of(MIRROR + ".c", OwnCode.text(FOLDER + MIRROR + ".c")));
    mirror = OwnCode.library(compiler, source, cache, MIRROR);
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
    command.add(program.file().toString());
    return command;
  }

  /**
   * The library by which this process looks into the memory of a living one, compiled if need be.
   *
   * @throws LabException if it cannot be compiled
   */
  Path mirror() {
    return mirror.file();
  }

  /** The command that compiles the host. */
  static List<String> compilation(List<String> compiler, List<String> units, String out) {
    return OwnCode.command(compiler, OPTIONS, units, out);
  }

  /** The host's source files by their names, the units to compile first. */
  static SequencedMap<String, byte[]> sources() {
    SequencedMap<String, byte[]> keeper = Keeper.sources();
    var sources = new LinkedHashMap<String, byte[]>();
    Stream.concat(UNITS.stream(), HEADERS.stream())
        .forEach(name ->
            sources.put(
                name, keeper.containsKey(name) ? keeper.get(name) : OwnCode.text(FOLDER + name)));
    return sources;
  }
}
