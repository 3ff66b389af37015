package greenthreads.lab.compile;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.management.OperatingSystemMXBean;
import greenthreads.lab.base.Cache;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.base.Program;
import greenthreads.lab.base.Workspace;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * Runs the compiler so that it can do no harm, whatever the source makes of it: it has a limit of
 * time and of memory, and neither an interrupt nor the end of this process, however it came, leaves
 * anything of it running.
 *
 * <p>A small native program sees to that, compiled the first time and kept in a {@link Cache}.
 */
public final class Keeper {
  private static final String FOLDER = "/greenthreads/lab/compile/keeper/";
  private static final String BINARY = "keeper";
  private static final List<String> FILES = List.of("keeper.c", "family.c", "family.h");

  /**
   * Ten times what any honest source of the course takes, with any compiler; on a small machine
   * half of what it has.
   */
  private static final long MOST_MEMORY = 3L << 30;

  private static final long LEAST_MEMORY = 768L << 20;

  private final List<String> compiler;
  private final Workspace workspace;

  /** The native program; empty: it could not be made with this compiler. Null: not yet made. */
  private Optional<Path> program;

  /**
   * @param compiler the C compiler's command
   * @param workspace where the native program is kept
   */
  Keeper(List<String> compiler, Workspace workspace) {
    this.compiler = compiler;
    this.workspace = workspace;
  }

  /** How much memory each process of a compiler may have, in bytes. */
  static long memoryLimit() {
    return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
        ? Math.clamp(system.getTotalMemorySize() / 2, LEAST_MEMORY, MOST_MEMORY)
        : MOST_MEMORY;
  }

  /**
   * Runs a program to its end.
   *
   * @param directory where
   * @param scratch a folder for what the program writes for itself; it may be ended amid that
   * @throws LabException if the cell is interrupted; nothing of the program is left then
   */
  Program.Result run(List<String> command, Path directory, Path scratch) {
    Optional<Path> keeper = program();
    if (keeper.isEmpty()) {
      // A compiler that makes no programs: what it says of the source is about to be seen.
      return Program.run(command, directory);
    }
    var kept = new ArrayList<>(List.of(keeper.get().toString(), Long.toString(memoryLimit())));
    kept.add(Platform.IS_MAC ? "" : scratch.toString()); // there xcrun keeps what it found out
    return Program.runKept(kept, command, directory);
  }

  private synchronized Optional<Path> program() {
    if (program == null || program.filter(file -> !Files.isExecutable(file)).isPresent()) {
      program = make();
    }
    return program;
  }

  private Optional<Path> make() {
    SequencedMap<String, byte[]> sources = sources();
    var parts = new ArrayList<>(sources.sequencedValues());
    parts.add(String.join("\0", compiler).getBytes(UTF_8));
    String key = Cache.digest(parts.toArray(byte[][]::new)).substring(0, 16);
    try {
      Cache.Entry entry =
          new Cache(workspace.folder("keeper"))
              .get(BINARY + "-" + key, BINARY, draft -> make(sources, draft));
      return Optional.of(entry.folder().resolve(BINARY));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private void make(SequencedMap<String, byte[]> sources, Path draft) throws IOException {
    for (var source : sources.entrySet()) {
      Files.write(draft.resolve(source.getKey()), source.getValue());
    }
    var command = new ArrayList<>(compiler);
    command.addAll(List.of("-std=c17", "-O1", "-w", "keeper.c", "family.c", "-o", BINARY));
    Program.run(command, draft);
  }

  /** The source files by their names, for those who end families as well. */
  public static SequencedMap<String, byte[]> sources() {
    var sources = new LinkedHashMap<String, byte[]>();
    for (String name : FILES) {
      try (InputStream in = Keeper.class.getResourceAsStream(FOLDER + name)) {
        if (in == null) {
          throw new IOException(FOLDER + name + " is not in its jar");
        }
        sources.put(name, in.readAllBytes());
      } catch (IOException e) {
        throw new LabException("The lab is incomplete: " + e.getMessage() + ". Run ./build.sh.", e);
      }
    }
    return sources;
  }
}
