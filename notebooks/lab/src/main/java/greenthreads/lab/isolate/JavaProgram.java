package greenthreads.lab.isolate;

import static java.nio.charset.StandardCharsets.UTF_8;

import greenthreads.lab.base.Cache;
import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.Internal;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Program;
import greenthreads.lab.base.Words;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.compile.Keeper;
import greenthreads.lab.show.Listing;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;

/**
 * A Java program beside the notebooks, for JVMs of its own: whatever happens in one of them, this
 * kernel goes on.
 *
 * <p>Each JVM has 128 MiB for objects and half a minute, dumps no core, and has ended before {@link
 * #run} returns; what it wrote is gone then.
 */
public final class JavaProgram {
  /** Counts that a program keeps in its file, which survives it. */
  private static final int COUNTS = 4;

  private static final Duration LIMIT = Duration.ofSeconds(30);

  /** A flag of the JVM's that may stand for a collector. */
  private static final Pattern USES = Pattern.compile("bool Use(\\w+)GC +=");

  private static final Pattern REPORT = Pattern.compile("(?ms)^#\\R# A fatal error.*");
  private static final String NEWS = "(?m)^NOTE: Picked up .*\\R";

  private final String name;
  private final Path library;
  private final Workspace workspace;
  private final Keeper keeper;
  private final Duration limit;
  private List<String> collectors;

  /**
   * @param name the file's name without {@code .java}, which is also its class's
   * @param library the compiled C that it loads
   * @param keeper ends the JVMs, whatever becomes of this process
   */
  @Internal
  public JavaProgram(String name, Path library, Workspace workspace, Keeper keeper) {
    this(name, library, workspace, keeper, LIMIT);
  }

  /**
   * @param limit how long each JVM may run
   */
  JavaProgram(String name, Path library, Workspace workspace, Keeper keeper, Duration limit) {
    this.limit = limit;
    this.name = name;
    this.library = library;
    this.workspace = workspace;
    this.keeper = keeper;
    text();
  }

  private Path file() {
    return workspace.root().resolve("notebooks").resolve(name + ".java");
  }

  private String text() {
    try {
      return Files.readString(file());
    } catch (IOException e) {
      throw new LabException(
          "There is no program `%s`: %s.\nIt is a file beside the notebooks."
              .formatted(name, Words.reason(e)),
          e);
    }
  }

  /**
   * The text of one of its methods, with its comment.
   *
   * @throws LabException if it has no such method
   */
  public Listing source(String method) {
    var found =
        Pattern.compile(
                "(?ms)(?:^ {4}/\\*\\*(?:(?!\\*/).)*\\*/\\R)?^ {4}static [^\\n=;]*\\b%s\\(.*?^ {4}}$"
                    .formatted(Pattern.quote(method)))
            .matcher(text());
    if (!found.find()) {
      throw new LabException("`%s.java` has no method `%s`.".formatted(name, method));
    }
    return new Listing(
        "java",
        "%s in %s.java".formatted(method, name),
        found.group().indent(-4).stripTrailing(),
        "notebooks/" + name + ".java");
  }

  /**
   * The garbage collectors that this JDK has, by the names that its flags have: {@code G1} for
   * {@code -XX:+UseG1GC}. It is asked, with a JVM for each.
   */
  public synchronized List<String> collectors() {
    if (collectors == null) {
      Program.Result flags =
          Program.run(
              List.of(
                  java(), "-XX:+UnlockExperimentalVMOptions", "-XX:+PrintFlagsFinal", "-version"));
      collectors =
          USES.matcher(flags.output())
              .results()
              .map(found -> found.group(1))
              .filter(each -> !each.contains("System") && !each.contains("Major") && works(each))
              .toList();
    }
    return collectors;
  }

  private static boolean works(String collector) {
    return Program.run(
                List.of(
                    java(),
                    "-XX:+UnlockExperimentalVMOptions",
                    uses(collector),
                    "-Xmx64m",
                    "-version"))
            .exit()
        == 0;
  }

  private static String uses(String collector) {
    return "-XX:+Use" + collector + "GC";
  }

  private static String java() {
    return Path.of(System.getProperty("java.home"), "bin", "java").toString();
  }

