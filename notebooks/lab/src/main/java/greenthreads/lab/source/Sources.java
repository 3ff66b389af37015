package greenthreads.lab.source;

import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Words;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.show.Listing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

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

  public static Listing whole(Workspace workspace, String file) {
    Path path = path(workspace, file);
    return new Listing("c", "native/" + name(workspace, path), read(path).stripTrailing());
  }

  public static Listing part(Workspace workspace, String file, String part) {
    Path folder = workspace.sources().resolve(file).normalize();
    if (folder.startsWith(workspace.sources()) && Files.isDirectory(folder)) {
      return part(workspace, fileWith(workspace, folder, part), part);
    }
    Path path = path(workspace, file);
    String name = name(workspace, path);
    SourceFile source = SourceFile.parse(name, read(path));
    SourceFile.Item item =
        source
            .item(part)
            .orElseThrow(() ->
                new LabException(
                    "native/%s has no part named `%s`.\nIts parts: %s."
                        .formatted(name, part, names(source))));
    String title = "native/%s, lines %d to %d".formatted(name, item.firstLine(), item.lastLine());
    return new Listing("c", title, item.text().stripTrailing());
  }

  /** The first file of a folder that has a part of this name. */
  private static String fileWith(Workspace workspace, Path folder, String part) {
    var parts = new ArrayList<String>();
    try (var list = Files.list(folder)) {
      for (Path path : list.filter(Files::isRegularFile).sorted().toList()) {
        SourceFile source = SourceFile.parse(name(workspace, path), read(path));
        if (source.item(part).isPresent()) {
          return name(workspace, path);
        }
        parts.add(names(source));
      }
    } catch (IOException e) {
      throw new LabException(
          "native/" + name(workspace, folder) + " cannot be read: " + Words.reason(e), e);
    }
    throw new LabException(
        "No file in native/%s/ has a part named `%s`.\nTheir parts: %s."
            .formatted(name(workspace, folder), part, String.join(", ", parts)));
  }

  private static String names(SourceFile source) {
    return source.items().stream()
        .filter(item -> !UNNAMED.contains(item.kind()))
        .map(SourceFile.Item::name)
        .distinct()
        .collect(Collectors.joining(", "));
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
    Braces.neverClosed(text)
        .ifPresent(line -> {
          throw new CompileError(
              "cell %s does not compile: the { in line %d is never closed.\n\n%s:%d: error: no }"
                      .formatted(name, line, own, line)
                  + " for this {");
        });
    Path base = path(workspace, from);
    String baseName = name(workspace, base);
    files.put("merged-" + own, ""); // stays first: it is the one to compile
    files.put(own, text);
    files.put(baseName, read(base));
    SourceFile whole =
        SourceFile.parse(baseName, read(base))
            .expand(header -> {
              Path file = workspace.sources().resolve(header).normalize();
              if (!file.startsWith(workspace.sources()) || !Files.isRegularFile(file)) {
                return Optional.empty();
              }
              String content = read(file);
              files.put(header, content);
              return Optional.of(content);
            });
    files.put("merged-" + own, SourceFile.replace(whole, SourceFile.parse(own, text)));
    return NativeSource.ofCell(workspace.sources(), name, files);
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

  private static String read(Path path) {
    try {
      return new String(Files.readAllBytes(path), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new LabException(
          "native/" + path.getFileName() + " cannot be read: " + Words.reason(e), e);
    }
  }
}
