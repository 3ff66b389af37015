package greenthreads.lab.source;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.machine.Target;
import greenthreads.lab.show.Listing;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The plain edition of a chapter's native file, made from the commented one: a single file for a
 * single architecture, without comments.
 *
 * <p>It is what a preprocessor would make of it that knows when to stop. Conditionals are resolved,
 * with {@code PLAIN} and {@code MAIN} defined. Of the project's own headers, those parts are put in
 * place of the {@code #include} that the file uses, and what these use. Assembly is written out,
 * one instruction a line. System headers, and macros outside of assembly, stay as they are.
 */
public final class PlainListing {
  private static final Pattern INCLUDE = Pattern.compile("#\\s*include\\s*([<\"])(.*)[>\"]");
  private static final Pattern WORD = Pattern.compile("[A-Za-z_]\\w*");

  /** A label that is a number, and the instruction behind it. */
  private static final Pattern LABEL = Pattern.compile("(\\d:)\\s*(\\S.*)");

  private static final Pattern BLANKS = Pattern.compile("\n{3,}");

  private static final Set<SourceFile.Kind> PARTS =
      EnumSet.complementOf(
          EnumSet.of(SourceFile.Kind.INCLUDE, SourceFile.Kind.DIRECTIVE, SourceFile.Kind.COMMENT));

  private final Map<String, CMacro> macros = new HashMap<>();

  /** What the project's own headers define, in their order. */
  private final List<Part> parts = new ArrayList<>();

  private final Set<Path> seen = new HashSet<>();

  /** A part of a header. */
  private record Part(String name, String text, boolean isMacro) {}

  private PlainListing(Target target) {
    target.macros().forEach(this::define);
    define("PLAIN", "1");
    define("MAIN", "1");
  }

  private void define(String name, String value) {
    macros.put(name, CMacro.constant(name, value));
  }

  /**
   * A chapter's file, ready to be shown.
   *
   * @throws LabException if there is no such file
   */
  public static Listing listing(Workspace workspace, String name, Target target) {
    Sources.whole(workspace, name); // says what is wrong if there is no such file
    String code = of(workspace.sources(), name, target);
    return new Listing("c", name + ".c, plain, for " + target.title, code.stripTrailing());
  }

  /**
   * The listing of {@code native/NAME.c}; ends with a newline.
   *
   * @param folder {@code native/}
   * @throws LabException if the file uses what this does not understand
   */
  static String of(Path folder, String name, Target target) {
    return new PlainListing(target).write(folder.resolve(name + ".c"));
  }

  private String write(Path file) {
    String own = resolve(file, true);
    var used = new TreeSet<String>();
    addWords(own, used);
    var needed = new HashSet<Part>();
    for (boolean grown = true; grown; ) {
      grown = false;
      for (Part part : parts) {
        if (!needed.contains(part) && used.contains(part.name)) {
          needed.add(part);
          addWords(part.text, used);
          grown = true;
        }
      }
    }
    var inlined = new StringBuilder();
    for (boolean isMacro : List.of(true, false)) {
      for (Part part : parts) {
        if (needed.contains(part) && part.isMacro == isMacro) {
          inlined.append(part.text).append(part.text.contains("\n") ? "\n\n" : "\n");
        }
      }
    }
    inlined.append('\n');
    return tidy(own.replace(HERE, inlined));
  }

  /** Where the parts of the headers go; no C text holds it. */
  private static final String HERE = "\0";

  private static void addWords(String text, Set<String> words) {
    WORD.matcher(text).results().forEach(word -> words.add(word.group()));
  }

  // Directives

  /**
   * The active lines of a file without comments. Macros are learned on the way.
   *
   * @param isOwn whether it is the chapter's file: its directives stay where they say something to
   *     a compiler; a header's parts are remembered instead
   */
  private String resolve(Path file, boolean isOwn) {
    if (!seen.add(file)) {
      return "";
    }
    var out = new StringBuilder();
    var branches = new Branches(file, macros);
    for (String line : lines(NativeSource.text(file))) {
      String text = line.strip();
      if (!text.startsWith("#")) {
        if (branches.active()) {
          out.append(line).append('\n');
        }
      } else if (!branches.take(text) && branches.active()) {
        flush(out, isOwn);
        directive(file, text, line, isOwn, out);
      }
    }
    flush(out, isOwn);
    return isOwn ? out.toString() : "";
  }

  private void directive(Path file, String text, String line, boolean isOwn, StringBuilder out) {
    var include = INCLUDE.matcher(text);
    if (include.matches()) {
      if (include.group(1).equals("\"")) {
        resolve(file.resolveSibling(include.group(2)).normalize(), false);
        if (isOwn && out.indexOf(HERE) < 0) {
          out.append(HERE).append('\n');
        }
      } else if (isOwn) {
        out.append(line).append('\n');
      }
    } else if (CMacro.isDefinition(text)) {
      CMacro macro = CMacro.parse(text);
      macros.put(macro.name(), macro);
      if (isOwn) {
        out.append(line).append('\n');
      } else {
        parts.add(new Part(macro.name(), line, true));
      }
    } else if (text.matches("#\\s*undef\\s+\\w+")) {
      macros.remove(text.replaceAll(".*\\s", ""));
    } else if (text.matches("#\\s*error\\b.*")) {
      throw new LabException(file.getFileName() + ": " + text);
    } else if (!text.matches("#\\s*pragma\\b.*")) {
      throw new LabException(file.getFileName() + ": not understood: " + text);
    }
  }

  /** A header's text up to a directive: assembly is expanded by the macros as they are now. */
  private void flush(StringBuilder text, boolean isOwn) {
    if (isOwn) {
      return;
    }
    for (SourceFile.Item item : SourceFile.parse("header", text.toString()).items()) {
      boolean isAssembly = item.kind() == SourceFile.Kind.ASSEMBLY;
      if (PARTS.contains(item.kind()) && !item.name().isEmpty()) {
        String code = isAssembly ? assembly(item.text()) : item.text().strip();
        parts.add(new Part(item.name(), code, false));
      }
    }
    text.setLength(0);
  }

  // Assembly

  /** Top-level assembly with its macros expanded, an instruction a line. */
  private String assembly(String item) {
    String inside = item.substring(item.indexOf('(') + 1, item.lastIndexOf(')'));
    var out = new StringBuilder("__asm__(\n");
    for (String line : CMacro.strings(CMacro.expand(inside, macros)).split("\n")) {
      var label = LABEL.matcher(line.strip());
      if (label.matches()) {
        out.append("    \"").append((label.group(1) + "   ").substring(0, 4));
        out.append(label.group(2)).append("\\n\"\n");
      } else if (!line.isBlank()) {
        boolean isName = line.strip().endsWith(":");
        out.append("    \"").append(isName ? "" : "    ").append(line.strip()).append("\\n\"\n");
      }
    }
    return out.append(");").toString();
  }

  // Layout

  private static String tidy(String text) {
    String lines = text.replaceAll("[ \t]+\n", "\n");
    lines = BLANKS.matcher(lines).replaceAll("\n\n");
    lines = lines.replace("{\n\n", "{\n").replaceAll("\n\n(\\s*\\})", "\n$1");
    return lines.strip() + "\n";
  }

  /**
   * The lines of a text without its comments. Lines that held nothing else are gone; a directive
   * that goes on over several lines is one.
   */
  public static List<String> lines(String text) {
    var lines = new ArrayList<String>();
    var line = new StringBuilder();
    boolean hadComment = false;
    Matcher token = TOKEN.matcher(text);
    while (token.find()) {
      String found = token.group();
      if (found.startsWith("/*") || found.startsWith("//")) {
        hadComment = true;
        found.chars().filter(c -> c == '\n').forEach(end -> addLine(lines, line, true));
      } else if (found.equals("\n")) {
        addLine(lines, line, hadComment);
        hadComment = false;
      } else {
        line.append(found.equals("\\\n") ? " " : found);
      }
    }
    addLine(lines, line, hadComment);
    return lines;
  }

  /** A comment, a literal, the end of a line or of a part of it, or any one character. */
  private static final Pattern TOKEN =
      Pattern.compile(
          String.join("|", Token.COMMENT, Token.STRING, Token.CHARACTER, "\\\\\n", "."),
          Pattern.DOTALL);

  private static void addLine(List<String> lines, StringBuilder line, boolean hadComment) {
    String text = line.toString().stripTrailing();
    if (!text.isEmpty() || !hadComment) {
      lines.add(text);
    }
    line.setLength(0);
  }

  /** The conditionals that are open in a file. */
  private static final class Branches {
    private static final Pattern CONDITIONAL =
        Pattern.compile("#\\s*(ifdef|ifndef|if|elif|else|endif)\\b(.*)");

    private final Path file;
    private final Map<String, CMacro> macros;
    private final Deque<Branch> open = new ArrayDeque<>();

    /** Whether the lines are in use now, and whether those of a branch before were. */
    private record Branch(boolean active, boolean done) {}

    Branches(Path file, Map<String, CMacro> macros) {
      this.file = file;
      this.macros = macros;
    }

    boolean active() {
      return open.stream().allMatch(Branch::active);
    }

    /** Whether a directive was one of these. */
    boolean take(String directive) {
      Matcher matcher = CONDITIONAL.matcher(directive);
      if (!matcher.matches()) {
        return false;
      }
      String rest = matcher.group(2).strip();
      switch (matcher.group(1)) {
        case "if" -> enter(active() && isTrue(rest));
        case "ifdef" -> enter(macros.containsKey(rest));
        case "ifndef" -> enter(!macros.containsKey(rest));
        case "elif" -> change(() -> isTrue(rest));
        case "else" -> change(() -> true);
        default -> open.pop();
      }
      return true;
    }

    private void enter(boolean active) {
      open.push(new Branch(active, active));
    }

    private void change(BooleanSupplier condition) {
      Branch before = open.pop();
      boolean active = !before.done && active() && condition.getAsBoolean();
      open.push(new Branch(active, before.done || active));
    }

    private boolean isTrue(String condition) {
      try {
        return CMacro.evaluate(condition, macros) != 0;
      } catch (IllegalArgumentException e) {
        throw new LabException(file.getFileName() + ": not understood: #if " + condition, e);
      }
    }
  }
}
