package greenthreads.lab.compile;

import greenthreads.lab.base.Cache;
import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.base.Program;
import greenthreads.lab.base.Progress;
import greenthreads.lab.base.Words;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.machine.Target;
import greenthreads.lab.source.NativeSource;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Turns C sources into shared libraries, and remembers those it has made.
 *
 * <p>The memory is a {@link Cache} whose entries are named by what went into them: source, headers,
 * options, compiler.
 */
public final class Compiler {
  /** Part of every key; to be changed when the options below or the entry's form change. */
  private static final String FORM = "4";

  private static final String LEVEL = "-O2";
  private static final String OBJECT = "library.o";
  private static final String MESSAGES = "messages";
  private static final String ASSEMBLY = "unit.s";

  /** The options of every build; those of a request come after them and so win. */
  // -pipe: the assembler begins while the compiler is still at work, and nothing goes to a disk.
  // DWARF 4: objdump 2.40 mistakes the first file of DWARF 5's line table for another.
  static final List<String> OPTIONS =
      List.of(
          "-std=c17",
          LEVEL,
          "-g",
          "-gdwarf-4",
          "-fPIC",
          OwnCode.NO_LTO,
          "-pthread",
          "-pipe",
          "-Wall",
          "-Wextra");

  /**
   * Words that switch off what some distributions' compilers add by default and others do not:
   * canaries, probes of the stack, landing pads, signed return addresses. They change listings,
   * counts of instructions and places of variables, and the chapters speak of all three. A request
   * can switch any of them on: its options come later.
   */
  public static List<String> plain(Target target, boolean isClang) {
    var words = new ArrayList<>(List.of("-fno-stack-protector"));
    boolean isLinux = target.title.endsWith("Linux");
    if (isLinux && !isClang) {
      words.add("-fno-stack-clash-protection"); // which clang knows for some processors only
    }
    switch (target) {
      case X86_64_LINUX -> words.add("-fcf-protection=none");
      case AARCH64_LINUX -> words.add("-mbranch-protection=none");
      default -> {}
    }
    return words;
  }

  /** Likewise, for this machine. */
  public List<String> plain() {
    return plain(Target.here(), toolchain.isClang());
  }

  private final Toolchain toolchain;
  private final Workspace workspace;
  private final Keeper keeper;

  public Compiler(Toolchain toolchain, Workspace workspace) {
    this.toolchain = toolchain;
    this.workspace = workspace;
    this.keeper = new Keeper(toolchain.command(), workspace);
  }

  public Toolchain toolchain() {
    return toolchain;
  }

  /**
   * A compiled source.
   *
   * @param library the shared library in the cache
   * @param entry the cache's entry that it is the product of
   * @param key names all that went into it
   * @param messages the compiler's warnings, empty if it had none
   */
  public record Built(Path library, Cache.Entry entry, String key, String messages) {
    /** Whether the compiler ran for it just now. */
    public boolean fresh() {
      return entry.fresh();
    }

    /** Puts its file back if the cache was deleted since. */
    public void restore() throws IOException {
      entry.restore(library.getFileName().toString());
    }

    /** The file that holds its debug information. */
    public Path debug() {
      return Platform.IS_MAC ? entry.folder().resolve(OBJECT) : library;
    }
  }

  /**
   * Compiles a source unless that was done before.
   *
   * @throws CompileError with the compiler's own words if it refuses the source; or if an option
   *     asks for a checker that cannot be loaded later
   * @throws LabException if the cache cannot be written
   */
  public Built build(NativeSource source, List<String> asked) {
    refuseCheckers(source, asked);
    List<String> options = needed(asked);
    var words = new ArrayList<>(options);
    words.add(toolchain.identity());
    words.add(String.join(" ", OPTIONS));
    words.addAll(plain());
    words.add(FORM);
    String key = source.key(words);
    return Progress.during("compiling " + source.title(), () -> build(source, options, key));
  }

  /** Without a level that is the usual one: the same code is compiled once. */
  private static List<String> needed(List<String> options) {
    return options.stream().allMatch(word -> word.equals(LEVEL) || !word.startsWith("-O"))
        ? options.stream().filter(word -> !word.equals(LEVEL)).toList()
        : options;
  }

  private static final Pattern CHECKER =
      Pattern.compile(
          "-fsanitize=(?:[\\w-]+,)*(?:hw|kernel-)?(?:address|thread|leak|memory|dataflow)\\b.*");

