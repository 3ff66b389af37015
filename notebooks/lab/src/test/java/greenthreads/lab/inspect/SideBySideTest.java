package greenthreads.lab.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.LabException;
import greenthreads.lab.bind.Project;
import greenthreads.lab.bind.TestProject;
import greenthreads.lab.show.Figure;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SideBySideTest {
  private static final String C =
      """
      /* <b> */
      long total(const long *values, long count) {
          long sum = 0;
          for (long i = 0; i < count; i++)
              sum += values[i];
          return sum;
      }
      """;

  @TempDir Path folder;
  private Project project;

  @BeforeEach
  void make() throws IOException {
    project = TestProject.in(folder).with("sums", C).following(new ArrayList<>());
  }

  @Test
  void instructionsCarryTheLineTheyComeFrom() {
    String text = SideBySide.figure(project, "sums", "total", List.of("-O0", "-O1")).text();
    List<String> lines = text.lines().toList();
    assertTrue(lines.contains("5          sum += values[i];"), text);
    long first = lines.indexOf(lines.stream().filter(l -> l.startsWith("-O0, ")).findFirst().get());
    long second =
        lines.indexOf(lines.stream().filter(l -> l.startsWith("-O1, ")).findFirst().get());
    assertTrue(second > first && first > 0, text);
    assertTrue(
        lines.stream().skip(first).limit(second - first).filter(l -> l.startsWith("5 ")).count()
            > 2,
        text);
    assertTrue(lines.stream().skip(second).anyMatch(l -> l.matches("[67] +ret")), text);
  }

  @Test
  void moreOptimisationIsFewerInstructions() {
    String alt = SideBySide.figure(project, "sums", "total", List.of("-O0", "-Os")).alt();
    var counts =
        java.util.regex.Pattern.compile("(\\d+) instructions")
            .matcher(alt)
            .results()
            .map(found -> Integer.parseInt(found.group(1)))
            .toList();
    assertEquals(2, counts.size(), alt);
    assertTrue(counts.get(0) > counts.get(1), alt);
  }

  @Test
  void mistakesAreNamed() {
    assertThrows(LabException.class, () -> SideBySide.figure(project, "sums", "no", List.of()));
    assertThrows(LabException.class, () -> SideBySide.figure(project, "none", "total", List.of()));
    assertThrows(
        LabException.class,
        () -> SideBySide.figure(project, "sums", "total", List.of("no-such-compiler -O2")));
  }

  @Test
  void sourceIsEscaped() throws IOException {
    var evil = "long f(long x) {\n    return x /* <script> */;\n}\n";
    project = TestProject.in(folder).with("evil", evil).following(new ArrayList<>());
    Figure figure = SideBySide.figure(project, "evil", "f", List.of("-O2"));
    assertFalse(figure.html().contains("<script>"));
    assertTrue(figure.text().contains("<script>"));
  }
}