  /**
   * Runs it in a JVM of its own, to whatever end.
   *
   * @param collector one of {@link #collectors}
   * @param words what the program is told
   * @throws LabException if it does not compile, or the cell is interrupted: then the JVM has ended
   */
  public JvmEnd run(String collector, Object... words) {
    if (!collectors().contains(collector)) {
      throw new LabException(
          "This JDK has no collector `%s`; it has: %s."
              .formatted(collector, String.join(", ", collectors())));
    }
    try {
      Path classes = compiled();
      deleteAbandoned(workspace.folder("jvm"));
      Path folder = Files.createTempDirectory(workspace.folder("jvm"), "run-");
      try {
        return run(collector, classes, folder, words);
      } finally {
        Cache.delete(folder);
      }
    } catch (IOException e) {
      throw new LabException(
          "A JVM could not be run in %s: %s.\nFree some space, or make it writable."
              .formatted(workspace.build(), Words.reason(e)),
          e);
    }
  }

  /** What a kernel has left that was killed meanwhile; nobody's JVM lives so long. */
  private static void deleteAbandoned(Path folder) throws IOException {
    Instant longAgo = Instant.now().minus(LIMIT.multipliedBy(20));
    try (var runs = Files.list(folder)) {
      for (Path run : runs.toList()) {
        if (Files.exists(run) && Files.getLastModifiedTime(run).toInstant().isBefore(longAgo)) {
          Cache.delete(run);
        }
      }
    }
  }

  private JvmEnd run(String collector, Path classes, Path folder, Object... words)
      throws IOException {
    Path counts = Files.write(folder.resolve("counts"), new byte[8 * COUNTS]);
    Path log = folder.resolve("hs_err.log");
    var command = new ArrayList<>(options(collector, folder, log));
    command.addAll(List.of("-cp", classes.toString(), name, library.toString(), counts.toString()));
    for (Object word : words) {
      command.add(word.toString());
    }
    Program.Result result = keeper.run(command, folder, limit);
    return new JvmEnd(
        collector,
        result.exit(),
        result.tookTooLong(),
        numbers(counts),
        REPORT.matcher(result.output().replaceAll(NEWS, "")).replaceFirst(""),
        Files.exists(log)
            ? JvmCrash.read(new String(Files.readAllBytes(log), UTF_8))
            : Optional.empty());
  }

  /** Little memory, nothing left in places that all share, no core. */
  private static List<String> options(String collector, Path folder, Path log) {
    return List.of(
        java(),
        "-XX:+UnlockExperimentalVMOptions",
        uses(collector),
        "-Xmx128m",
        "-XX:ReservedCodeCacheSize=32m",
        "-XX:CompressedClassSpaceSize=64m",
        "-XX:-UsePerfData",
        "-XX:-CreateCoredumpOnCrash",
        "-XX:ErrorLogTimeout=10",
        "-XX:ErrorFile=" + log,
        "-Djava.io.tmpdir=" + folder,
        "--enable-native-access=ALL-UNNAMED");
  }

  private static List<Long> numbers(Path counts) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(counts)).order(ByteOrder.nativeOrder());
    var numbers = new ArrayList<Long>();
    while (bytes.hasRemaining()) {
      numbers.add(bytes.getLong());
    }
    return List.copyOf(numbers);
  }

  /** The folder of its classes. */
  private Path compiled() throws IOException {
    String text = text();
    String entry =
        name
            + "-"
            + Cache.digest(text.getBytes(UTF_8), Runtime.version().toString().getBytes(UTF_8))
                .substring(0, 16);
    return new Cache(workspace.folder("java"))
        .get(entry, name + ".class", draft -> compile(text, draft))
        .folder();
  }

  private void compile(String text, Path draft) throws IOException {
    Path source = Files.writeString(draft.resolve(name + ".java"), text);
    var said = new ByteArrayOutputStream();
    int status =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                said,
                said,
                "-proc:none",
                "-nowarn",
                "-XDignore.symbol.file",
                "-d",
                draft.toString(),
                source.toString());
    if (status != 0) {
      throw new CompileError(
          "%s.java does not compile:\n\n%s"
              .formatted(name, said.toString(UTF_8).replace(draft + "/", "").strip()));
    }
  }
}
