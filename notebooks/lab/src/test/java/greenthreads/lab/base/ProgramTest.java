package greenthreads.lab.base;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ProgramTest {
  @TempDir Path folder;

  private List<String> shell(String script) {
    return List.of("/bin/sh", "-c", script);
  }

  /** A shell that waits for a child of its own; both say who they are. */
  private List<String> endless() {
    return shell("sleep 300 & echo $! > child; echo $$ > shell; echo begun; wait");
  }

  private boolean isAlive(String file) throws IOException {
    long pid = Long.parseLong(Files.readString(folder.resolve(file)).strip());
    return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isPresent();
  }

  private void assertNothingIsLeft() throws Exception {
    for (int i = 0; i < 200 && (isAlive("shell") || isAlive("child")); i++) {
      Thread.sleep(50);
    }
    assertFalse(isAlive("shell"), "the program runs on");
    assertFalse(isAlive("child"), "what it started runs on");
  }

  @Test
  void tellsWhatItPrintedAndHowItEnded() {
    var result = Program.run(shell("echo é; echo wrong >&2; pwd; exit 3"), folder);
    assertEquals(3, result.exit());
    assertTrue(result.output().startsWith("é\nwrong\n"), result.output());
    assertTrue(result.output().strip().endsWith(folder.getFileName().toString()), result.output());
  }

  @Test
  void readsMoreThanAPipeHolds() {
    var result =
        Program.run(shell("i=0; while [ $i -lt 20000 ]; do echo $i 0123456789; i=$((i+1)); done"));
    assertEquals(20000, result.output().lines().count());
  }

  @Test
  void theLimitHoldsThoughItStillPrintsOrNot() throws Exception {
    long start = System.nanoTime();
    var result = Program.run(endless(), folder, Duration.ofSeconds(1));
    assertTrue(
        Duration.ofNanos(System.nanoTime() - start).toSeconds() < 20, "the limit was passed");
    assertEquals(-1, result.exit());
    assertEquals("begun\n\n(it did not end within 1 s)", result.output());
    assertNothingIsLeft();
  }

  @Test
  void anInterruptEndsItAndAllThatItStarted() throws Exception {
    var thrown = new Throwable[1];
    Thread cell =
        Thread.ofPlatform()
            .start(() -> {
              try {
                Program.run(endless(), folder);
              } catch (LabException e) {
                thrown[0] = e;
              }
            });
    while (!Files.exists(folder.resolve("shell")) || Files.size(folder.resolve("shell")) == 0) {
      Thread.sleep(10);
    }
    cell.interrupt();
    assertTrue(cell.join(Duration.ofSeconds(20)), "the interrupt waits for the program");
    assertEquals("Interrupted while `/bin/sh` was running.", thrown[0].getMessage());
    assertNothingIsLeft();
  }

  @Test
  void oneThatIsNotThereIsToldOf() {
    assertEquals(-1, Program.run(List.of(folder.resolve("none").toString())).exit());
    assertEquals(Optional.empty(), Program.find("no-such-program", "/usr/bin:/bin"));
    assertEquals(
        Optional.empty(),
        Program.find(folder.getFileName().toString(), folder.getParent().toString()));
    assertEquals(Optional.of(Path.of("/bin/sh")), Program.find("sh", ":/bin"));
    assertThrows(NullPointerException.class, () -> Program.find(null, ""));
  }
}
