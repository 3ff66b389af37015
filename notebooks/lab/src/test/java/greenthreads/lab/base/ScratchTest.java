package greenthreads.lab.base;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where what is needed for a moment goes, and where it goes when that is no place for it. */
class ScratchTest {
  @Test
  void isAnEmptyFolderInTheUsualPlace(@TempDir Path usual) throws IOException {
    Path folder = Scratch.folder(usual, "a-");
    assertEquals(usual, folder.getParent());
    assertTrue(folder.getFileName().toString().startsWith("a-"));
    assertEmpty(folder);
  }

  @Test
  void isInTheBuildFolderWhereTheUsualPlaceIsGone(@TempDir Path usual) throws IOException {
    Path gone = usual.resolve("gone");
    Path folder = Scratch.folder(gone, "b-");
    assertTrue(folder.startsWith(Workspace.find().build()), folder::toString);
    assertEmpty(folder);
    Files.delete(folder);
  }

  private static void assertEmpty(Path folder) throws IOException {
    try (Stream<Path> within = Files.list(folder)) {
      assertEquals(0, within.count());
    }
  }
}
