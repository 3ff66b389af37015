package greenthreads.lab.bind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.isolate.IsolatedRun;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class LivingHomeTest {
  private static final String CODE =
      """
      #define _GNU_SOURCE
      #include <pthread.h>
      #include <stdint.h>
      #include <stdlib.h>
      #include <string.h>
      #include <stdio.h>
      #include <sys/mman.h>
      #include <time.h>
      #include <unistd.h>

      static int count;
      static char *kept;
      static volatile int home;

      int next(void) { return ++count; }
      /* Its number for all to see: in a namespace of its own it has another one. */
      int process(void) {
          char number[32] = "";
          return readlink("/proc/self", number, 31) > 0 ? atoi(number) : getpid();
      }
      int sum(int *values, int n) { int s = 0; while (n-- > 0) { s += *values++; } return s; }
      void keep(char *memory) { kept = memory; }
      void write_kept(int at, int value) { kept[at] = (char)value; }
      int read_kept(int at) { return kept[at]; }
      int has_address(char *memory, int64_t address) { return (int64_t)(intptr_t)memory == address; }
      char *advance(char *memory, int64_t by) { return memory + by; }
      char *its_own(void) { return (char *)&count; }
      const char *twice(const char *text) {
          static char both[64];
          snprintf(both, sizeof both, "%s%s", text, text);
          return both;
      }
      double mean(double a, float b) { return (a + b) / 2; }
      int64_t ten(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e,
                  int64_t f, int64_t g, int64_t h, int64_t i, int64_t j) {
          return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j;
      }
      void crash(int *at) { *at = 1; }
      void leave(int status) { exit(status); }
      void end_thread(void) { pthread_exit(NULL); }
      static volatile int waits;
      int is_waited(void) { return waits; }
      void wait_for_call(void) { waits = 1; while (!home) { usleep(100); } }
      void call_home(void) { home = 1; }
      void for_ever(void) { waits = 1; for (;;) { } }
      void give_back(void *memory, int64_t size) { munmap(memory, size); }
      static int64_t now(void) {
          struct timespec time;
          clock_gettime(CLOCK_MONOTONIC, &time);
          return time.tv_sec * 1000000000LL + time.tv_nsec;
      }
      static void run_for(int64_t nanos) { int64_t start = now(); while (now() - start < nanos) { } }
      void starts(int how) {
          if (how == 0) { if (fork() == 0) { for (;;) { pause(); } } }
          if (how == 1 && fork() == 0) { setsid(); if (fork() == 0) { for (;;) { pause(); } } _exit(0); }
          if (how == 2) { (void)!system("sleep 300 &"); }
          if (how == 3) { for (int i = 0; i < 5; i++) { if (fork() == 0) { for (;;) { pause(); } } } }
          if (how == 4 && fork() == 0) { _exit(0); }
          if (how == 5) { (void)!system("true"); }
          if (how == 6 && fork() == 0) { run_for(50000000); _exit(0); }
      }
      void close_all(void) { for (int i = 3; i < 1024; i++) { close(i); } }
      """;

  interface Calls {
    int next();

    int process();

    int sum(MemorySegment values, int n);

    void keep(MemorySegment memory);

    void write_kept(int at, int value);

    int read_kept(int at);

    int has_address(MemorySegment memory, long address);

    MemorySegment advance(MemorySegment memory, long by);

    MemorySegment its_own();

    String twice(String text);

    double mean(double a, float b);

    long ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j);

    void crash(MemorySegment at);

    void leave(int status);

    void end_thread();

    void wait_for_call();

    int is_waited();

    void call_home();

    void for_ever();

    void give_back(MemorySegment memory, long size);

    void starts(int how);

    void close_all();
  }

  @TempDir static Path folder;
  private static TestProject project;

  private final List<String> said = new ArrayList<>();
  private Calls calls;

  @BeforeEach
  void load() throws IOException {
    if (project == null) {
      project = TestProject.in(folder).with("code", CODE);
    }
    calls = project.changed(said).load("code", Calls.class, List.of());
    said.clear();
  }

  @Test
  void callsRunInAnotherProcessAndItsVariablesKeepTheirValues() {
    assertTrue(calls.process() != ProcessHandle.current().pid());
    assertEquals(calls.process(), calls.process());
    assertEquals(List.of(1, 2, 3), List.of(calls.next(), calls.next(), calls.next()));
  }

  @Test
  void everyTypeArrives() {
    assertEquals("abab", calls.twice("ab"));
    assertEquals("ünün", calls.twice("ün"));
    assertEquals(2.25, calls.mean(1.5, 3.0f));
    assertEquals(385, calls.ten(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  }

  @Test
  void memoryLiesAtTheSameAddressAndChangesOnBothSides() {
    MemorySegment memory = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_INT, 1, 2, 3);
    assertEquals(1, calls.has_address(memory, memory.address()));
    assertEquals(6, calls.sum(memory, 3));
    memory.setAtIndex(ValueLayout.JAVA_INT, 1, 20);
    assertEquals(24, calls.sum(memory, 3));
    calls.crash(memory.asSlice(4));
    assertEquals(1, memory.getAtIndex(ValueLayout.JAVA_INT, 1));
  }

  @Test
  void aPointerMayBeKept() {
    MemorySegment memory = Arena.ofAuto().allocate(100_000);
    calls.keep(memory);
    calls.write_kept(70_000, 7);
    assertEquals(7, memory.get(ValueLayout.JAVA_BYTE, 70_000));
    memory.set(ValueLayout.JAVA_BYTE, 70_001, (byte) 9);
    assertEquals(9, calls.read_kept(70_001));
    assertEquals(0, memory.get(ValueLayout.JAVA_BYTE, 69_999));
  }

  @Test
  void whatIsWrittenBelowAPartOfKnownMemoryIsSeen() {
    MemorySegment stack = Arena.ofAuto().allocate(4096, 16);
    calls.keep(stack);
    Calls other = project.changed(said).load("code", Calls.class, List.of());
    other.keep(stack.asSlice(4000, 96));
    other.write_kept(-8, 5);
    assertEquals(5, stack.get(ValueLayout.JAVA_BYTE, 3992));
  }

  @Test
  void memoryThatWasFreedIsForgotten() {
    try (Arena arena = Arena.ofConfined()) {
      calls.keep(arena.allocate(4096, 4096));
      calls.write_kept(1, 1);
    }
    assertEquals(1, calls.next());
    MemorySegment again = Arena.ofAuto().allocate(4096, 4096);
    calls.keep(again);
    assertEquals(0, calls.read_kept(1));
  }

  @Test
  void anAddressInSharedMemoryComesBack() {
    MemorySegment memory = Arena.ofAuto().allocate(64);
    assertEquals(memory.address() + 8, calls.advance(memory, 8).address());
    assertEquals(1, calls.has_address(calls.advance(memory, 8), memory.address() + 8));
  }

  @Test
  void itsOwnMemoryCanBeReadAndWrittenWhereTheSystemAllows() {
    MemorySegment count = calls.its_own().reinterpret(4);
    assertEquals(1, calls.next());
    assertEquals(1, count.get(ValueLayout.JAVA_INT, 0));
    assertEquals(2, calls.next());
    assertEquals(2, count.get(ValueLayout.JAVA_INT, 0));
    count.set(ValueLayout.JAVA_INT, 0, 40);
    assertEquals(41, calls.next());
    assertEquals(41, count.get(ValueLayout.JAVA_INT, 0));
    assertEquals(1, calls.has_address(count, count.address()));
  }

  @Test
  void anAddressWhereNothingIsIsAnExceptionAndNoEnd() {
    MemorySegment count = calls.its_own().reinterpret(1L << 37);
    assertThrows(InternalError.class, () -> count.get(ValueLayout.JAVA_BYTE, 1L << 36));
    assertThrows(InternalError.class, () -> count.set(ValueLayout.JAVA_INT, 1L << 36, 1));
    MemorySegment nowhere = MemorySegment.ofAddress(0x4141414141414140L).reinterpret(64);
    assertThrows(InternalError.class, () -> nowhere.get(ValueLayout.JAVA_INT, 0));
    assertThrows(NativeCrash.class, () -> calls.crash(MemorySegment.NULL));
    assertThrows(InternalError.class, () -> count.get(ValueLayout.JAVA_INT, 0));
    assertEquals(1, calls.next());
  }

  @Test
  void anAddressOfTheKernelsIsRefused() {
    MemorySegment bare = MemorySegment.ofAddress(Arena.ofAuto().allocate(8).address() + 4096);
    var refused = assertThrows(LabException.class, () -> calls.keep(bare));
    assertTrue(refused.getMessage().contains("Lab.inKernel"), refused.getMessage());
    assertEquals(1, calls.next());
  }

  @Test
  void aCrashCostsOnlyTheProcess() {
    assertEquals(1, calls.next());
    var crash = assertThrows(NativeCrash.class, () -> calls.crash(MemorySegment.NULL));
    assertEquals("SIGSEGV", crash.crash().signal());
    assertTrue(crash.getMessage().contains("null"), crash.getMessage());
    assertEquals("crash", crash.crash().function());
    assertEquals(1, calls.next());
    assertTrue(said.stream().anyMatch(line -> line.contains("started anew")), said.toString());
    said.clear();
    assertEquals(2, calls.next());
    assertEquals(List.of(), said);
  }

  @Test
  void anExitCostsOnlyTheProcess() {
    var exit = assertThrows(NativeCrash.class, () -> calls.leave(3));
    assertEquals(Crash.Kind.EXIT, exit.crash().kind());
    assertEquals(3, exit.crash().exitStatus());
    assertEquals(1, calls.next());
  }

  @Test
  void anEndedThreadIsToldForWhatItIs() {
    var ended = assertThrows(NativeCrash.class, () -> calls.end_thread());
    assertTrue(ended.getMessage().contains("pthread_exit"), ended.getMessage());
    assertEquals(1, calls.next());
  }

  @Test
  void callsAtTheSameTimeDoNotWaitForEachOther() throws InterruptedException {
    Thread waiting = Thread.ofPlatform().start(calls::wait_for_call);
    assertEquals(1, calls.next());
    assertTrue(waiting.isAlive());
    calls.call_home();
    waiting.join(10_000);
    assertFalse(waiting.isAlive());
  }

  @Test
  void anInterruptEndsTheProcess() throws InterruptedException {
    long pid = calls.process();
    var thrown = new AtomicReference<Throwable>();
    Thread looping =
        Thread.ofPlatform()
            .unstarted(() -> {
              thrown.set(assertThrows(LabException.class, calls::for_ever));
            });
    looping.start();
    while (calls.is_waited() == 0) {
      Thread.sleep(5);
    }
    looping.interrupt();
    looping.join(10_000);
    assertFalse(looping.isAlive());
    assertTrue(thrown.get().getMessage().contains("Interrupted"), thrown.get().getMessage());
    assertTrue(ProcessHandle.of(pid).map(p -> !p.isAlive()).orElse(true));
    assertEquals(1, calls.next());
  }

  @Test
  void anInterruptEndsCallsOfWhichNoneHasToWait() throws InterruptedException {
    var thrown = new AtomicReference<Throwable>();
    Thread calling =
        Thread.ofPlatform()
            .start(() ->
                thrown.set(
                    assertThrows(
                        LabException.class,
                        () -> {
                          while (true) {
                            calls.next();
                          }
                        })));
    Thread.sleep(200);
    calling.interrupt();
    calling.join(10_000);
    assertFalse(calling.isAlive());
    assertTrue(thrown.get().getMessage().contains("Interrupted"), thrown.get().getMessage());
    assertEquals(1, calls.next());
  }

  @Test
  void moreMemoryThanAConnectionTakesAtOnceArrives() {
    MemorySegment memory = Arena.ofAuto().allocate(5 << 20);
    memory.fill((byte) 3);
    calls.keep(memory);
    for (int at = 0; at < 5 << 20; at += 100_000) {
      assertEquals(3, calls.read_kept(at), "at " + at);
    }
    calls.write_kept((5 << 20) - 1, 9);
    assertEquals(9, memory.get(ValueLayout.JAVA_BYTE, (5 << 20) - 1));
  }

  @Test
  void whatACallLeavesRunningIsEndedWithIt() {
    long process = calls.process();
    List<String> left = List.of("1 process", "1 process", "1 process", "5 processes");
    for (int how = 0; how < left.size(); how++) {
      if (Platform.IS_MAC && (how == 1 || how == 2)) {
        continue; // an orphan is nobody's there
      }
      said.clear();
      calls.starts(how);
      assertEquals(1, said.size(), "how " + how + said);
      assertTrue(said.getFirst().startsWith("starts left " + left.get(how)), said.getFirst());
      assertEquals(List.of(), startedBy(process), "how " + how);
    }
    said.clear();
    calls.starts(4);
    calls.starts(5);
    calls.starts(6); // this one runs for a moment: it may be about to end, and is
    assertEquals(List.of(), said);
    assertEquals(process, calls.process());
  }

  /**
   * All that came from a living process, or from who watches it. One that was ended is listed until
   * the watcher has taken note of it, which may take it a moment.
   */
  private static List<String> startedBy(long process) {
    ProcessHandle watcher = ProcessHandle.of(process).orElseThrow().parent().orElseThrow();
    List<String> started = List.of();
    for (int look = 0; look < 500; look++) {
      started =
          watcher
              .descendants()
              .filter(each -> each.pid() != process)
              .map(Object::toString)
              .toList();
      if (started.isEmpty()) {
        break;
      }
      LockSupport.parkNanos(10_000_000);
    }
    return started;
  }

  @Test
  void whatAnotherCallStillUsesIsNotEnded() throws InterruptedException {
    Thread waiting = Thread.ofPlatform().start(calls::wait_for_call);
    while (calls.is_waited() == 0) {
      Thread.onSpinWait();
    }
    calls.starts(0);
    assertEquals(List.of(), said.stream().filter(line -> line.contains("left")).toList());
    calls.call_home();
    waiting.join(10_000);
    assertTrue(said.stream().anyMatch(line -> line.contains("left 1 process")), said.toString());
  }

  @Test
  void memoryThatTheCodeUnmapsIsNoCrash() {
    MemorySegment memory = Arena.ofAuto().allocate(8192, 4096);
    memory.fill((byte) 3);
    calls.give_back(memory, 8192);
    assertEquals(3, memory.get(ValueLayout.JAVA_BYTE, 0));
    assertEquals(1, calls.next());
  }

  @Test
  void closedDescriptorsAreNotTakenForACallOfExit() {
    var closed = assertThrows(NativeCrash.class, calls::close_all);
    assertFalse(closed.getMessage().contains("called"), closed.getMessage());
    assertTrue(closed.getMessage().contains("descriptors"), closed.getMessage());
  }

  @Test
  void anEditStartsAnew() {
    Project own = project.with("edited", "int one(void) { return 1; }").changed(said);
    One one = own.load("edited", One.class, List.of());
    assertEquals(1, one.one());
    project.with("edited", "int one(void) { return 2; }");
    own.refresh();
    assertEquals(2, one.one());
  }

  interface One {
    int one();
  }

  @Test
  void itIsSaidWhereTheCodeRuns() {
    project.changed(said).load("code", Calls.class, List.of());
    assertTrue(said.getFirst().endsWith("in a process of its own."), said.toString());
  }

  @Test
  void aConstructorThatCrashesCostsOnlyTheProcess() {
    String text =
        "static int *volatile p;\n"
            + "__attribute__((constructor)) static void early(void) { *p = 1; }\n"
            + "int one(void) { return 1; }";
    One one = project.with("early", text).changed(said).load("early", One.class, List.of());
    var crash = assertThrows(NativeCrash.class, one::one);
    assertEquals("SIGSEGV", crash.crash().signal());
  }

  @Test
  void anIsolatedCallNeverLoadsTheLibraryHere() {
    String text =
        "#include <stdlib.h>\n__attribute__((constructor)) static void early(void) { exit(3); }\n"
            + "int one(void) { return 1; }";
    One one = project.with("exits", text).following(said).load("exits", One.class, List.of());
    One isolated = Isolation.of(project.tools(), one, IsolatedRun.DEFAULT_LIMIT);
    var exit = assertThrows(NativeCrash.class, isolated::one);
    assertEquals(Crash.Kind.EXIT, exit.crash().kind());
  }

  @Test
  void changedCodeRunsInTheKernelIfThatIsAskedFor() {
    Project own =
        project
            .with(
                "asked",
                "int one(void) { return 1; }\n"
                    + "#include <unistd.h>\nint process(void) { return getpid(); }")
            .changed(said);
    Asked asked = own.inKernel(own.load("asked", Asked.class, List.of()));
    assertEquals(ProcessHandle.current().pid(), asked.process());
    project.with("asked", "#include <unistd.h>\nint process(void) { return -getpid(); }");
    own.refresh();
    assertEquals(-ProcessHandle.current().pid(), asked.process());
  }

  interface Asked {
    int process();
  }
}
