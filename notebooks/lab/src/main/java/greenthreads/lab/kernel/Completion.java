package greenthreads.lab.kernel;

import greenthreads.lab.Lab;
import greenthreads.lab.base.LabException;
import greenthreads.lab.bind.Project;
import greenthreads.lab.source.NativeSource;
import greenthreads.lab.source.Sources;
import io.github.spencerpark.jupyter.kernel.ReplacementOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Stream;
import jdk.jshell.JShell;
import jdk.jshell.SourceCodeAnalysis.Suggestion;

/**
 * What Tab offers. Inside the texts that the lab's methods take: files, cells, parts, machines.
 * Inside other texts and comments: nothing. Elsewhere what JShell offers.
 */
final class Completion {
  /** What a parameter of a method of {@code Lab} may be. */
  enum Wanted {
    /** A chapter's file or a cell. */
    SOURCE,
    CHAPTER,
    /** Any file under native/. */
    FILE,
    /** A part of the file that the first argument names. */
    PART,
    TARGET,
    OPTION
  }

  /** By method, from the first parameter on; the last one stands for all that follow. */
  static final Map<String, List<Wanted>> PARAMETERS =
      Map.of(
          "load", List.of(Wanted.SOURCE, Wanted.OPTION),
          "source", List.of(Wanted.FILE, Wanted.PART),
          "plain", List.of(Wanted.CHAPTER, Wanted.TARGET),
          "assembly", List.of(Wanted.SOURCE, Wanted.PART, Wanted.OPTION),
          "code", List.of(Wanted.SOURCE, Wanted.PART, Wanted.OPTION),
          "target", List.of(Wanted.TARGET));

  private static final List<String> OPTIONS = List.of("-O0", "-O1", "-O2", "-O3");

  private final JShell shell;
  private final Supplier<Project> project;

  Completion(JShell shell, Supplier<Project> project) {
    this.shell = shell;
    this.project = project;
  }

  /**
   * @param cursor a place between two characters of the cell
   * @return null if there is nothing to offer
   */
  ReplacementOptions at(String code, int cursor) {
    if (CellMagics.isCellMagic(code)) {
      return inMagic(code, cursor);
    }
    List<JavaText.Piece> pieces = JavaText.pieces(code);
    Optional<JavaText.Piece> around =
        pieces.stream()
            .filter(piece -> piece.start() < cursor && isInside(piece, cursor))
            .filter(piece ->
                piece.kind() == JavaText.Kind.LITERAL || piece.kind() == JavaText.Kind.COMMENT)
            .findFirst();
    if (around.isEmpty()) {
      return ofJava(code, cursor);
    }
    return around.get().kind() == JavaText.Kind.LITERAL
        ? inText(
            pieces.stream().filter(p -> p.end() <= around.get().start()).toList(),
            around.get(),
            cursor)
        : null;
  }

  private static boolean isInside(JavaText.Piece piece, int cursor) {
    return cursor < piece.end() || !piece.closed() && cursor == piece.end();
  }

  private ReplacementOptions ofJava(String code, int cursor) {
    int[] anchor = new int[1];
    List<Suggestion> found = List.of();
    for (String prefix : prefixes(shell, code, cursor)) {
      found = shell.sourceCodeAnalysis().completionSuggestions(prefix, prefix.length(), anchor);
      anchor[0] += cursor - prefix.length();
      if (!found.isEmpty()) {
        break;
      }
    }
    // In the middle of a name Tab replaces the rest of it too.
    int end = cursor;
    while (end < code.length() && Character.isJavaIdentifierPart(code.charAt(end))) {
      end++;
    }
    boolean called = end < code.length() && code.charAt(end) == '(';
    List<String> names =
        Stream.concat(
                found.stream().filter(Suggestion::matchesType),
                found.stream().filter(one -> !one.matchesType()))
            .map(Suggestion::continuation)
            .map(name -> called ? name.replaceFirst("\\(\\)?$", "") : name)
            .distinct()
            .toList();
    return names.isEmpty() ? null : new ReplacementOptions(names, anchor[0], end);
  }

