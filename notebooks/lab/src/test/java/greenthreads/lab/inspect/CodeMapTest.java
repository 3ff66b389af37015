package greenthreads.lab.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import greenthreads.lab.base.Platform;
import greenthreads.lab.binary.CodePlace;
import greenthreads.lab.binary.Symbols;
import greenthreads.lab.bind.Library;
import greenthreads.lab.bind.TestProject;
import greenthreads.lab.call.CodeMap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which function, of which library, an address lies in. */
class CodeMapTest {
  @TempDir Path folder;

  /** Libraries lie close together, and each file is longer than what is mapped of it. */
  @Test
  void eachAddressBelongsToItsOwnLibrary() throws IOException {
    var files = TestProject.in(folder);
    var libraries = new ArrayList<Library>();
    for (int i = 0; i < 8; i++) {
      // With all macros in the debug information, hundreds of kilobytes that are never mapped.
      files.with(
          "own-" + i,
          "#include <stdlib.h>\nint own_%d(int x) { return x * %d; }\n".formatted(i, i + 3));
      libraries.add(files.load("own-" + i, "-g3"));
    }
    for (int i = 0; i < 8; i++) {
      long address = libraries.get(i).find("own_" + i).address();
      assertEquals(Optional.of(new CodePlace("own_" + i, 1)), CodeMap.function(address + 1));
    }
  }

  @Test
  void whatLiesBehindALibrarysCodeIsNoFunctionOfIt() throws IOException {
    var files = TestProject.in(folder);
    files.with("short", "long kept[4] = {1}; int twice(int x) { return 2 * x; }\n");
    Library library = files.load("short");
    Symbols symbols = library.functions();
    Symbols.Symbol twice = symbols.named("twice").orElseThrow();

    assertEquals("twice", symbols.at(twice.start()).orElseThrow().name());
    assertEquals(twice.start() + twice.size(), symbols.end(twice));
    assumeFalse(Platform.IS_MAC, "nm says neither sizes nor sections");
    long end = Files.size(library.path());
    for (long offset = 0; offset < end; offset += 8) {
      long here = offset;
      // `_fini`, the last function, has no size; it ends where its section does.
      symbols
          .at(offset)
          .ifPresent(
              found -> assertTrue(here - found.start() < 256, "0x%x in %s".formatted(here, found)));
    }
    assertFalse(symbols.at(end - 1).isPresent());
  }

  @Test
  void variablesHaveNamesToo() throws IOException {
    assumeFalse(Platform.IS_MAC, "nm says no sizes");
    var files = TestProject.in(folder);
    files.with("globals", "long kept[4] = {1}; long *where(void) { return kept; }\n");
    Library library = files.load("globals");
    long kept = library.find("kept").address();
    long base =
        library.find("where").address() - library.functions().named("where").orElseThrow().start();

    Symbols.Symbol found = library.functions().variable(kept + 8 - base).orElseThrow();
    assertEquals("kept", found.name());
    assertEquals(32, found.size());
    assertTrue(library.functions().variable(kept + 32 - base).isEmpty());
    assertEquals(Optional.of(new CodePlace("kept", 8)), CodeMap.variable(kept + 8));

    assumeTrue(!CodeMap.mappings().isEmpty(), "this system does not say what is mapped");
    WordMeanings here = WordMeanings.here();
    assertEquals("the variable kept", here.of(kept).text());
    assertEquals("the variable kept, + 8", here.of(kept + 8).text());
    long where = library.find("where").address();
    assertEquals("start of where", here.of(where).text());
  }
}
