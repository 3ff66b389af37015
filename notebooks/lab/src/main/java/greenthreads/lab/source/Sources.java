package greenthreads.lab.source;

import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Words;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.show.Listing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Native sources as text: to show, and to start an edit from. */
public final class Sources {
  /** What a reader would not ask for by name. */
  private static final Set<SourceFile.Kind> UNNAMED =
      EnumSet.of(
          SourceFile.Kind.INCLUDE,
          SourceFile.Kind.DIRECTIVE,
          SourceFile.Kind.COMMENT,
          SourceFile.Kind.OTHER);

  private Sources() {}

  /**
   * A whole file.
   *
   * @param file its path under native/, or a chapter's file without {@code .c}
   * @throws LabException if it is not there, naming those that are
   */
  public static Listing whole(Workspace workspace, String file) {
    SourceFile source = parse(workspace, path(workspace, file));
    String place = "native/" + source.name();
    return new Listing("c", place, source.text().stripTrailing(), place);
  }

  /**
   * An item of a file with the comment above it.
   *
   * @param file its path under native/, a chapter's file without {@code .c}, or a folder: then it
   *     is the first file there that has it
   * @param part its name
   * @throws LabException if it is not there, naming those that are
   */
  public static Listing part(Workspace workspace, String file, String part) {
    Path folder = workspace.sources().resolve(file).normalize();
    boolean isFolder = folder.startsWith(workspace.sources()) && Files.isDirectory(folder);
    List<Path> paths = isFolder ? filesIn(folder) : List.of(path(workspace, file));
    var parts = new ArrayList<String>();
    for (Path path : paths) {
      SourceFile source = parse(workspace, path);
      Optional<SourceFile.Item> item = source.item(part);
      if (item.isPresent()) {
        int line = item.get().firstLine();
        String title =
            "native/%s, lines %d to %d".formatted(source.name(), line, item.get().lastLine());
        String place = "native/%s#line=%d".formatted(source.name(), line - 1); // counted from 0
        return new Listing("c", title, item.get().text().stripTrailing(), place);
      }
      parts.add(listed(source));
    }
    throw new LabException(
        isFolder
            ? "No file in native/%s/ has a part named `%s`.\nTheir parts: %s."
                .formatted(name(workspace, folder), part, String.join(", ", parts))
            : "native/%s has no part named `%s`.\nIts parts: %s."
                .formatted(name(workspace, paths.getFirst()), part, parts.getFirst()));
  }

  /** One part of a source, from the first of its files that has it; empty if none has. */
  public static Optional<Listing> part(NativeSource source, String part) {
    return source.texts().entrySet().stream()
        .flatMap(file -> SourceFile.parse(file.getKey(), file.getValue()).item(part).stream())
        .map(item ->
            new Listing(
                "c",
                "%s, lines %d to %d".formatted(item.file(), item.firstLine(), item.lastLine()),
                item.text().stripTrailing()))
        .findFirst();
  }

  /** The names of a source's parts. */
  public static List<String> parts(NativeSource source) {
    Map.Entry<String, String> unit = source.texts().entrySet().iterator().next();
    return names(SourceFile.parse(unit.getKey(), unit.getValue())).toList();
  }

  /**
   * The names of the parts of a file under native/.
   *
   * @throws LabException if there is no such file
   */
  public static List<String> parts(Workspace workspace, String file) {
    return names(parse(workspace, path(workspace, file))).toList();
  }

