package greenthreads.lab.cross;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.source.NativeSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Results that were recorded on other machines: which source they belong to, how they are read. */
class RecordedTest {
  @TempDir Path folder;

  private String digest(String unit, String arm, String windows) throws Exception {
    Files.createDirectories(folder.resolve("arch/aarch64"));
    Files.createDirectories(folder.resolve("arch/x86_64-windows"));
    Files.writeString(folder.resolve("unit.c"), unit);
    Files.writeString(
        folder.resolve("arch/arch.h"),
        "#include \"aarch64/machine.h\"\n#include \"x86_64-windows/machine.h\"\n");
    Files.writeString(folder.resolve("arch/aarch64/machine.h"), arm);
    Files.writeString(folder.resolve("arch/x86_64-windows/machine.h"), windows);
    return Recorded.digest(NativeSource.ofFile(folder, "unit"), "arch/aarch64");
  }

  private static final String UNIT = "#include \"arch/arch.h\"\nint one(void) { return 1; }\n";

  @Test
  void aResultBelongsToItsCode() throws Exception {
    String before = digest(UNIT, "int arm;", "int windows;");
    assertNotEquals(before, digest(UNIT.replace("1", "2"), "int arm;", "int windows;"));
    assertNotEquals(before, digest(UNIT, "long arm;", "int windows;"));
  }

  @Test
  void commentsAndOtherMachinesDoNotCount() throws Exception {
    String before = digest(UNIT, "int arm;", "int windows;");
    assertEquals(before, digest(UNIT + "/* why */\n", "int arm; // here\n", "int windows;"));
    assertEquals(before, digest(UNIT, "int  arm;", "int elsewhere;"));
  }

  @Test
  void whatIsThereAnywayIsNoPartOfTheName() {
    assertEquals("[run] A: b -O0", Recorded.key("run", "A", "b", List.of("-O0")));
    assertEquals("[run] A: b", Recorded.key("run", "A", "b", List.of("-O2")));
  }

  @Test
  void theFileIsRead() {
    var all =
        Recorded.parse(
            """
            For people.

            [run] A: b
            source 12
            on 2026-01-02
            by compiled with gcc 1
            exit 3
            |one
            |
            |[two]

            [run] A: c
            source 13
            on 2026-01-02
            by x
            exit 0
            """
                .lines()
                .toList());
    assertEquals(2, all.size());
    assertEquals("one\n\n[two]\n", all.get("[run] A: b").body());
    assertEquals(3, all.get("[run] A: b").exit());
    assertEquals("on 2026-01-02: compiled with gcc 1", all.get("[run] A: b").words());
    assertEquals("", all.get("[run] A: c").body());
    assertThrows(IllegalStateException.class, () -> Recorded.parse(List.of("[run] A: b", "on 1")));
  }

  @Test
  void chapterEightHasItsResults() {
    assertTrue(Recorded.find("[run] RISC-V 64, Linux: 07-the-runtime-in-200-lines").isPresent());
  }
}
