package greenthreads.lab.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.LabException;
import greenthreads.lab.show.Listing;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InJavaTest {
  @TempDir Path folder;

  private void file(String text) throws Exception {
    Files.writeString(folder.resolve("Some.java"), text);
  }

  @Test
  void findsAMethodWithItsComment() throws Exception {
    file(
        "/** All. */\nclass Some {\n    int a;\n\n    /**\n     * Adds.\n     */\n    int add(int b) {\n        return a + b; // } \"{\n    }\n}\n");
    Listing add = InJava.part(folder, "Some.java", "add");
    assertEquals("/**\n * Adds.\n */\nint add(int b) {\n    return a + b; // } \"{\n}", add.code());
    assertEquals("notebooks/Some.java, lines 5 to 10", add.title());
    assertEquals("notebooks/Some.java#line=4", add.place());
    assertEquals("java", add.language());
    assertTrue(
        InJava.part(folder, "Some.java", "Some").code().startsWith("/** All. */\nclass Some {"));
  }

  @Test
  void namesThePartsThatThereAre() throws Exception {
    file("class Some { void one() {} void two() {} }\n");
    String said =
        assertThrows(LabException.class, () -> InJava.part(folder, "Some.java", "three"))
            .getMessage();
    assertTrue(said.contains("`three`") && said.contains("Some, one, two"), said);
  }

  @Test
  void refusesWhatIsNotThere() {
    for (String name : new String[] {"None.java", "../Some.java"}) {
      String said =
          assertThrows(LabException.class, () -> InJava.part(folder, name, "a")).getMessage();
      assertTrue(said.contains("There is no file notebooks/" + name), said);
    }
  }
}
