package greenthreads.lab.inspect;

import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePathScanner;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Words;
import greenthreads.lab.show.Listing;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Parts of a Java file of the chapters', as the JDK's own compiler finds them. */
public final class InJava {
  private InJava() {}

  /** Lines from one to another, counted from 1. */
  private record Lines(int first, int last) {}

  /**
   * A method or a class of a file, with the comment above it.
   *
   * @param notebooks the folder of the chapters
   * @param file its name there
   * @param part the name of the method or class
   * @throws LabException if the file or the part is not there, naming those that are
   */
  public static Listing part(Path notebooks, String file, String part) {
    String source = read(notebooks, file);
    Map<String, Lines> parts = parts(file, source);
    Lines lines = parts.get(part);
    if (lines == null) {
      throw new LabException(
          "notebooks/%s has no part named `%s`.\nIts parts: %s."
              .formatted(file, part, String.join(", ", parts.keySet())));
    }
    List<String> all = source.lines().toList().subList(lines.first() - 1, lines.last());
    return new Listing(
        "java",
        "notebooks/%s, lines %d to %d".formatted(file, lines.first(), lines.last()),
        String.join("\n", all).stripIndent(),
        "notebooks/%s#line=%d".formatted(file, lines.first() - 1));
  }

  private static String read(Path notebooks, String file) {
    Path path = notebooks.resolve(file).normalize();
    if (!path.startsWith(notebooks) || !Files.isRegularFile(path)) {
      throw new LabException("There is no file notebooks/" + file + ".");
    }
    try {
      return Files.readString(path);
    } catch (IOException e) {
      throw new LabException("notebooks/%s cannot be read: %s".formatted(file, Words.reason(e)), e);
    }
  }

  private static Map<String, Lines> parts(String file, String source) {
    var text =
        new SimpleJavaFileObject(
            URI.create("string:///Source.java"), SimpleJavaFileObject.Kind.SOURCE) {
          @Override
          public CharSequence getCharContent(boolean ignoreErrors) {
            return source;
          }
        };
    var compiler = ToolProvider.getSystemJavaCompiler();
    var task = (JavacTask) compiler.getTask(null, null, problem -> {}, null, null, List.of(text));
    var parts = new LinkedHashMap<String, Lines>();
    try {
      DocTrees trees = DocTrees.instance(task);
      for (CompilationUnitTree unit : task.parse()) {
        new TreePathScanner<Void, Void>() {
          @Override
          public Void visitMethod(MethodTree method, Void none) {
            add(method.getName().toString(), method);
            return super.visitMethod(method, none);
          }

          @Override
          public Void visitClass(ClassTree type, Void none) {
            add(type.getSimpleName().toString(), type);
            return super.visitClass(type, none);
          }

          private void add(String name, Tree tree) {
            var positions = trees.getSourcePositions();
            var lines = unit.getLineMap();
            long begin = positions.getStartPosition(unit, tree);
            long end = positions.getEndPosition(unit, tree);
            if (begin >= 0 && end > begin) { // what the compiler adds of itself has no place
              parts.putIfAbsent(
                  name,
                  new Lines(
                      commentAbove(source, (int) lines.getLineNumber(begin)),
                      (int) lines.getLineNumber(end)));
            }
          }
        }.scan(unit, null);
      }
    } catch (IOException e) {
      throw new LabException("notebooks/%s cannot be read: %s".formatted(file, Words.reason(e)), e);
    }
    return parts;
  }

  /** The line where the comment begins that ends right above this one; or this one. */
  private static int commentAbove(String source, int line) {
    List<String> lines = source.lines().toList();
    int first = line;
    if (first > 1 && lines.get(first - 2).strip().endsWith("*/")) {
      first--;
      while (first > 1 && !lines.get(first - 1).strip().startsWith("/*")) {
        first--;
      }
    }
    return first;
  }
}