  /** What wants to be there before all else, cannot come with a library that is loaded later. */
  private void refuseCheckers(NativeSource source, List<String> options) {
    Stream.concat(toolchain.command().stream(), options.stream())
        .filter(word -> CHECKER.matcher(word).matches())
        .findFirst()
        .ifPresent(word -> {
          throw new CompileError(
              ("%s was not compiled: %s takes over a program from its very start, and the lab loads"
                      + " your code into a process that runs already.\nTake that option away, or"
                      + " compile a program of your own with it in a terminal; -fsanitize=undefined"
                      + " works here.")
                  .formatted(source.title(), word));
        });
  }

  private Built build(NativeSource source, List<String> options, String key) {
    Path cache = workspace.folder("native");
    try {
      Cache.Entry entry =
          new Cache(cache)
              .get(
                  fileName(source) + "-" + key,
                  libraryName(source),
                  draft -> compile(source, options, draft));
      return new Built(
          entry.folder().resolve(libraryName(source)), entry, key, messages(entry.folder()));
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

  private static String messages(Path entry) throws IOException {
    try {
      return Files.readString(entry.resolve(MESSAGES));
    } catch (NoSuchFileException e) {
      return ""; // the cache was deleted this moment; the library itself is in memory
    }
  }

  public static String fileName(NativeSource source) {
    return source.name().replaceAll("[^A-Za-z0-9._-]", "_");
  }

  /** Crash reports and debuggers show it: better the chapter's name than a digest. */
  private static String libraryName(NativeSource source) {
    return fileName(source) + Platform.LIBRARY_SUFFIX;
  }

  /**
   * A source that is laid out to be compiled.
   *
   * @param draft where what is made goes
   * @param directory where the compiler runs
   */
  private record Work(NativeSource source, Path draft, Path directory) {
    static Work in(Path draft, NativeSource source) throws IOException {
      Path directory = source.folder();
      if (!source.files().isEmpty()) {
        directory = draft.resolve("source");
        layOut(source, directory);
      }
      return new Work(source, draft, directory);
    }

    /** Where something that is made goes. */
    String out(String name) {
      return draft.resolve(name).toString();
    }
  }

  private void compile(NativeSource source, List<String> options, Path draft) throws IOException {
    Work work = Work.in(draft, source);
    var command = new ArrayList<>(toolchain.command());
    command.addAll(OPTIONS);
    command.addAll(plain());
    command.add("-I" + source.folder());
    command.addAll(options.stream().filter(option -> !option.startsWith("-l")).toList());
    // The linker takes from a library what those before it have asked for.
    var libraries = new ArrayList<>(options.stream().filter(o -> o.startsWith("-l")).toList());
    libraries.add("-lm");
    String messages;
    if (Platform.IS_MAC) {
      // Darwin leaves debug information in the object file, so keep that one.
      messages = run(work, with(command, "-c", source.unit()), OBJECT);
      var link = new ArrayList<>(toolchain.command());
      // _lab_stack is there only in an isolated run.
      link.addAll(List.of("-dynamiclib", "-Wl,-U,_lab_stack", work.out(OBJECT)));
      link.addAll(libraries);
      messages += run(work, link, libraryName(source));
    } else {
      // -Bsymbolic: a chapter's own function wins over one of the same name elsewhere in the JVM.
      // -z defs: a function defined nowhere is an error now, not the end of the JVM at its call.
      command.addAll(List.of("-shared", "-Wl,-Bsymbolic,-z,defs,-z,now", source.unit()));
      if (!toolchain.isClang()) {
        command.add("-fno-use-linker-plugin"); // it serves LTO only, and takes a while to load
      }
      command.add("-Wl,--as-needed");
      command.addAll(libraries);
      messages = run(work, command, libraryName(source));
    }
    Files.writeString(draft.resolve(MESSAGES), messages);
  }

  public static void layOut(NativeSource source, Path directory) throws IOException {
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

  /**
   * Runs the compiler for one product.
   *
   * @return its messages
   * @throws CompileError if it refuses, or makes something else
   */
  private String run(Work work, List<String> command, String product) throws IOException {
    NativeSource source = work.source();
    var words = with(command, "-o", work.out(product));
    Program.Result result = keeper.run(words, work.directory(), work.draft());
    String output = result.output().replace(work.directory() + "/", "");
    if (output.contains("No space left on device")) {
      throw new IOException("No space left on device");
    }
    if (result.exit() != 0) {
      throw new CompileError(
          tooMuch(source, result).orElseGet(() -> refusal(source, output, result.exit())));
    }
    if (!Files.exists(work.draft().resolve(product))) {
      if (!Files.exists(work.directory().resolve(source.unit()))) {
        throw new NoSuchFileException(work.out(product)); // the cache was deleted this moment
      }
      throw new CompileError(
          "%s was not compiled: as it was asked, %s only looked at it and made nothing.\nTake that"
                  .formatted(source.title(), toolchain.version())
              + " option away, and run the cell again.\n\n"
              + output.stripTrailing());
    }
    return output;
  }

  private static final Pattern NO_MEMORY =
      Pattern.compile(
          "(?i)out of memory|memory exhausted|cannot allocate memory|bad_alloc|allocation failed"
              + "|Killed signal terminated|not enough space");

  /** What is said of a source that keeps the compiler at work for ever, or takes all memory. */
  private Optional<String> tooMuch(NativeSource source, Program.Result result) {
    String what;
    if (result.tookTooLong()) {
      what = "did not end within %d s".formatted(Program.LIMIT.toSeconds());
    } else if (NO_MEMORY.matcher(result.output()).find()) {
      what = "needs more than the %.1f GiB of memory that it is given".formatted(memory());
    } else {
      return Optional.empty();
    }
    return Optional.of(
        "%s does not compile: %s %s, and was ended with all it had started.\n"
                .formatted(source.title(), toolchain.version(), what)
            + "A file without an end that is included, or a macro that grows with each use, is the"
            + " usual reason.\n\nWhat was loaded before is untouched."
            + " Mend the source and run the cell again.");
  }

  private static double memory() {
    return (double) Keeper.memoryLimit() / (1 << 30);
  }

  private static final Pattern UNDEFINED = Pattern.compile("undefined reference to [`'](\\w+)'");

  private static final Pattern ASSEMBLER =
      Pattern.compile("(?m)^(?:\\S+\\.s|\\{standard input\\}):\\d+: (Error|Warning): (.*)$");

  /**
   * The assembler speaks of a file that is gone, or of none: say where its text stands in the
   * reader's.
   */
  private static String inOurLines(NativeSource source, String output) {
    String text =
        output.replaceAll("(?m)^(?:\\S+\\.s|\\{standard input\\}): Assembler messages:\n", "");
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

  private static final Pattern MESSAGE =
      Pattern.compile("^(\\S.*?):\\d+:(?:\\d+:)? (?:fatal )?(error|warning|note):.*");

  private static final Pattern PLACE =
      Pattern.compile("^(?:In file included from |\\S.*: (?:In function|At top level)).*");

  /**
   * Where a cell was put into a file, an error in the cell can make the compiler lose its way in
   * the rest. What it says of the rest beside one in the cell is counted only; what it says of the
   * rest alone stays, since then the two do not fit together.
   */
  private static String withoutFollowers(NativeSource source, String output) {
    String own = source.name() + ".c";
    if (source.files().size() < 2 || output.lines().noneMatch(line -> isError(line, own))) {
      return output;
    }
    var kept = new StringBuilder();
    var place = new StringBuilder();
    boolean isKept = true;
    int followers = 0;
    for (String line : output.split("(?<=\n)")) {
      Matcher message = MESSAGE.matcher(line.stripTrailing());
      if (PLACE.matcher(line.stripTrailing()).matches()) {
        place.append(line);
        continue;
      }
      if (message.matches() && !message.group(2).equals("note")) {
        isKept = message.group(1).equals(own);
        followers += !isKept && message.group(2).equals("error") ? 1 : 0;
      }
      if (isKept) {
        kept.append(place).append(line);
      }
      place.setLength(0);
    }
    if (followers > 0) {
      kept.append(
          "\n… and %s outside of the cell, most likely because of what is wrong in it.\n"
              .formatted(followers == 1 ? "1 more" : followers + " more"));
    }
    return kept.toString();
  }

  private static boolean isError(String line, String file) {
    Matcher message = MESSAGE.matcher(line);
    return message.matches() && message.group(1).equals(file) && message.group(2).equals("error");
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
    return head + "\n\n" + withoutFollowers(source, output).stripTrailing() + "\n" + before;
  }

  /** What the compiler makes of a source as assembly text, for the reader to look at. */
  public String assembly(NativeSource source, List<String> options) {
    var words = new ArrayList<>(options);
    words.addAll(List.of(toolchain.identity(), ASSEMBLY, FORM));
    String name = fileName(source) + "-" + source.key(words);
    try {
      Cache.Entry entry =
          new Cache(workspace.folder("native"))
              .get(name, ASSEMBLY, draft -> assemble(source, options, draft));
      return new String(entry.content(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new LabException(
          source.title() + " could not be turned into assembly: " + Words.reason(e), e);
    }
  }

  private void assemble(NativeSource source, List<String> options, Path draft) throws IOException {
    var command = new ArrayList<>(toolchain.command());
    command.addAll(List.of("-std=c17", "-fPIC", OwnCode.NO_LTO, "-I" + source.folder()));
    command.addAll(options);
    run(Work.in(draft, source), with(command, "-S", source.unit()), ASSEMBLY);
  }
}
