package greenthreads.lab.call;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoaderTest {
  @TempDir Path folder;

  @Test
  void theSystemsOwnReasonIsTold() throws IOException {
    assumeTrue(!Platform.IS_MAC, "other words there");
    Path rubbish =
        Files.writeString(folder.resolve("a é.so"), "no library at all, but long enough");
    var failed =
        assertThrows(LabException.class, () -> Loader.load("a.c", rubbish, Arena.ofAuto()));
    assertTrue(
        failed
            .getMessage()
            .matches(
                "(?s)a\\.c was compiled, but the system cannot load it: (file too short|invalid ELF header).*"),
        failed.getMessage());
    assertFalse(failed.getMessage().contains(folder.toString()), failed.getMessage());
  }
}