  /**
   * What JShell can make sense of: all of a cell up to a place, or the statement there, since a
   * cell may begin with declarations.
   */
  static List<String> prefixes(JShell shell, String code, int cursor) {
    String all = code.substring(0, cursor);
    String last = all;
    while (true) {
      var info = shell.sourceCodeAnalysis().analyzeCompletion(last);
      String rest = info.remaining();
      if (rest == null || rest.isBlank() || rest.length() >= last.length()) {
        return last.equals(all) ? List.of(all) : List.of(all, last);
      }
      last = rest;
    }
  }

  private ReplacementOptions inText(List<JavaText.Piece> before, JavaText.Piece text, int cursor) {
    List<JavaText.Piece> code =
        before.stream().filter(piece -> piece.kind() != JavaText.Kind.COMMENT).toList();
    int depth = 0;
    int commas = 0;
    int open = code.size() - 1;
    for (; open >= 0; open--) {
      JavaText.Piece piece = code.get(open);
      if (piece.is(")") || piece.is("]") || piece.is("}")) {
        depth++;
      } else if (piece.is("(") || piece.is("[") || piece.is("{")) {
        if (depth-- == 0) {
          break;
        }
      } else if (piece.is(",") && depth == 0) {
        commas++;
      }
    }
    boolean isLab =
        open >= 3 && code.get(open - 2).is(".") && code.get(open - 3).text().equals("Lab");
    List<Wanted> wanted = isLab ? PARAMETERS.get(code.get(open - 1).text()) : null;
    if (wanted == null || wanted.size() == 1 && commas > 0) {
      return null;
    }
    String first = open + 1 < code.size() ? inner(code.get(open + 1)) : "";
    List<String> options = options(wanted.get(Math.min(commas, wanted.size() - 1)), first);
    int end = text.closed() ? text.end() - 1 : text.end();
    String typed = code(text, cursor);
    List<String> fitting = options.stream().filter(option -> option.startsWith(typed)).toList();
    if (fitting.isEmpty()) {
      fitting = options.stream().filter(option -> option.contains(typed)).toList();
    }
    return fitting.isEmpty() ? null : new ReplacementOptions(fitting, text.start() + 1, end);
  }

  private static String code(JavaText.Piece text, int cursor) {
    return text.text().substring(1, cursor - text.start());
  }

  private static String inner(JavaText.Piece text) {
    String quoted = text.text();
    return text.kind() == JavaText.Kind.LITERAL && quoted.length() >= 2
        ? quoted.substring(1, quoted.length() - 1)
        : "";
  }

  private List<String> options(Wanted wanted, String file) {
    var workspace = project.get().workspace();
    return switch (wanted) {
      case SOURCE -> {
        var names = new ArrayList<>(NativeSource.stems(workspace.sources()));
        names.addAll(project.get().cells());
        yield names;
      }
      case CHAPTER -> NativeSource.stems(workspace.sources());
      case FILE -> Sources.files(workspace);
      case PART -> parts(file);
      case TARGET -> Lab.targets();
      case OPTION -> OPTIONS;
    };
  }

  private List<String> parts(String file) {
    try {
      return Sources.parts(project.get().find(file, List.of()).source());
    } catch (LabException e) {
      try {
        return Sources.parts(project.get().workspace(), file);
      } catch (LabException none) {
        return List.of();
      }
    }
  }

  /** On the first line of a cell of C: where it may start from. */
  private ReplacementOptions inMagic(String code, int cursor) {
    String line = code.substring(0, cursor);
    if (line.strip().contains("\n")) {
      return null;
    }
    int start = line.lastIndexOf(' ') + 1;
    String typed = line.substring(start);
    var all = new TreeSet<String>();
    if (line.substring(0, start).strip().endsWith("--from")) {
      all.addAll(NativeSource.stems(project.get().workspace().sources()));
    } else if (typed.startsWith("-")) {
      all.addAll(OPTIONS);
      all.add("--from");
    }
    int end = start;
    while (end < code.length() && !Character.isWhitespace(code.charAt(end))) {
      end++;
    }
    List<String> fitting = all.stream().filter(option -> option.startsWith(typed)).toList();
    return fitting.isEmpty() ? null : new ReplacementOptions(fitting, start, end);
  }
}
