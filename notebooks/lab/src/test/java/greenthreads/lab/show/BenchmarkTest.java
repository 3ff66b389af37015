package greenthreads.lab.show;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchmarkTest {
  private static final List<String> HEAD = List.of("who", "ns");

  @TempDir Path folder;

  @BeforeEach
  void somethingIsRecorded() throws IOException {
    Path peers = folder.resolve("notebooks/lab/src/test/native/peers");
    Files.createDirectories(peers);
    Files.createDirectories(folder.resolve("build/bench"));
    Files.writeString(peers.resolve("a.txt"), "# recorded by others\nthey | 3\n\n");
  }

  private String shown() {
    return Benchmark.figure(new Workspace(folder, folder.resolve("build")), "a.txt", "a turn", HEAD)
        .text();
  }

  private void measured(String text) throws IOException {
    Files.writeString(folder.resolve("build/bench/a.txt"), text);
  }

  @Test
  void whatWasMeasuredHereComesFirst() throws IOException {
    assertEquals("Recorded on another machine: a turn\n\nwho   ns\nthey   3", shown());
    measured("# here\nwe | 2\n");
    assertEquals("Measured here: a turn\n\nwho  ns\nwe    2", shown());
  }

  @Test
  void unfinishedFileIsTold() throws IOException {
    for (String text : List.of("", "# here\n", "we | 2\nthey", "we | 2 | 3\n")) {
      measured(text);
      String said = assertThrows(LabException.class, this::shown).getMessage();
      assertTrue(
          said.contains("a.txt is not as ./build.sh bench writes it: each line has 2 cells"), said);
      assertTrue(said.endsWith("\nRun that again, or delete the file."), said);
    }
  }

  @Test
  void missingFileIsTold() {
    var project = new Workspace(folder, folder.resolve("build"));
    String said =
        assertThrows(LabException.class, () -> Benchmark.figure(project, "b.txt", "", HEAD))
            .getMessage();
    assertTrue(said.contains("b.txt cannot be read: "), said);
  }
}
