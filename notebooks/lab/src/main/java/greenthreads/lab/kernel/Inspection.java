package greenthreads.lab.kernel;

import greenthreads.lab.bind.Project;
import greenthreads.lab.show.Html;
import greenthreads.lab.source.Sources;
import io.github.spencerpark.jupyter.kernel.display.DisplayData;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import jdk.jshell.JShell;
import jdk.jshell.SourceCodeAnalysis.Documentation;

/**
 * What Shift+Tab says of a name: its signature and its Javadoc; of a native function its prototype
 * in C and the comment that stands above it.
 */
final class Inspection {
  /** {@code T Lab.<T>load(String name, Class<T> type)}: the type and the method; the parameters. */
  private static final Pattern METHOD =
      Pattern.compile("(?s).*?(\\w+)\\.(?:<[^(]*>)?(\\w+)\\((.*)\\)(?: throws .*)?");

  /** {@code chapter:Swap}. */
  private static final Pattern VARIABLE = Pattern.compile("\\w+:([\\w.]+).*");

  private static final Pattern LEADING_COMMENT =
      Pattern.compile("\\A(?:\\s|/\\*(?s:.*?)\\*/|//.*+)*+");

  /** The packages that cells see: {@code start.jshell} imports them. */
  private static final List<String> PACKAGES =
      List.of(
          "greenthreads.lab.",
          "greenthreads.exercises.",
          "greenthreads.lab.base.",
          "greenthreads.lab.show.",
          "greenthreads.lab.machine.",
          "greenthreads.lab.isolate.",
          "greenthreads.lab.crash.",
          "greenthreads.lab.bind.",
          "greenthreads.lab.inspect.",
          "greenthreads.lab.cross.");

  private final JShell shell;
  private final Supplier<Project> project;

  Inspection(JShell shell, Supplier<Project> project) {
    this.shell = shell;
    this.project = project;
  }

  /** One thing that a name can mean. */
  private record Meaning(String signature, String html) {}

  /**
   * @param cursor a place between two characters of the cell
   * @return null if nothing is known
   */
  DisplayData at(String code, int cursor) {
    if (CellMagics.isCellMagic(code)) {
      return inC(code, cursor);
    }
    List<Documentation> found = ofJava(code, cursor);
    if (found.isEmpty()) {
      return null;
    }
    return shown(found.stream().map(this::meaning).toList());
  }

  /** Of the name under the cursor; else of the call whose arguments the cursor stands in. */
  private List<Documentation> ofJava(String code, int cursor) {
    int end = cursor;
    while (end < code.length() && Character.isJavaIdentifierPart(code.charAt(end))) {
      end++;
    }
    int call = end;
    while (call < code.length() && Character.isWhitespace(code.charAt(call))) {
      call++;
    }
    boolean onName = end > 0 && Character.isJavaIdentifierPart(code.charAt(end - 1));
    if (onName && call < code.length() && code.charAt(call) == '(') {
      end = call + 1;
    }
    List<Documentation> found = onName ? documentation(code, end) : List.of();
    return found.isEmpty() ? documentation(code, openCall(code, cursor)) : found;
  }

  /** The place behind the nearest parenthesis that is open at the cursor; 0 if none is. */
  private static int openCall(String code, int cursor) {
    var open = new ArrayList<Integer>();
    for (JavaText.Piece piece : JavaText.pieces(code)) {
      if (piece.end() > cursor) {
        break;
      }
      if (piece.is("(")) {
        open.add(piece.end());
      } else if (piece.is(")") && !open.isEmpty()) {
        open.removeLast();
      } else if (piece.is(";") || piece.is("{") || piece.is("}")) {
        open.clear();
      }
    }
    return open.isEmpty() ? 0 : open.getLast();
  }

  private List<Documentation> documentation(String code, int end) {
    if (end > 0) {
      for (String prefix : Completion.prefixes(shell, code, end)) {
        List<Documentation> found =
            shell.sourceCodeAnalysis().documentation(prefix, prefix.length(), true);
        if (!found.isEmpty()) {
          return found;
        }
      }
    }
    return List.of();
  }

