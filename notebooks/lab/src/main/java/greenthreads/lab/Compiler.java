package greenthreads.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Turns C sources into shared libraries, and remembers those it has made.
 *
 * <p>The memory is a folder whose entries are named by what went into them: source, headers,
 * options, compiler. An entry is a folder of its own, filled under another name and then renamed,
 * so that another kernel sees all of it or nothing. Each carries a checksum: an entry that was
 * damaged is made again.
 */
final class Compiler {
  /** Part of every key; to be changed when the options below or the entry's form change. */
  private static final String FORM = "2";

  private static final String OBJECT = "library.o";
  private static final String CHECKSUM = "sha256";
  private static final String MESSAGES = "messages";

  /** The options of every build; those of a request come after them and so win. */
  // DWARF 4: objdump 2.40 mistakes the first file of DWARF 5's line table for another.
  static final List<String> OPTIONS =
      List.of("-std=c17", "-O2", "-g", "-gdwarf-4", "-fPIC", "-pthread", "-Wall", "-Wextra");

  private final Toolchain toolchain;
  private final Workspace workspace;

  Compiler(Toolchain toolchain, Workspace workspace) {
    this.toolchain = toolchain;
    this.workspace = workspace;
  }

  Toolchain toolchain() {
    return toolchain;
  }

  /**
   * A compiled source.
   *
   * @param library the shared library in the cache
   * @param debug the file that holds its debug information: on macOS the object file
   * @param key names its content
   * @param fresh whether the compiler ran for it just now
   * @param messages the compiler's warnings, empty if it had none
   */
  record Built(Path library, Path debug, String key, boolean fresh, String messages) {}

  /**
   * Compiles a source unless that was done before.
   *
   * @throws CompileError with the compiler's own words if it refuses the source
   * @throws LabException if the cache cannot be written
   */
  Built build(NativeSource source, List<String> options) {
    var words = new ArrayList<>(options);
    words.add(toolchain.identity());
    words.add(String.join(" ", OPTIONS));
    words.add(FORM);
    String key = source.key(words);
    Path cache = workspace.folder("native");
    Path entry = cache.resolve(fileName(source) + "-" + key);
    try {
      Optional<Built> known = open(source, entry, key, false);
      if (known.isPresent()) {
        return known.get();
      }
      Path draft = Files.createTempDirectory(cache, "draft-");
      try {
        compile(source, options, draft);
        publish(source, draft, entry, key);
      } catch (CompileError e) {
        if (Files.isDirectory(draft)) {
          throw e;
        }
        throw new IOException("it was deleted meanwhile");
      } finally {
        delete(draft);
      }
      return open(source, entry, key, true)
          .orElseThrow(() -> new IOException("the library just written is not there any more"));
    } catch (IOException e) {
      throw new LabException(
          source.title()
              + " could not be compiled, since the cache folder "
              + cache
              + " cannot be used: "
              + Words.reason(e)
              + ".\nFree some space or make the folder writable, then run the cell again;"
              + " nothing half-written was left behind.",
          e);
    }
  }

  private static String fileName(NativeSource source) {
    return source.name().replaceAll("[^A-Za-z0-9._-]", "_");
  }

  /** Crash reports and debuggers show it: better the chapter's name than a digest. */
  private static String libraryName(NativeSource source) {
    return fileName(source) + Platform.LIBRARY_SUFFIX;
  }

  private void compile(NativeSource source, List<String> options, Path draft) throws IOException {
    Path directory = source.folder();
    if (!source.files().isEmpty()) {
      directory = draft.resolve("source");
      layOut(source, directory);
    }
    var command = new ArrayList<>(toolchain.command());
    command.addAll(OPTIONS);
    command.add("-I" + source.folder());
    command.addAll(options);
    var messages = new StringBuilder();
    if (Platform.IS_MAC) {
      // Darwin leaves debug information in the object file, so keep that one.
      String object = draft.resolve(OBJECT).toString();
      run(source, with(command, "-c", source.unit(), "-o", object), directory, messages);
      var link = new ArrayList<>(toolchain.command());
      // _lab_stack is there only in an isolated run.
      link.addAll(
          List.of(
              "-dynamiclib",
              "-Wl,-U,_lab_stack",
              object,
              "-o",
              draft.resolve(libraryName(source)).toString()));
      run(source, link, directory, messages);
    } else {
      // -Bsymbolic: a chapter's own function wins over one of the same name elsewhere in the JVM.
      // -z defs: a function defined nowhere is an error now, not the end of the JVM at its call.
      command.addAll(List.of("-shared", "-Wl,-Bsymbolic,-z,defs,-z,now", source.unit()));
      run(
          source,
          with(command, "-o", draft.resolve(libraryName(source)).toString()),
          directory,
          messages);
    }
    Files.writeString(draft.resolve(MESSAGES), messages);
    Files.writeString(draft.resolve(CHECKSUM), checksum(draft.resolve(libraryName(source))));
  }

  private static void layOut(NativeSource source, Path directory) throws IOException {
    for (var file : source.files().entrySet()) {
      Path path = directory.resolve(file.getKey());
      Files.createDirectories(path.getParent());
      Files.write(path, file.getValue());
    }
  }

  private static List<String> with(List<String> command, String... more) {
    var all = new ArrayList<>(command);
    all.addAll(List.of(more));
    return all;
  }

