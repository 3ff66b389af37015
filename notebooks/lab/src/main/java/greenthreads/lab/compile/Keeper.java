package greenthreads.lab.compile;

import com.sun.management.OperatingSystemMXBean;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.base.Program;
import greenthreads.lab.base.Workspace;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * Runs the compiler so that it can do no harm, whatever the source makes of it: it has a limit of
 * time and of memory, and neither an interrupt nor the end of this process, however it came, leaves
 * anything of it running. A small native program sees to that.
 */
public final class Keeper {
  private static final String FOLDER = "/greenthreads/lab/compile/keeper/";
  private static final List<String> FILES = List.of("keeper.c", "family.c", "family.h");
  private static final List<String> OPTIONS = List.of("-std=c17", "-O1");

  /**
   * Ten times what any honest source of the course takes, with any compiler; on a small machine
   * half of what it has.
   */
  private static final long MOST_MEMORY = 3L << 30;

  private static final long LEAST_MEMORY = 768L << 20;

  /** Looked up when it is first needed: it takes Java a while to ask the system. */
  private static final class Memory {
    static final long LIMIT =
        ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
            ? Math.clamp(system.getTotalMemorySize() / 2, LEAST_MEMORY, MOST_MEMORY)
            : MOST_MEMORY;
  }

  private final List<String> compiler;
  private final Workspace workspace;

  /** Its sources are read and its name in the cache is worked out once. */
  private volatile OwnCode program;

  /**
   * @param compiler the C compiler's command
   * @param workspace where the native program is kept
   */
  public Keeper(List<String> compiler, Workspace workspace) {
    this.compiler = compiler;
    this.workspace = workspace;
  }

  /** How much memory each process of a compiler may have, in bytes. */
  static long memoryLimit() {
    return Memory.LIMIT;
  }

  /**
   * Runs a program to its end.
   *
   * @param directory where
   * @param scratch a folder for what the program writes for itself; it may be ended amid that
   * @throws LabException if the cell is interrupted; nothing of the program is left then
   */
  Program.Result run(List<String> command, Path directory, Path scratch) {
    Path file;
    try {
      file = program().file();
    } catch (LabException e) {
      // A compiler that makes no programs: what it says of the source is about to be seen.
      return Program.run(command, directory);
    }
    // On macOS xcrun keeps there what it found out.
    return Program.runKept(
        words(file, Platform.IS_MAC ? "" : scratch.toString()), command, directory);
  }

  /**
   * Runs any program to its end, or to the end of its time.
   *
   * @param directory where it runs, and what it writes for itself goes
   * @param limit how long it may take
   * @throws LabException if the cell is interrupted, and nothing of the program is left then; or if
   *     there is no keeper, since it does not compile
   */
  public Program.Result run(List<String> command, Path directory, Duration limit) {
    return Program.runKept(
        words(program().file(), directory.toString()), command, directory, limit);
  }

  private static List<String> words(Path file, String scratch) {
    return List.of(file.toString(), Long.toString(memoryLimit()), scratch);
  }

  private OwnCode program() {
    if (program == null) {
      program = OwnCode.program(compiler, OPTIONS, sources(), workspace.folder("keeper"), "keeper");
    }
    return program;
  }

  /** The source files by their names, for those who end families as well. */
  public static SequencedMap<String, byte[]> sources() {
    var sources = new LinkedHashMap<String, byte[]>();
    FILES.forEach(name -> sources.put(name, OwnCode.text(FOLDER + name)));
    return sources;
  }
}
