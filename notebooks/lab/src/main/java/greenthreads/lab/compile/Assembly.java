package greenthreads.lab.compile;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.show.Listing;
import greenthreads.lab.source.NativeSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** Reads one function out of the assembly text that a compiler writes. */
public final class Assembly {
  /** What the assembler needs and the reader does not: sections, alignment, unwind tables. */
  private static final Pattern NOISE =
      Pattern.compile(
          "\\s*(\\.(cfi_|loc|file|type|size|globl|p2align|align|balign|section|text|ident|weak"
              + "|hidden|build_version|subsections_via_symbols|private_extern|addrsig|intel_syntax"
              + "|att_syntax|set|data|arch).*|[#;@].*|//.*)?");

  private static final Pattern LABEL = Pattern.compile("^([.\\w$]+):.*");
  private static final Pattern LOCATION = Pattern.compile("\\s*\\.loc\\s+(\\d+)\\s+(\\d+).*");
  private static final Pattern FILE =
      Pattern.compile("\\s*\\.file\\s+(\\d+)\\s+(?:\"[^\"]*\"\\s+)?\"([^\"]*)\".*");
  private static final Pattern TRAILING_COMMENT = Pattern.compile("\\s+(##|#|//|;)\\s.*$");

  /** What holds strings, in which quotes belong to the text. */
  private static final Pattern STRINGS =
      Pattern.compile("\\s*\\.(file|section|string|asciz?|ident)\\b");

  private static final Pattern QUOTED = Pattern.compile("\"([.\\w$@]+)\"");

  private Assembly() {}

  /**
   * What a compiler makes of one function, for the reader to look at.
   *
   * @param options words for the compiler, after those that keep the listing plain
   * @throws LabException if it makes no such function
   */
  public static Listing listing(
      Compiler compiler, NativeSource source, String function, List<String> options) {
    var words = new ArrayList<String>();
    if (options.stream().noneMatch(option -> option.startsWith("-O"))) {
      words.add("-O2");
    }
    if (Platform.IS_X86_64) {
      words.add("-masm=intel");
    }
    words.addAll(compiler.plain());
    words.addAll(List.of("-fno-asynchronous-unwind-tables", "-fno-verbose-asm"));
    words.addAll(options);
    String all = compiler.assembly(source, words);
    String code =
        function(all, function)
            .orElseThrow(() ->
                new LabException(
                    "%s: the compiler made no function `%s` of its own.\n"
                            .formatted(source.title(), function)
                        + "It may be missing from the source, or static and built into its"
                        + " callers."));
    String level = words.stream().filter(word -> word.startsWith("-O")).reduce((a, b) -> b).get();
    return new Listing(
        "asm",
        "%s, %s by %s at %s"
            .formatted(source.title(), function, compiler.toolchain().version(), level),
        code);
  }

  /**
   * An instruction or a label, and the source line that it comes from.
   *
   * @param text the instruction
   * @param file the source file's own name; empty if not known
   * @param line the line there, or 0
   */
  public record Line(String text, String file, int line) {}

  /**
   * The same as {@link #function}, each line with its place in the source, if the compiler was
   * asked to say ({@code -g1}).
   *
   * @return empty if there is no such function
   */
  public static List<Line> lines(String text, String function) {
    Optional<String> code = function(text, function);
    if (code.isEmpty()) {
      return List.of();
    }
    var files = new java.util.HashMap<String, String>();
    var places = new ArrayList<Line>();
    boolean inside = false;
    String file = "";
    int line = 0;
    for (String each : plainNames(text)) {
      var label = LABEL.matcher(each);
      var location = LOCATION.matcher(each);
      var name = FILE.matcher(each);
      if (name.matches()) {
        String path = name.group(2);
        files.putIfAbsent(name.group(1), path.substring(path.lastIndexOf('/') + 1));
      } else if (location.matches()) {
        file = files.getOrDefault(location.group(1), "");
        line = Integer.parseInt(location.group(2));
      } else if (label.matches() && !isLocal(label.group(1))) {
        inside = label.group(1).equals(function) || label.group(1).equals("_" + function);
        file = "";
        line = 0;
      } else if (inside && endsFunction(each)) {
        break;
      } else if (inside && !NOISE.matcher(each).matches()) {
        places.add(new Line(tidy(each), file, line));
      }
    }
    // The labels that nobody jumps to have been left out of the text, and so are left out here.
    var lines = new ArrayList<Line>();
    int at = 0;
    for (String each : code.get().lines().toList()) {
      int found = at;
      while (found < places.size() && !places.get(found).text().equals(each)) {
        found++;
      }
      if (found < places.size()) {
        lines.add(places.get(found));
        at = found + 1;
      } else {
        lines.add(new Line(each, "", 0));
      }
    }
    return lines;
  }

  /**
   * The instructions and labels of one function.
   *
   * @param text what {@code cc -S} wrote
   * @param function its name in C
   */
  public static Optional<String> function(String text, String function) {
    var lines = new ArrayList<String>();
    boolean inside = false;
    for (String line : plainNames(text)) {
      var label = LABEL.matcher(line);
      if (label.matches() && !isLocal(label.group(1))) {
        inside = label.group(1).equals(function) || label.group(1).equals("_" + function);
        if (inside) {
          lines.add(label.group(1) + ":");
        }
        continue;
      }
      if (inside && endsFunction(line)) {
        break;
      }
      if (inside && !NOISE.matcher(line).matches()) {
        lines.add(tidy(line));
      }
    }
    return lines.isEmpty() ? Optional.empty() : Optional.of(String.join("\n", used(lines)));
  }

  /** The lines, with names as they are in C: from 16 on gcc writes them in quotes. */
  private static List<String> plainNames(String text) {
    return text.lines()
        .map(line ->
            STRINGS.matcher(line).lookingAt() ? line : QUOTED.matcher(line).replaceAll("$1"))
        .toList();
  }

  /** A function ends where the assembler is told its size, or its unwind table ends. */
  private static boolean endsFunction(String line) {
    String word = line.strip();
    return word.startsWith(".size") || word.startsWith(".cfi_endproc");
  }

  private static boolean isLocal(String label) {
    return label.startsWith(".L") || label.startsWith("L") && label.matches("L(BB|tmp|func|\\d).*");
  }

  /** Labels nobody jumps to are left out. */
  private static List<String> used(List<String> lines) {
    String all = String.join("\n", lines);
    return lines.stream()
        .filter(line -> {
          var label = LABEL.matcher(line);
          return !label.matches()
              || !isLocal(label.group(1))
              || occurrences(all, label.group(1)) > 1;
        })
        .toList();
  }

  private static int occurrences(String text, String word) {
    var matcher =
        Pattern.compile("(?<![.\\w$])" + Pattern.quote(word) + "(?![\\w$])").matcher(text);
    int count = 0;
    while (matcher.find()) {
      count++;
    }
    return count;
  }

  /** One space of indentation style for gcc and clang alike. */
  private static String tidy(String line) {
    if (LABEL.matcher(line).matches()) {
      return TRAILING_COMMENT.matcher(line).replaceAll("");
    }
    String[] words = TRAILING_COMMENT.matcher(line.strip()).replaceAll("").split("\\s+", 2);
    return words.length == 1 ? "    " + words[0] : "    %-7s %s".formatted(words[0], words[1]);
  }
}
