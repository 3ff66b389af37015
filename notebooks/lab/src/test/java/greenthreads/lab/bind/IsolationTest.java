package greenthreads.lab.bind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.LabException;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.isolate.IsolatedRun;
import greenthreads.lab.isolate.IsolationTools;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IsolationTest {
  private static final String C =
      """
      static long calls;
      long count_calls(void) { return ++calls; }
      long crash(volatile long *p) { return *p; }
      void leap(void) { ((void (*)(void))0xa5a5a5a5a5a5a5a5)(); }
      void spin(void) { for (volatile int x = 1; x; ) {} }
      """;

  @TempDir Path folder;
  private TestProject files;
  private Project project;
  private IsolationTools tools;
  private Calls calls;

  public interface Calls {
    long count_calls();

    long crash(java.lang.foreign.MemorySegment p);

    void leap();

    void spin();

    default long twice() {
      return count_calls() + count_calls();
    }
  }

  @BeforeEach
  void load() throws IOException {
    files = TestProject.in(folder).with("calls", C);
    project = files.following(new ArrayList<>());
    tools = files.tools();
    calls = project.load("calls", Calls.class, List.of());
  }

  private Calls isolated() {
    return Isolation.of(tools, calls, IsolatedRun.DEFAULT_LIMIT);
  }

  @Test
  void eachCallHasItsOwnProcess() {
    Calls isolated = isolated();
    assertEquals(1, isolated.count_calls());
    assertEquals(1, isolated.count_calls());
    assertEquals(1, calls.count_calls());
    assertEquals(2, calls.count_calls());
    assertEquals(2, isolated.twice());
  }

  @Test
  void crashIsAnExceptionWithItsReport() {
    Calls isolated = isolated();
    NativeCrash crash =
        assertThrows(NativeCrash.class, () -> isolated.crash(java.lang.foreign.MemorySegment.NULL));
    assertTrue(crash.getMessage().contains("`crash` crashed with SIGSEGV"), crash.getMessage());
    assertTrue(crash.getMessage().contains("null pointer"), crash.getMessage());
    assertTrue(crash.report().text().contains("calls.c:3"), crash.report().text());
  }

  /** As a signed number such an address is below every other. */
  @Test
  void leapToTheTopOfTheAddressSpaceIsReported() {
    NativeCrash crash = assertThrows(NativeCrash.class, isolated()::leap);
    assertTrue(crash.report().text().contains("0xa5a5a5a5a5a5a5a5"), crash.report().text());
  }

  @Test
  void limitIsKept() {
    Calls hasty = Isolation.of(tools, calls, Duration.ofMillis(100));
    NativeCrash crash = assertThrows(NativeCrash.class, hasty::spin);
    assertTrue(crash.getMessage().contains("time limit, after 100 ms"), crash.getMessage());
  }

  @Test
  void editedSourceIsFollowed() {
    Calls isolated = isolated();
    files.with("calls", C.replace("++calls", "calls += 50"));
    project.refresh();
    assertEquals(50, isolated.count_calls());
  }

  @Test
  void libraryBoundByHandCanBeIsolated() {
    Calls bound = files.load("calls").bind(Calls.class);
    assertEquals(1, Isolation.of(tools, bound, IsolatedRun.DEFAULT_LIMIT).count_calls());
  }

  @Test
  void anythingElseIsRefusedInASentence() {
    Duration limit = IsolatedRun.DEFAULT_LIMIT;
    String none =
        assertThrows(LabException.class, () -> Isolation.of(tools, null, limit)).getMessage();
    assertTrue(none.contains("given null"), none);
    String other =
        assertThrows(LabException.class, () -> Isolation.of(tools, "text", limit)).getMessage();
    assertTrue(other.contains("not a String"), other);
    assertThrows(LabException.class, () -> Isolation.of(tools, calls, Duration.ZERO));
  }

  @Test
  void objectMethodsWork() {
    Calls isolated = isolated();
    assertEquals("isolated Calls", isolated.toString());
    assertEquals(isolated, isolated);
    assertEquals(isolated.hashCode(), isolated.hashCode());
  }
}
