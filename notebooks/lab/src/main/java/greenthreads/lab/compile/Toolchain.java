package greenthreads.lab.compile;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.base.Program;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The C compiler this machine offers.
 *
 * @param command the program and the words that always come first, as {@code $CC} gives them
 * @param executable the program's file
 * @param version what it calls itself, short: {@code gcc 12.2.0}
 * @param identity changes whenever the compiler does; part of every cache key
 */
public record Toolchain(List<String> command, Path executable, String version, String identity) {
  private static final List<String> USUAL = List.of("cc", "gcc", "clang");

  static final String HOW_TO_INSTALL =
      "Install one: `sudo apt install gcc` (Debian, Ubuntu), `sudo dnf install gcc` (Fedora),"
          + " `xcode-select --install` (macOS), or `conda install c-compiler`."
          + " Then run the cell again.";

  /**
   * Finds the compiler named by {@code CC}, else the first of cc, gcc, clang on {@code PATH}.
   *
   * @throws LabException if there is none, saying how to install one
   */
  public static Toolchain find(Map<String, String> environment) {
    String chosen = environment.getOrDefault("CC", "").strip();
    String path = environment.getOrDefault("PATH", "");
    if (!chosen.isEmpty()) {
      List<String> command = words(chosen);
      Path executable =
          Program.find(command.getFirst(), path)
              .orElseThrow(() ->
                  new LabException(
                      "CC says `"
                          + chosen
                          + "`, but there is no such program.\nUnset CC or point it at a C"
                          + " compiler, then restart the kernel."));
      return describe(command, executable, environment);
    }
    for (String name : USUAL) {
      Optional<Path> executable = Program.find(name, path);
      if (executable.isPresent() && usable(executable.get())) {
        return describe(List.of(executable.get().toString()), executable.get(), environment);
      }
    }
    throw new LabException(
        "There is no C compiler on this machine (looked for cc, gcc and clang on PATH).\n"
            + HOW_TO_INSTALL);
  }

  /**
   * The words of {@code CC} as a shell would take them; but where it begins with a path of a
   * program, that path is one word, whatever stands in it.
   */
  static List<String> words(String chosen) {
    String path = chosen;
    while (path.contains("/")) {
      if (isProgram(path)) {
        var words = new ArrayList<String>(List.of(path));
        words.addAll(split(chosen.substring(path.length())));
        return words;
      }
      path = path.replaceFirst("\\s+\\S*$|^\\S*$", "");
    }
    return split(chosen);
  }

  private static boolean isProgram(String path) {
    try {
      return Files.isRegularFile(Path.of(path)) && Files.isExecutable(Path.of(path));
    } catch (InvalidPathException e) {
      return false;
    }
  }

  /** A quote that is never closed is a character like others. */
  private static List<String> split(String text) {
    var words = new ArrayList<String>();
    Matcher word = WORD.matcher(text);
    while (word.find()) {
      String plain =
          PIECE
              .matcher(word.group())
              .replaceAll(piece -> {
                String inside =
                    piece.group(1) != null
                        ? piece.group(1)
                        : piece.group(2) != null
                            ? piece.group(2).replaceAll("\\\\([\"\\\\$`])", "$1")
                            : piece.group(3);
                return Matcher.quoteReplacement(inside);
              });
      words.add(plain);
    }
    return words;
  }

  private static final String QUOTED = "'([^']*)'|\"((?:\\\\.|[^\"\\\\])*)\"|\\\\(.)";
  private static final Pattern PIECE = Pattern.compile(QUOTED);
  private static final Pattern WORD = Pattern.compile("(?:" + QUOTED + "|\\S)+");

  public boolean isClang() {
    return version.contains("clang");
  }

  /**
   * On a Mac without the command line tools /usr/bin/cc is a stub that opens a dialog: ask first.
   */
  private static boolean usable(Path executable) {
    if (!Platform.IS_MAC || !executable.startsWith("/usr/bin")) {
      return true;
    }
    return Program.run(List.of("/usr/bin/xcode-select", "-p")).exit() == 0;
  }

  /** Variables that change what a compiler or its linker makes of the same words. */
  private static final Pattern CHANGES_RESULTS =
      Pattern.compile(
          "CPATH|C_INCLUDE_PATH|LIBRARY_PATH|COMPILER_PATH|GCC_\\w+|CCC_\\w+|CLANG_\\w+|LD_RUN_PATH"
              + "|LD_LIBRARY_PATH|LDEMULATION|LDFLAGS|NIX_\\w+|SDKROOT|MACOSX_DEPLOYMENT_TARGET"
              + "|SOURCE_DATE_EPOCH|DEPENDENCIES_OUTPUT|ZIG_\\w+|DEVELOPER_DIR");

  private static String identity(
      List<String> command, Path executable, String banner, Map<String, String> environment) {
    var parts = new ArrayList<String>(List.of(executable.toString(), banner));
    parts.addAll(command);
    new TreeMap<>(environment)
        .forEach((name, value) -> {
          if (CHANGES_RESULTS.matcher(name).matches()) {
            parts.add(name + "=" + value);
          }
        });
    return String.join("|", parts);
  }

  private static Toolchain describe(
      List<String> command, Path executable, Map<String, String> environment) {
    var words = new ArrayList<>(command);
    words.add("--version");
    Program.Result result = Program.run(words);
    if (result.exit() != 0 || result.output().isBlank()) {
      throw new LabException(
          "The C compiler `"
              + String.join(" ", command)
              + "` does not work: `--version` ended with exit status "
              + result.exit()
              + ".\n"
              + result.output().strip()
              + "\n"
              + HOW_TO_INSTALL);
    }
    String banner = result.output().lines().findFirst().orElse("").strip();
    return new Toolchain(
        List.copyOf(command),
        executable,
        shortVersion(banner),
        identity(command, executable, banner, environment));
  }

  /** Turns a compiler's banner into a name and a number: {@code gcc 12.2.0}. */
  static String shortVersion(String banner) {
    String lower = banner.toLowerCase();
    String name =
        lower.contains("apple clang") ? "Apple clang" : lower.contains("clang") ? "clang" : "gcc";
    String afterParentheses = banner.replaceAll("\\([^)]*\\)", " ");
    var number = java.util.regex.Pattern.compile("\\d+\\.\\d+(\\.\\d+)?").matcher(afterParentheses);
    return number.find() ? name + " " + number.group() : banner;
  }
}