  /** The files under native/: a chapter's by its stem, others by their path. */
  public static List<String> files(Workspace workspace) {
    try (var all = Files.walk(workspace.sources())) {
      return all.filter(Files::isRegularFile)
          .map(path -> name(workspace, path))
          .filter(name -> name.matches("(?!\\.)(?!.*/\\.).*\\.[chS]"))
          .map(name -> name.contains("/") ? name : name.replaceFirst("\\.c$", ""))
          .sorted(
              Comparator.comparing((String name) -> name.contains("/")).thenComparing(name -> name))
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  private static List<Path> filesIn(Path folder) {
    try (var list = Files.list(folder)) {
      return list.filter(Files::isRegularFile).sorted().toList();
    } catch (IOException e) {
      throw new LabException(
          "native/" + folder.getFileName() + " cannot be read: " + Words.reason(e), e);
    }
  }

  private static SourceFile parse(Workspace workspace, Path path) {
    return SourceFile.parse(name(workspace, path), NativeSource.text(path));
  }

  private static Stream<String> names(SourceFile source) {
    return source.items().stream()
        .filter(item -> !UNNAMED.contains(item.kind()))
        .map(SourceFile.Item::name)
        .filter(name -> !name.isEmpty())
        .distinct();
  }

  private static String listed(SourceFile source) {
    return names(source).collect(Collectors.joining(", "));
  }

  /**
   * A cell's body as a source to compile. Line numbers are the cell's: its first line is the magic.
   *
   * <p>Where it starts from a file, the headers of ours are put in place of their includes first,
   * so that a part of them can be replaced as well.
   */
  public static NativeSource cell(Workspace workspace, String name, String from, String body) {
    var files = new LinkedHashMap<String, String>();
    String own = name + ".c";
    String text = "\n" + body + "\n";
    if (from == null) {
      files.put(own, text);
      return NativeSource.ofCell(workspace.sources(), name, files);
    }
    neverClosed(text)
        .ifPresent(open -> {
          throw new CompileError(
              "cell %s does not compile: the %s in line %d is never closed.\n\n%s:%d: error: no %s"
                      .formatted(name, open.what, open.line, own, open.line, open.end)
                  + " for this "
                  + open.what);
        });
    SourceFile base = parse(workspace, path(workspace, from));
    files.put("merged-" + own, ""); // stays first: it is the one to compile
    files.put(own, text);
    files.put(base.name(), base.text());
    SourceFile whole =
        Merge.expand(
            base,
            header -> {
              Path file = workspace.sources().resolve(header).normalize();
              if (!file.startsWith(workspace.sources()) || !Files.isRegularFile(file)) {
                return Optional.empty();
              }
              String content = NativeSource.text(file);
              files.put(header, content);
              return Optional.of(content);
            });
    files.put("merged-" + own, Merge.replace(whole, SourceFile.parse(own, text)));
    return NativeSource.ofCell(workspace.sources(), name, files);
  }

  /**
   * Something that lacks its end.
   *
   * @param what how it begins
   * @param end what should end it
   * @param line where it begins, counted from 1
   */
  private record Unclosed(String what, String end, int line) {}

  /**
   * What is open at the end of a C text: a comment, else the outermost conditional, else the
   * outermost brace; of braces none where conditional compilation could explain it.
   *
   * <p>In a file that was put together from two, the compiler finds out only where the other one
   * goes on, and blames that.
   */
  private static Optional<Unclosed> neverClosed(String text) {
    var braces = new ArrayDeque<Integer>();
    var conditionals = new ArrayDeque<Unclosed>();
    boolean hasConditionals = false;
    for (Token token : Token.all(text)) {
      if (token.isOpenComment()) {
        return Optional.of(new Unclosed("/*", "*/", token.line()));
      } else if (Splitter.opens(token.directive())) {
        hasConditionals = true;
        conditionals.addLast(new Unclosed("#" + token.directive(), "#endif", token.line()));
      } else if (token.directive().equals("endif")) {
        conditionals.pollLast();
      } else if (token.is("{")) {
        braces.addLast(token.line());
      } else if (token.is("}")) {
        braces.pollLast();
      }
    }
    if (!conditionals.isEmpty()) {
      return Optional.of(conditionals.getFirst());
    }
    return hasConditionals
        ? Optional.empty()
        : Optional.ofNullable(braces.peekFirst()).map(line -> new Unclosed("{", "}", line));
  }

  private static Path path(Workspace workspace, String file) {
    Path folder = workspace.sources();
    Path path = folder.resolve(file).normalize();
    if (!Files.isRegularFile(path)) {
      path = folder.resolve(file + ".c").normalize();
    }
    if (!path.startsWith(folder) || !Files.isRegularFile(path)) {
      throw new LabException(
          "There is no file native/%s.\nThe chapters' files there: %s."
              .formatted(file, String.join(", ", NativeSource.stems(folder))));
    }
    return path;
  }

  private static String name(Workspace workspace, Path path) {
    return workspace.sources().relativize(path).toString();
  }
}
