package greenthreads.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Holds the lab's packages to their order: each knows only those before it. So there is no circle.
 *
 * <p>The JDK's own jdeps reads the compiled classes.
 */
class PackagesTest {
  private static final String LAB = "greenthreads.lab";

  /** Lowest first; what is above the last knows them all. */
  private static final List<String> ORDER =
      Stream.concat(
              Stream.of(
                      "base", "show", "machine", "source", "compile", "binary", "call", "isolate",
                      "crash", "bind", "inspect", "cross")
                  .map(name -> LAB + "." + name),
              Stream.of(LAB, "greenthreads.exercises", LAB + ".kernel"))
          .toList();

  /** A line of jdeps: one class, and one that it uses. */
  private static final Pattern ARROW =
      Pattern.compile(
          "\\s+((greenthreads[.a-z]*)\\.\\S+)\\s+->\\s+((greenthreads[.a-z]*)\\.\\S+) .*");

  private static Path classes() throws Exception {
    return Path.of(Lab.class.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  private static List<Matcher> arrows(Path classes) {
    var out = new StringWriter();
    int exit =
        ToolProvider.findFirst("jdeps")
            .orElseThrow()
            .run(
                new PrintWriter(out),
                new PrintWriter(out),
                "-v",
                "-filter:none",
                "--ignore-missing-deps",
                classes.toString());
    assertEquals(0, exit, out.toString());
    return out.toString().lines().map(ARROW::matcher).filter(Matcher::matches).toList();
  }

  @Test
  void eachKnowsOnlyThoseBelow() throws Exception {
    var upward = new TreeSet<String>();
    var graph = new TreeMap<Integer, TreeSet<Integer>>();
    for (Matcher arrow : arrows(classes())) {
      int from = place(arrow.group(2));
      int to = place(arrow.group(4));
      if (to > from) {
        upward.add(arrow.group(1) + " -> " + arrow.group(3));
      } else if (to < from) {
        graph.computeIfAbsent(from, each -> new TreeSet<>()).add(to);
      }
    }
    print(graph);
    assertTrue(graph.size() >= ORDER.size() - 2, "jdeps saw too little: " + graph);
    assertTrue(upward.isEmpty(), "These know what lies above them:\n" + String.join("\n", upward));
  }

  private static int place(String name) {
    int place = ORDER.indexOf(name);
    assertTrue(place >= 0, name + " has no place in the order of packages");
    return place;
  }

  private static void print(Map<Integer, TreeSet<Integer>> graph) throws IOException {
    System.out.println("The lab's packages, lowest first: lines, and which they know");
    for (String each : ORDER) {
      var known = new ArrayList<String>();
      graph
          .getOrDefault(ORDER.indexOf(each), new TreeSet<>())
          .forEach(to -> known.add(shortName(ORDER.get(to))));
      System.out.printf(
          "  %-12s %5d  %s%n", shortName(each), lines(folder(each)), String.join(" ", known));
    }
  }

  private static String shortName(String name) {
    return name.equals(LAB) ? "(root)" : name.substring(name.lastIndexOf('.') + 1);
  }

  private static Path folder(String name) {
    return Path.of("src/main/java", name.split("\\."));
  }

  private static long lines(Path folder) throws IOException {
    long lines = 0;
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(each -> each.toString().endsWith(".java")).toList()) {
        try (Stream<String> all = Files.lines(file)) {
          lines += all.count();
        }
      }
    }
    return lines;
  }

  @Test
  void eachSaysWhatItIsFor() {
    for (String each : ORDER) {
      if (each.startsWith(LAB)) {
        Path said = folder(each).resolve("package-info.java");
        assertTrue(Files.exists(said), said + " is missing");
      }
    }
  }
}
