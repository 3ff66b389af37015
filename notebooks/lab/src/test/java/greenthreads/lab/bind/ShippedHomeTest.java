package greenthreads.lab.bind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.Cache;
import greenthreads.lab.base.LabException;
import greenthreads.lab.crash.NativeCrash;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ShippedHomeTest {
  private static final String CODE =
      """
      #include <stdlib.h>
      #include <unistd.h>

      static int count;
      struct pair { long first, second; };

      int next(void) { return ++count; }
      int process(void) {
          char number[32] = "";
          return readlink("/proc/self", number, 31) > 0 ? atoi(number) : getpid();
      }
      int process_of(void *memory) { (void)memory; return process(); }
      long sum(long *values, int n) { long s = 0; while (n-- > 0) { s += *values++; } return s; }
      void *make(void) { return calloc(1, sizeof(struct pair)); }
      int process_that_made(void *made) { (void)made; return process(); }
      void fill(struct pair *pair) { *pair = (struct pair){1, 2}; }
      """;

  interface Calls {
    int next();

    int process();

    int process_of(MemorySegment memory);

    long sum(MemorySegment values, int n);
  }

  interface Makes {
    MemorySegment make();

    int process_that_made(MemorySegment made);

    void fill(MemorySegment pair);
  }

  private static final int KERNEL = (int) ProcessHandle.current().pid();

  private final List<String> said = new ArrayList<>();
  private Project project;
  private Calls calls;
  private Makes makes;

  @BeforeEach
  void load(@TempDir Path folder) throws IOException {
    project = TestProject.in(folder).with("shipped", CODE).following(said);
    calls = project.load("shipped", Calls.class, List.of());
    makes = project.load("shipped", Makes.class, List.of());
    said.clear();
  }

  @Test
  void callsAreMadeHereUntilTheReaderHasACell() {
    assertEquals(KERNEL, calls.process());
    assertEquals(1, calls.next());
    assertEquals(2, calls.next());
    assertEquals(List.of(), said);
    project.readersCellBegins();
    assertEquals(List.of(), said, "nothing is said before there is a call");
    assertEquals(1, calls.next());
    assertEquals(2, calls.next());
    assertNotEquals(KERNEL, calls.process());
    project.readersCellBegins();
    assertEquals(3, calls.next());
    assertEquals(1, said.size(), "it is said once");
    assertTrue(said.getFirst().startsWith("Some Java that has run is yours."), said.getFirst());
  }

  @Test
  void aCountThatDoesNotFitIsACrashElsewhere() {
    project.readersCellBegins();
    MemorySegment two = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_LONG, 20, 22);
    assertEquals(42, calls.sum(two, 2));
    assertThrows(NativeCrash.class, () -> calls.sum(two, 1 << 30));
    assertThrows(NativeCrash.class, () -> calls.sum(MemorySegment.NULL, 1));
    assertEquals(42, calls.sum(two, 2));
  }

  @Test
  void aFileThatIsGoneOrRubbishIsPutBackForTheNextProcess() throws IOException {
    Library library = project.load("shipped", List.of());
    Calls bound = library.bind(Calls.class);
    project.readersCellBegins();
    assertEquals(1, bound.next());
    Cache.delete(library.path().getParent());
    assertEquals(2, bound.next(), "the process that runs has it");
    assertThrows(NativeCrash.class, () -> bound.sum(MemorySegment.NULL, 1));
    assertEquals(1, bound.next());
    Files.delete(library.path());
    Files.writeString(library.path(), "rubbish");
    assertThrows(NativeCrash.class, () -> bound.sum(MemorySegment.NULL, 1));
    assertEquals(1, bound.next());
  }

  @Test
  void whatIsLoadedLaterIsElsewhereToo() {
    project.readersCellBegins();
    assertNotEquals(KERNEL, project.load("shipped", Calls.class, List.of()).process());
    assertNotEquals(KERNEL, project.load("shipped", List.of()).bind(Calls.class).process());
  }

  @Test
  void whoeverAsksForTheKernelStaysThere() {
    Calls here = project.inKernel(calls);
    project.readersCellBegins();
    assertEquals(KERNEL, here.process());
    assertEquals(KERNEL, project.inKernel(calls).process());
    Library library = project.load("shipped", List.of());
    assertEquals(KERNEL, project.inKernel(library).bind(Calls.class).process());
  }

  @Test
  void anAddressMeansSomethingInTheKernelOnly() {
    project.readersCellBegins();
    assertEquals(KERNEL, calls.process_of(MemorySegment.ofAddress(0x1000)));
    assertNotEquals(KERNEL, calls.process_of(MemorySegment.NULL));
    assertNotEquals(KERNEL, calls.process_of(Arena.ofAuto().allocate(8)));
    assertEquals(KERNEL, makes.process_that_made(makes.make()));
    assertEquals(KERNEL, makes.process_that_made(MemorySegment.NULL));
  }

  @Test
  void memoryThatIsTooSmallForAStructIsRefusedInTheKernel() {
    project.readersCellBegins();
    MemorySegment pair = Arena.ofAuto().allocate(16, 8);
    makes.fill(pair);
    assertEquals(2, pair.getAtIndex(ValueLayout.JAVA_LONG, 1));
    makes.fill(makes.make()); // of whose size nothing is known
    var refused = assertThrows(LabException.class, () -> makes.fill(pair.asSlice(8)));
    assertEquals(
        """
        Argument 1 of fill has 8 bytes. C declares it as `struct pair *pair`, which takes 16.
        Allocate it by its layout, which Library.layout reads from the compiled code.\
        """,
        refused.getMessage());
  }
}