  private Meaning meaning(Documentation found) {
    String signature = found.signature();
    if (found.javadoc() != null && !found.javadoc().isBlank()) {
      return new Meaning(signature, Javadoc.html(found.javadoc()));
    }
    Matcher method = METHOD.matcher(signature);
    if (method.matches()) {
      String type = method.group(1);
      return labClass(type)
          .flatMap(lab -> Javadoc.of(lab, method.group(2), types(method.group(3))))
          .map(comment -> new Meaning(signature, Javadoc.html(comment)))
          .or(() -> inC(type, method.group(2)).map(c -> new Meaning(signature, c)))
          .orElse(new Meaning(signature, ""));
    }
    Matcher variable = VARIABLE.matcher(signature);
    String type = variable.matches() ? variable.group(1) : signature;
    String comment = labClass(type).flatMap(Javadoc::of).map(Javadoc::html).orElse("");
    return new Meaning(signature, comment);
  }

  /**
   * The types of parameters as a signature lists them: {@code Class<T> type, String... options}.
   */
  private static List<String> types(String parameters) {
    var types = new ArrayList<String>();
    int depth = 0;
    var one = new StringBuilder();
    for (char c : (parameters + ",").toCharArray()) {
      depth += c == '<' ? 1 : c == '>' ? -1 : 0;
      if (c == ',' && depth == 0) {
        if (!one.toString().isBlank()) {
          types.add(Javadoc.simple(one.toString().strip().replaceFirst("\\s+\\w+$", "")));
        }
        one.setLength(0);
      } else {
        one.append(c);
      }
    }
    return types;
  }

  private static Optional<Class<?>> labClass(String name) {
    if (name.startsWith("greenthreads.")) {
      return load(name);
    }
    return PACKAGES.stream().flatMap(folder -> load(folder + name).stream()).findFirst();
  }

  private static Optional<Class<?>> load(String name) {
    try {
      return Optional.of(Class.forName(name, false, Inspection.class.getClassLoader()));
    } catch (ClassNotFoundException | LinkageError e) {
      return Optional.empty();
    }
  }

  /** The function of C behind a method of an interface that the cells have bound. */
  private Optional<String> inC(String type, String function) {
    return project
        .get()
        .boundTo(type)
        .flatMap(source -> Sources.part(source, function))
        .map(part -> describe(part.title(), part.code()));
  }

  /** In a cell of C: a function of its own, or of the file that it starts from. */
  private DisplayData inC(String code, int cursor) {
    int start = cursor;
    while (start > 0 && Character.isJavaIdentifierPart(code.charAt(start - 1))) {
      start--;
    }
    int end = cursor;
    while (end < code.length() && Character.isJavaIdentifierPart(code.charAt(end))) {
      end++;
    }
    String name = code.substring(start, end);
    return name.isEmpty()
        ? null
        : Sources.part(CMagic.input(project.get().workspace(), code).source(), name)
            .map(part -> shown(List.of(new Meaning("", describe(part.title(), part.code())))))
            .orElse(null);
  }

  /** A part's head without its body, the comment above it, where it stands. */
  private static String describe(String where, String code) {
    Matcher comment = LEADING_COMMENT.matcher(code);
    int begin = comment.lookingAt() ? comment.end() : 0;
    String rest = code.substring(begin);
    boolean isFunction = rest.matches("(?s)[^={;]*\\([^;{]*\\)\\s*\\{.*");
    String head = isFunction ? rest.substring(0, rest.indexOf('{')).strip() + ";" : rest.strip();
    String above = code.substring(0, begin).strip();
    return "<pre>"
        + Html.escape(head)
        + "</pre>"
        + (above.isEmpty() ? "" : "<pre>" + Html.escape(above) + "</pre>")
        + "<p>"
        + Html.escape(where)
        + "</p>";
  }

  private static DisplayData shown(List<Meaning> meanings) {
    var data = new DisplayData();
    data.putHTML(
        meanings.stream()
            .map(one ->
                (one.signature.isEmpty()
                        ? ""
                        : "<pre><b>" + Html.escape(one.signature) + "</b></pre>")
                    + one.html)
            .collect(Collectors.joining("<hr>")));
    data.putText(
        meanings.stream()
            .map(one -> (one.signature + "\n\n" + Javadoc.text(one.html)).strip())
            .collect(Collectors.joining("\n\n")));
    return data;
  }
}