  private void run(
      NativeSource source, List<String> command, Path directory, StringBuilder messages)
      throws IOException {
    Toolchain.Result result = Toolchain.run(command, directory);
    String output = result.output().replace(directory + "/", "");
    if (result.exit() == 0) {
      messages.append(output);
      return;
    }
    if (output.contains("No space left on device")) {
      throw new IOException("No space left on device");
    }
    throw new CompileError(refusal(source, output, result.exit()));
  }

  private static final Pattern UNDEFINED = Pattern.compile("undefined reference to [`'](\\w+)'");

  private static final Pattern ASSEMBLER =
      Pattern.compile("(?m)^\\S+\\.s:\\d+: (Error|Warning): (.*)$");

  /** The assembler speaks of a file that is gone: say where its text stands in the reader's. */
  private static String inOurLines(NativeSource source, String output) {
    String text = output.replaceAll("(?m)^\\S+\\.s: Assembler messages:\n", "");
    return ASSEMBLER
        .matcher(text)
        .replaceAll(message -> {
          String said = message.group(2);
          String wanted =
              squeezed(said.replaceFirst("^[^`']*[`']", "").replaceFirst("'[^']*$", ""));
          var places = new ArrayList<String>();
          source
              .included()
              .forEach((file, content) -> {
                int number = 0;
                for (String line : new String(content, StandardCharsets.UTF_8).split("\n", -1)) {
                  number++;
                  if (!file.startsWith("merged-") && squeezed(line).contains(wanted)) {
                    places.add(file + ":" + number);
                  }
                }
              });
          String place = places.isEmpty() ? "assembly" : String.join(" or ", places);
          return Matcher.quoteReplacement(place + ": error: " + said);
        });
  }

  private static String squeezed(String text) {
    return text.replaceAll("\\s", "");
  }

  private String refusal(NativeSource source, String raw, int exit) {
    String output = inOurLines(source, raw);
    var undefined = UNDEFINED.matcher(output);
    if (undefined.find()) {
      return "%s calls `%s`, but no such function is defined in it or in the C library.\n\n%s"
          .formatted(source.title(), undefined.group(1), output.stripTrailing());
    }
    long errors = output.lines().filter(line -> line.contains("error:")).count();
    String count = errors == 1 ? "1 error" : errors + " errors";
    String head =
        errors == 0
            ? "%s does not compile: %s ended with exit status %d."
                .formatted(source.title(), toolchain.version(), exit)
            : "%s does not compile: %s found %s."
                .formatted(source.title(), toolchain.version(), count);
    String before =
        "\nWhat was loaded before is untouched. Mend the source and run the cell again.";
    return head + "\n\n" + output.stripTrailing() + "\n" + before;
  }

  /** Moves a finished draft to its name. Whoever comes second finds the work done. */
  private static void publish(NativeSource source, Path draft, Path entry, String key)
      throws IOException {
    for (int attempt = 0; ; attempt++) {
      try {
        Files.move(draft, entry, StandardCopyOption.ATOMIC_MOVE);
        return;
      } catch (FileSystemException e) {
        if (open(source, entry, key, false).isPresent()) {
          return;
        }
        if (!Files.exists(entry) && attempt > 0 || attempt == 3) {
          throw e;
        }
      }
      setAside(entry);
    }
  }

  /** Takes a damaged entry away under another name, so that no one sees it half deleted. */
  private static void setAside(Path entry) throws IOException {
    Path aside = Files.createTempDirectory(entry.getParent(), "damaged-");
    try {
      Files.move(entry, aside.resolve("entry"), StandardCopyOption.ATOMIC_MOVE);
    } catch (NoSuchFileException e) {
      // Another kernel took it away first.
    } finally {
      delete(aside);
    }
  }

  /** Opens an entry if it is there and whole. */
  private static Optional<Built> open(NativeSource source, Path entry, String key, boolean fresh) {
    Path library = entry.resolve(libraryName(source));
    try {
      String recorded = Files.readString(entry.resolve(CHECKSUM));
      String messages = Files.readString(entry.resolve(MESSAGES));
      if (!recorded.equals(checksum(library))) {
        return Optional.empty();
      }
      Path object = entry.resolve(OBJECT);
      Path debug = Files.exists(object) ? object : library;
      return Optional.of(new Built(library, debug, key, fresh, messages));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static String checksum(Path file) throws IOException {
    try {
      byte[] sum = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
      return HexFormat.of().formatHex(sum);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  static void delete(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    try (var all = Files.walk(folder)) {
      for (Path file : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException | UncheckedIOException e) {
      // Another process is deleting the same folder, or it is gone: either way it is not ours.
    }
  }

  /** What the compiler makes of a source as assembly text, for the reader to look at. */
  String assembly(NativeSource source, List<String> options) {
    Path cache = workspace.folder("native");
    try {
      Path draft = Files.createTempDirectory(cache, "draft-");
      try {
        Path directory = source.folder();
        if (!source.files().isEmpty()) {
          directory = draft.resolve("source");
          layOut(source, directory);
        }
        var command = new ArrayList<>(toolchain.command());
        command.addAll(List.of("-std=c17", "-fPIC", "-I" + source.folder()));
        command.addAll(options);
        String out = draft.resolve("unit.s").toString();
        run(source, with(command, "-S", source.unit(), "-o", out), directory, new StringBuilder());
        return Files.readString(Path.of(out), StandardCharsets.UTF_8);
      } finally {
        delete(draft);
      }
    } catch (IOException e) {
      throw new LabException(
          source.title() + " could not be turned into assembly: " + Words.reason(e), e);
    }
  }
}
