package greenthreads.lab.bind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.LabException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibraryTest {
  private static final String TYPES =
      """
      #include <stdbool.h>
      #include <stddef.h>
      #include <stdint.h>
      #include <string.h>
      struct pair { char tag; long first; int second[2]; };
      static long counter;
      int add(int a, int b) { return a + b; }
      long count_up(void) { return ++counter; }
      void nothing(void) {}
      bool both(bool a, bool b) { return a && b; }
      int8_t small(int8_t a) { return a + 1; }
      short middle(short a) { return a + 1; }
      float half(float a) { return a / 2; }
      double mean(const double *values, size_t count) {
        double sum = 0;
        for (size_t i = 0; i < count; i++) sum += values[i];
        return sum / count;
      }
      size_t length(const char *text) { return strlen(text); }
      const char *greeting(void) { return "gr\\u00fc\\u00dfe"; }
      const char *nobody(void) { return NULL; }
      long first_of(struct pair *pair) { return pair->first; }
      double mixed(int a, double b, long c, float d) { return a + b + c + d; }
      """;

  @TempDir Path folder;
  private TestProject project;
  private Library library;

  @BeforeEach
  void load() throws IOException {
    project = TestProject.in(folder).with("types", TYPES);
    library = project.load("types");
  }

  public interface Types {
    int add(int a, int b);

    void nothing();

    boolean both(boolean a, boolean b);

    byte small(byte a);

    short middle(short a);

    float half(float a);

    double mean(MemorySegment values, long count);

    long length(String text);

    String greeting();

    String nobody();

    double mixed(int a, double b, long c, float d);

    default int twice(int a) {
      return add(a, a);
    }
  }

  @Test
  void everyTypeGoesThereAndBack() {
    Types types = library.bind(Types.class);
    assertEquals(5, types.add(2, 3));
    types.nothing();
    assertTrue(types.both(true, true));
    assertEquals(-128, types.small((byte) 127));
    assertEquals(8, types.middle((short) 7));
    assertEquals(1.5f, types.half(3));
    try (var arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocateFrom(ValueLayout.JAVA_DOUBLE, 1, 2, 6);
      assertEquals(3.0, types.mean(values, 3));
    }
    assertEquals(6, types.length("grüß"));
    assertEquals("grüße", types.greeting());
    assertNull(types.nobody());
    assertEquals(1 + 2.5 + 3 + 4.25, types.mixed(1, 2.5, 3, 4.25f));
    assertEquals(14, types.twice(7));
  }

  interface Missing {
    int ad(int a, int b);
  }

  @Test
  void missingFunctionNamesBothSides() {
    String message =
        assertThrows(LabException.class, () -> library.bind(Missing.class)).getMessage();
    assertTrue(message.contains("types.c has no function `ad`"), message);
    assertTrue(message.contains("int ad(int, int)   (interface Missing)"), message);
    assertTrue(message.contains("Did you mean `add`?"), message);
    assertTrue(message.contains("count_up"), message);
  }

  interface WrongResult {
    long add(int a, int b);
  }

  interface WrongCount {
    int add(int a);
  }

  interface WrongArgument {
    int add(int a, long b);
  }

  interface PointerAsLong {
    double mean(long values, long count);
  }

  interface TextForDoubles {
    double mean(String values, long count);
  }

  interface Unknown {
    int add(int a, Object b);
  }

  @Test
  void disagreementNamesBothSides() {
    assertDisagrees(WrongResult.class, "long add(int, int)", "int add(int a, int b)", "use int");
    assertDisagrees(WrongCount.class, "Java passes 1, C takes 2");
    assertDisagrees(WrongArgument.class, "argument 2 (b): Java says long, C says int; use int");
    assertDisagrees(PointerAsLong.class, "argument 1 (values)", "use MemorySegment");
    assertDisagrees(TextForDoubles.class, "Java says String, C says const double *");
    assertDisagrees(Unknown.class, "Object has no counterpart in C", "MemorySegment");
  }

  private void assertDisagrees(Class<?> type, String... parts) {
    String message = assertThrows(LabException.class, () -> library.bind(type)).getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "no `" + part + "` in: " + message);
    }
  }

  @Test
  void disagreementNamesTheLine() {
    assertDisagrees(WrongResult.class, "types.c:7");
  }

  @Test
  void classIsNotAnInterface() {
    String message =
        assertThrows(LabException.class, () -> library.bind(String.class)).getMessage();
    assertTrue(message.contains("String is not an interface"), message);
  }

  public interface Counter {
    long count_up();
  }

  @Test
  void eachLoadStartsAfresh() {
    Counter first = library.bind(Counter.class);
    assertEquals(1, first.count_up());
    assertEquals(2, first.count_up());
    Counter second = project.load("types").bind(Counter.class);
    assertEquals(1, second.count_up());
    assertEquals(3, first.count_up());
  }

  @Test
  void changedFileIsNewCodeAndOldCodeStays() {
    Counter before = library.bind(Counter.class);
    project.with("types", TYPES.replace("++counter", "counter += 100"));
    Counter after = project.load("types").bind(Counter.class);
    assertEquals(100, after.count_up());
    assertEquals(1, before.count_up());
  }

  @Test
  void overwrittenCacheDoesNotReachLoadedCode() throws IOException {
    Counter counter = library.bind(Counter.class);
    Files.write(library.path(), new byte[100]);
    assertEquals(1, counter.count_up());
  }

  @Test
  void loadedCopiesHaveNoNameLeft() throws IOException {
    try (Stream<Path> files = Files.list(project.workspace().folder("native"))) {
      assertEquals(
          0, files.filter(file -> file.getFileName().toString().startsWith("loaded-")).count());
    }
  }

  @Test
  void librariesAreLetGo() throws Exception {
    long before = mapped();
    for (int i = 0; i < 30; i++) {
      assertEquals(1, project.load("types").bind(Counter.class).count_up());
    }
    for (int i = 0; i < 50 && mapped() > before + 3; i++) {
      System.gc();
      Thread.sleep(20);
    }
    assertTrue(mapped() <= before + 3, "still mapped: " + mapped() + ", before: " + before);
  }

  private static long mapped() throws IOException {
    try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
      return maps.filter(line -> line.contains("loaded-") && line.contains("r-xp")).count();
    }
  }

  @Test
  void layoutIsTheCompilers() {
    var layout = library.layout("pair");
    assertEquals(24, layout.byteSize());
    assertEquals(
        8, layout.byteOffset(java.lang.foreign.MemoryLayout.PathElement.groupElement("first")));
    assertThrows(LabException.class, () -> library.layout("nobody_knows"));
  }

  @Test
  void symbolsAreFoundByName() {
    assertTrue(library.find("add").address() != 0);
    assertThrows(LabException.class, () -> library.find("subtract"));
  }

  @Test
  void undefinedFunctionIsExplained() {
    project.with("loose", "int elsewhere(int);\nint call(void) { return elsewhere(1); }\n");
    String message = assertThrows(LabException.class, () -> project.load("loose")).getMessage();
    assertTrue(message.startsWith("loose.c calls `elsewhere`, but no such function"), message);
    assertTrue(message.contains("loose.c:2"), message);
  }
}
