package greenthreads.lab.isolate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import greenthreads.lab.base.Cache;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.base.Program;
import greenthreads.lab.binary.Symbols;
import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.compile.Toolchain;
import greenthreads.lab.crash.CrashReport;
import greenthreads.lab.crash.CrashReportTest;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class IsolatedRunTest {
  private static final String C =
      """
      #if defined(__APPLE__)
      #define _DARWIN_C_SOURCE
      #else
      #define _GNU_SOURCE
      #endif
      #include <pthread.h>
      #include <signal.h>
      #include <stddef.h>
      #include <stdint.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      #include <sys/mman.h>
      #include <sys/syscall.h>
      #include <unistd.h>

      void lab_stack(const char *, void *, size_t, size_t) __attribute__((weak));
      struct node { long a[3]; int v; struct node *next; };

      int add(int a, int b) { return a + b; }
      void empty(void) {}
      _Bool negate(_Bool b) { return !b; }
      int8_t small(int8_t a, int16_t b) { return (int8_t)(a + b); }
      int16_t middle(int16_t a) { return (int16_t)(a - 1); }
      long eight(long a, long b, long c, long d, long e, long f, long g, long h) {
          return a + 10 * (b + 10 * (c + 10 * (d + 10 * (e + 10 * (f + 10 * (g + 10 * h))))));
      }
      long twelve(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j,
                  long k, long l) {
          return a + b + c + d + e + f + 2 * g + 3 * h + 5 * i + 7 * j + 11 * k + 13 * l;
      }
      double mixed(int a, float b, long c, double d, double e) { return a + b + c + d * e; }
      float half(float a) { return a / 2; }
      double seven(double a, double b, double c, double d, double e, double f, double g, double h) {
          return a - b + c - d + e - f + g - h;
      }
      #if defined(__linux__)
      /* What a broken shadow stack sends; a process may send it to itself as well. */
      void unlike_its_shadow(void) {
          siginfo_t info = {.si_signo = SIGSEGV, .si_code = 10};
          syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGSEGV, &info);
      }
      #endif
      const char *greet(const char *name) {
          static char text[64];
          if (name == 0) { return 0; }
          snprintf(text, sizeof text, "Gr\\u00fc\\u00df dich, %s!", name);
          return text;
      }
      void fill(unsigned char *to, long size, int with) { memset(to, with, (size_t)size); }
      char *second(char *p) { return p + 1; }
      long sum(const unsigned char *p, long size) {
          long s = 0;
          for (long i = 0; i < size; i++) { s += p[i]; }
          return s;
      }
      int is_null(const void *p) { return p == 0; }
      int call_it(int (*f)(int, int), int a, int b) { return f(a, b); }

      void say(void) {
          puts("one");
          fprintf(stderr, "oops\\n");
          printf("two, %s", "unfinished");
      }
      void raw(void) { (void)!write(1, "\\0\\xff\\xfe" "abc\\n", 7); }
      void slow(void) { puts("early"); usleep(400000); puts("late"); }
      void partial_then_crash(void) { printf("printed before"); *(volatile int *)8 = 1; }
      void numbers(int n) { for (int i = 0; i < n; i++) { printf("%d\\n", i); } }
      void print_forever(void) { for (;;) { puts("again and again"); } }

      void null_write(volatile int *p) { *p = 1; }
      int null_member(struct node *n) { return n->v; }
      int wild(int *p) { return *p; }
      void call_null(void) { void (*volatile f)(void) = 0; f(); }
      int data[4];
      void call_data(void) { void (*volatile f)(void) = (void (*)(void))data; f(); }
      void call_garbage(long to) { void (*volatile f)(void) = (void (*)(void))to; f(); }
      void write_code(void) { *(volatile char *)(void *)add = 1; }
      void write_constant(void) { volatile char *s = (char *)"literal"; s[0] = 'x'; }
      int divide(int a, int b) { volatile int c = b; return a / c; }
      int recurse(int n) {
          volatile char big[512];
          big[0] = (char)n;
          return recurse(n + 1) + big[0];
      }
      void past_end(volatile char *p) { for (long i = 0; i < 100000; i++) { p[i] = 1; } }
      void through_stored(struct node **n) { (*n)->v = 1; }
      void exits(int status) { exit(status); }
      void exits_at_once(int status) { _exit(status); }
      void aborts(void) { abort(); }
      void frees_twice(void) {
          void *volatile p = malloc(2000);
          void *volatile q = malloc(2000);
          free(p);
          free(p);
          free(q);
      }
      void smashes(void) { fputs("*** stack smashing detected ***\\n", stderr); abort(); }
      void raises(void) { raise(SIGUSR1); }
      void kills_itself(void) { kill(getpid(), SIGKILL); }
      void kills_the_watcher(void) { kill(getppid(), SIGKILL); sleep(5); }
      void hides_and_kills_the_watcher(void) {
          if (fork() == 0) { setsid(); if (fork() == 0) { sleep(120); } _exit(0); }
          usleep(50000);
          kill(getppid(), SIGKILL);
          usleep(50000);
      }
      void stops_the_watcher(void) { kill(getppid(), SIGSTOP); for (;;) { pause(); } }
      void many_hide(void) {
          for (int i = 0; i < 2000; i++) {
              if (fork() == 0) {
                  if (i % 2) { setsid(); }
                  for (;;) { pause(); }
              }
          }
      }
      void keeps_forking(void) {
          for (int i = 0; i < 3; i++) {
              if (fork() == 0) {
                  for (;;) { setsid(); if (fork() != 0) { usleep(500); _exit(0); } }
              }
          }
          usleep(100000);
      }
      void traps(void) { __builtin_trap(); }
      const char *no_string(void) { return (const char *)0x1234567; }
      void spins(void) { for (volatile int i = 0;; i++) {} }
      void spins_empty(void) { for (;;) { __asm__ volatile(""); } }
      void sleeps(void) { sleep(100); }
      void blocks_signals(void) {
          sigset_t all;
          sigfillset(&all);
          sigprocmask(SIG_SETMASK, &all, 0);
          for (;;) { __asm__ volatile(""); }
      }
      static void *deep(void *p) { recurse(1); return p; }
      void thread_overflows(void) {
          pthread_t t;
          pthread_create(&t, 0, deep, 0);
          pthread_join(t, 0);
      }
      static void *waits(void *p) { pause(); return p; }
      void leaves_thread(void) { pthread_t t; pthread_create(&t, 0, waits, 0); }
      void leaves_processes(void) {
          for (int i = 0; i < 3; i++) {
              if (fork() == 0) {
                  setsid();
                  if (fork() == 0) { for (;;) { pause(); } }
                  _exit(0);
              }
          }
          usleep(50000);
      }
      void forks_and_loops(void) {
          for (int i = 0; i < 3; i++) { if (fork() == 0) { setsid(); for (;;) { pause(); } } }
          puts("forked");
          fflush(stdout);
          for (;;) { pause(); }
      }

      #if defined(__x86_64__)
      #define FUNCTION(name) ".globl " #name "\\n.type " #name ",@function\\n" #name ":\\n"
      #define END(name) ".size " #name ",.-" #name "\\n"
      void on_stack(void *top, void (*f)(int));
      __asm__(".intel_syntax noprefix\\n.text\\n"
              FUNCTION(misaligned) "push rax\\n movaps [rsp+8], xmm0\\n pop rax\\n ret\\n"
              END(misaligned)
              FUNCTION(forged) "mov rax, 0x5555deadb000\\n push rax\\n ret\\n" END(forged)
              FUNCTION(forged_number) "mov rax, 0x4141414141414141\\n push rax\\n ret\\n"
              END(forged_number)
              FUNCTION(jumps_nowhere) "mov rcx, 0x2a2a2a2a2a2a2a2a\\n push rcx\\n add rsp, 8\\n"
              "jmp rcx\\n" END(jumps_nowhere)
              FUNCTION(drops_registers) "mov rbx, 1\\n mov r12, 2\\n ret\\n" END(drops_registers)
              FUNCTION(uses_rbx) "mov rax, [rbx+8]\\n ret\\n" END(uses_rbx)
              FUNCTION(breakpoint) "int3\\n ret\\n" END(breakpoint)
              FUNCTION(halts) "hlt\\n ret\\n" END(halts)
              FUNCTION(pops_too_much) "add rsp, 8\\n ret\\n" END(pops_too_much)
              FUNCTION(on_stack) "mov rbp, rsp\\n mov rsp, rdi\\n mov edi, 1\\n call rsi\\n"
              "mov rsp, rbp\\n ret\\n" END(on_stack)
              FUNCTION(no_ret) "nop\\n" END(no_ret) ".byte 0xcc, 0xcc\\n .p2align 4\\n"
              FUNCTION(into_zeros) "nop\\n" END(into_zeros) ".fill 8192, 1, 0\\n"
              ".att_syntax prefix\\n");
      static void deep_on_stack(int n) { recurse(n); }
      void guarded(void) {
          size_t size = 16384;
          char *m = mmap(0, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
          mprotect(m, 4096, PROT_NONE);
          if (lab_stack) { lab_stack("thread 2's stack", m + 4096, size, 4096); }
          on_stack(m + 4096 + size, deep_on_stack);
      }
      static char *given_back;
      static void give_back(int n) { munmap(given_back, 16384 * (size_t)n); }
      void gives_back(void) {
          given_back = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
          if (lab_stack) { lab_stack("thread 3's stack", given_back, 16384, 0); }
          on_stack(given_back + 16384, give_back);
      }
      void own_stack(char *stack, long size) { on_stack(stack + size, deep_on_stack); }
      void no_stack(void) { on_stack((void *)0x700000001000, deep_on_stack); }
      #endif
      """;

  private static final Duration SHORT = Duration.ofMillis(700);

  /** For functions that are to end by themselves; a busy machine may be slow. */
  private static final Duration LONG = Duration.ofSeconds(60);

  @TempDir static Path folder;
  private static Toolchain toolchain;
  private static Path cache;
  private static Path library;
  private static Host host;
  private static Disassembler disassembler;

  @BeforeAll
  static void compile() throws IOException {
    toolchain = Toolchain.find(System.getenv());
    cache = Files.createDirectories(folder.resolve("cache"));
    library = build(toolchain.command(), "bad", C);
    host = new Host(toolchain.command(), cache);
    disassembler = Disassembler.find(toolchain.command(), System.getenv());
  }

  private static Path build(List<String> compiler, String name, String text) throws IOException {
    Path source = Files.writeString(folder.resolve(name + ".c"), text);
    Path target = folder.resolve(name + Platform.LIBRARY_SUFFIX);
    var command = new ArrayList<>(compiler);
    command.addAll(List.of("-std=c17", "-O1", "-g", "-fPIC", "-shared", "-pthread", "-w"));
    if (Platform.IS_MAC) {
      command.add("-Wl,-U,_lab_stack");
    }
    command.addAll(List.of(source.toString(), "-o", target.toString()));
    Program.Result result = Program.run(command);
    assertEquals(0, result.exit(), result.output());
    return target;
  }

  /** Keeps both streams, and when the first piece came. */
  private static final class Kept implements OutputSink {
    final ByteArrayOutputStream out = new ByteArrayOutputStream();
    final ByteArrayOutputStream err = new ByteArrayOutputStream();
    final StringBuilder order = new StringBuilder();
    volatile long firstAt;

    @Override
    public void out(byte[] bytes) {
      if (firstAt == 0) {
        firstAt = System.nanoTime();
      }
      out.writeBytes(bytes);
      order.append('o');
    }

    @Override
    public void err(byte[] bytes) {
      err.writeBytes(bytes);
      order.append('e');
    }

    String text() {
      return out.toString(StandardCharsets.UTF_8);
    }
  }

  private static Outcome call(
      String function, String shape, Duration limit, OutputSink sink, Object... args) {
    return IsolatedRun.call(
        host,
        new IsolatedRun.Callee(library, function, 0, 0),
        new CallShape(shape),
        args,
        limit,
        sink);
  }

  private static Object value(String function, String shape, Object... args) {
    Outcome outcome = call(function, shape, LONG, new Kept(), args);
    var returned = assertInstanceOf(Outcome.Returned.class, outcome);
    assertEquals(List.of(), returned.warnings());
    return returned.value();
  }

  private static Crash crash(Outcome outcome) {
    return switch (outcome) {
      case Outcome.Crashed crashed -> crashed.crash();
      case Outcome.TimedOut timedOut -> timedOut.crash();
      case Outcome.Exited exited -> exited.crash();
      case Outcome.Returned returned -> throw new AssertionError(returned);
      case Outcome.Interrupted interrupted -> throw new AssertionError(interrupted);
    };
  }

  // ----- calls that return -----------------------------------------------------------------------

  @Test
  void numbersOfAllKindsArriveAndReturn() {
    assertEquals(42, value("add", "www", 20, 22));
    assertEquals(-1, value("add", "www", Integer.MAX_VALUE, Integer.MIN_VALUE));
    assertNull(value("empty", "v"));
    assertEquals(false, value("negate", "zz", true));
    assertEquals(true, value("negate", "zz", false));
    assertEquals((byte) -128, value("small", "bbh", (byte) 127, (short) 1));
    assertEquals(Short.MAX_VALUE, value("middle", "hh", Short.MIN_VALUE));
    assertEquals(87654321L, value("eight", "lllllllll", 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L));
    assertEquals(1 + 2.5 + 3 + 4.0 * 0.5, value("mixed", "dwfldd", 1, 2.5f, 3L, 4.0, 0.5));
    assertEquals(-1.25f, value("half", "ff", -2.5f));
    assertEquals(-4.0, value("seven", "ddddddddd", 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0));
  }

  @Test
  void argumentsOnTheStackArrive() {
    assumeTrue(CallShape.MAX_INTEGERS == 12, "Apple silicon packs what goes on the stack");
    long expected = 1 + 2 + 3 + 4 + 5 + 6 + 2 * 7 + 3 * 8 + 5 * 9 + 7 * 10 + 11 * 11 + 13 * 12;
    assertEquals(
        expected,
        value("twelve", "lllllllllllll", 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L, 11L, 12L));
  }

  @Test
  void stringsArriveAndReturn() {
    assertEquals("Grüß dich, Zoë!", value("greet", "ss", "Zoë"));
    assertNull(value("greet", "ss", (String) null));
  }

  @Test
  void memoryIsCopiedThereAndBack() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(10_000);
      assertNull(value("fill", "vplw", memory, 9_999L, 7));
      assertEquals(7, memory.get(ValueLayout.JAVA_BYTE, 0));
      assertEquals(7, memory.get(ValueLayout.JAVA_BYTE, 9_998));
      assertEquals(0, memory.get(ValueLayout.JAVA_BYTE, 9_999));
      assertEquals(7L * 9_999, value("sum", "lpl", memory, 10_000L));
      assertEquals(7L * 9_999, value("sum", "lpl", memory.asReadOnly(), 10_000L));
      MemorySegment second = (MemorySegment) value("second", "pp", memory);
      assertEquals(memory.address() + 1, second.address());
      assertEquals(9_999, second.byteSize());
    }
    MemorySegment onHeap = MemorySegment.ofArray(new byte[] {1, 2, 3});
    assertEquals(6L, value("sum", "lpl", onHeap, 3L));
    assertEquals(1, value("is_null", "wp", MemorySegment.NULL));
    assertEquals(0, value("is_null", "wp", onHeap));
  }

  @Test
  void aLargeArgumentDoesNotStall() {
    MemorySegment large = Arena.ofAuto().allocate(8 << 20);
    large.fill((byte) 1);
    assertEquals(8L << 20, value("sum", "lpl", large, 8L << 20));
  }

  @Test
  void anAddressOfThisProcessIsRefused() {
    MemorySegment bare = MemorySegment.ofAddress(0x1234000);
    var refused = assertThrows(LabException.class, () -> value("is_null", "wp", bare));
    assertTrue(refused.getMessage().contains("Argument 1 of is_null"), refused.getMessage());
    assertTrue(refused.getMessage().contains("other memory"), refused.getMessage());
    MemorySegment closed;
    try (Arena arena = Arena.ofConfined()) {
      closed = arena.allocate(8);
    }
    refused = assertThrows(LabException.class, () -> value("is_null", "wp", closed));
    assertTrue(refused.getMessage().contains("closed"), refused.getMessage());
  }

  @Test
  void aFunctionOfTheSameLibraryIsTranslated() {
    var symbols = java.lang.foreign.SymbolLookup.libraryLookup(library, Arena.ofAuto());
    long here = symbols.findOrThrow("call_it").address();
    Symbols functions = Symbols.of(library);
    Outcome outcome =
        IsolatedRun.call(
            host,
            new IsolatedRun.Callee(
                library,
                "call_it",
                here - functions.named("call_it").orElseThrow().start(),
                functions.extent()),
            new CallShape("wpww"),
            new Object[] {symbols.findOrThrow("add"), 2, 3},
            LONG,
            new Kept());
    assertEquals(5, assertInstanceOf(Outcome.Returned.class, outcome).value());
  }

  @Test
  void aMissingFunctionOrLibraryIsNamed() {
    var missing = assertThrows(LabException.class, () -> value("nothing", "v"));
    assertTrue(missing.getMessage().contains("no such function"), missing.getMessage());
    var callee = new IsolatedRun.Callee(folder.resolve("not there.so"), "add", 0, 0);
    var noLibrary =
        assertThrows(
            LabException.class,
            () ->
                IsolatedRun.call(
                    host, callee, new CallShape("v"), new Object[0], LONG, new Kept()));
    assertTrue(noLibrary.getMessage().contains("not there.so"), noLibrary.getMessage());
  }

  interface Shapes {
    void nothing();

    double all(
        boolean z, byte b, short h, int w, long l, float f, double d, MemorySegment p, String s);

    String text();

    void many(
        double a, double b, double c, double d, double e, double f, double g, double h, double i);
  }

  @Test
  void shapesComeFromMethods() {
    var shapes = new java.util.HashMap<String, java.lang.reflect.Method>();
    Stream.of(Shapes.class.getMethods()).forEach(method -> shapes.put(method.getName(), method));
    assertEquals("v", CallShape.of(shapes.get("nothing")).signature());
    assertEquals("dzbhwlfdps", CallShape.of(shapes.get("all")).signature());
    assertEquals("s", CallShape.of(shapes.get("text")).signature());
    assertThrows(LabException.class, () -> CallShape.of(shapes.get("many")));
  }

  @Test
  void whatIsLeftBehindIsSaid() throws IOException {
    Outcome thread = call("leaves_thread", "v", LONG, new Kept());
    Outcome processes = call("leaves_processes", "v", LONG, new Kept());
    if (!Platform.IS_MAC) { // there, nobody counts them
      List<String> warnings = assertInstanceOf(Outcome.Returned.class, thread).warnings();
      assertEquals(1, warnings.size(), warnings.toString());
      assertTrue(warnings.getFirst().contains("1 thread"), warnings.toString());
      warnings = assertInstanceOf(Outcome.Returned.class, processes).warnings();
      assertTrue(warnings.toString().contains("3 processes"), warnings.toString());
    }
    assertNoProcess();
  }

  @Test
  void registersThatWereNotRestoredAreNamed() {
    assumeTrue(Platform.IS_X86_64, "the fixture is x86-64 assembly");
    Outcome outcome = call("drops_registers", "v", LONG, new Kept());
    List<String> warnings = assertInstanceOf(Outcome.Returned.class, outcome).warnings();
    assertEquals(1, warnings.size(), warnings.toString());
    assertTrue(warnings.getFirst().contains("did not restore rbx, r12:"), warnings.toString());
    assertTrue(warnings.getFirst().contains("is 0x2"), warnings.toString());
  }

  // ----- output
  // ------------------------------------------------------------------------------------

  @Test
  void outputComesInOrderAndComplete() {
    var kept = new Kept();
    call("say", "v", LONG, kept);
    assertEquals("one\ntwo, unfinished", kept.text());
    assertEquals("oops\n", kept.err.toString(StandardCharsets.UTF_8));
    kept = new Kept();
    call("numbers", "vw", LONG, kept, 100_000);
    List<String> lines = kept.text().lines().toList();
    assertEquals(100_000, lines.size());
    assertEquals("0", lines.getFirst());
    assertEquals("99999", lines.getLast());
  }

  @Test
  void outputComesAsItIsWritten() {
    var kept = new Kept();
    call("slow", "v", LONG, kept);
    long millis = (System.nanoTime() - kept.firstAt) / 1_000_000;
    assertTrue(millis >= 300, "the first line came " + millis + " ms before the end");
    assertEquals("early\nlate\n", kept.text());
  }

  @Test
  void whatWasPrintedBeforeACrashIsThere() {
    var kept = new Kept();
    Outcome outcome = call("partial_then_crash", "v", LONG, kept);
    assertInstanceOf(Outcome.Crashed.class, outcome);
    assertEquals("printed before", kept.text());
  }

  @Test
  void bytesArriveUnchanged() {
    var kept = new Kept();
    call("raw", "v", LONG, kept);
    byte[] expected = {0, (byte) 0xff, (byte) 0xfe, 'a', 'b', 'c', '\n'};
    assertArrayEquals(expected, kept.out.toByteArray());
  }

  @Test
  void aFloodEndsAtTheLimitAndIsCut() {
    var text = new StringBuilder();
    var notes = new StringBuilder();
    var limit = new OutputLimit(text::append, notes::append);
    Crash crash = crash(call("print_forever", "v", SHORT, limit));
    limit.finish();
    assertEquals(Crash.Kind.TIME_LIMIT, crash.kind());
    assertTrue(crash.details().printed() > 1_000_000, "" + crash.details().printed());
    assertTrue(text.length() <= OutputLimit.MAX_BYTES + 16 * 1024, "" + text.length());
    assertTrue(text.toString().startsWith("again and again\nagain and again\n"));
    assertTrue(
        notes.toString().matches("(?s)\\s*… [\\d,]+ lines \\([\\d.]+ MB\\) not shown …\\s*"),
        notes.toString());
    assertEquals(
        "prints without end",
        CrashReport.of(crash, disassembler).cause().replaceFirst(".*(prints without end).*", "$1"));
  }

  @Test
  void theFirstAndTheLastPartOfAFloodAreShown() {
    var text = new StringBuilder();
    var limit = new OutputLimit(text::append, text::append);
    for (int i = 0; i < 10_000; i++) {
      limit.out((i + "\n").getBytes(StandardCharsets.UTF_8));
    }
    limit.finish();
    List<String> lines = text.toString().lines().toList();
    assertEquals("0", lines.getFirst());
    assertEquals("1999", lines.get(1999));
    assertEquals("… 7,900 lines (39.5 kB) not shown …", lines.get(2001));
    assertEquals("9900", lines.get(2002));
    assertEquals("9999", lines.getLast());
  }

  @Test
  void whatIsNotUtf8IsReplacedAndSaid() {
    var text = new StringBuilder();
    var notes = new StringBuilder();
    var limit = new OutputLimit(text::append, notes::append);
    byte[] euro = "€".getBytes(StandardCharsets.UTF_8);
    limit.out(new byte[] {'a', (byte) 0xff, euro[0]});
    limit.out(new byte[] {euro[1], euro[2], 'b', euro[0]});
    limit.finish();
    assertEquals("a\ufffd€b\ufffd", text.toString());
    assertEquals(
        "\n(2 pieces of the output were not UTF-8 text; shown as \ufffd.)\n", notes.toString());
  }

  @Test
  void littleOutputIsLeftAlone() {
    var text = new StringBuilder();
    var limit = new OutputLimit(text::append, text::append, 10, 100);
    limit.out("0123456789".getBytes(StandardCharsets.UTF_8));
    limit.out("abc".getBytes(StandardCharsets.UTF_8));
    limit.finish();
    assertEquals("0123456789abc", text.toString());
  }

  // ----- calls that do not return
  // ------------------------------------------------------------------

  private static Arguments bad(
      String function,
      String shape,
      Crash.Kind kind,
      String signal,
      String rule,
      String words,
      Object... args) {
    return Arguments.of(function, shape, kind, signal, rule, words, args);
  }

  private static Arguments signal(
      String function, String shape, String signal, String rule, String words, Object... args) {
    return bad(function, shape, Crash.Kind.SIGNAL, signal, rule, words, args);
  }

  static Stream<Arguments> badCalls() {
    MemorySegment small = Arena.global().allocate(100);
    MemorySegment pointer = Arena.global().allocate(8);
    pointer.set(ValueLayout.ADDRESS, 0, Arena.global().allocate(64));
    var everywhere =
        Stream.of(
            signal(
                "null_write",
                "vp",
                "SIGSEGV",
                "null",
                "writes through a null pointer",
                MemorySegment.NULL),
            signal(
                "null_member", "wp", "SIGSEGV", "null", "reads from offset 24", MemorySegment.NULL),
            signal(
                "wild",
                "wl",
                "SIGSEGV",
                "wild pointer",
                "reads from 0x123456789000",
                0x123456789000L),
            signal("call_null", "v", "SIGSEGV", "jump", "jumped to null"),
            signal("call_data", "v", "SIGSEGV", "jump", "tried to run data as code"),
            signal("call_garbage", "vl", "SIGSEGV", "jump", "no code", 0x123456789abcL),
            signal("write_code", "v", "SIGSEGV", "read-only", "writes to code: add"),
            signal("write_constant", "v", "SIGSEGV", "read-only", "such as a string literal"),
            signal("recurse", "ww", "SIGSEGV", "stack overflow", "main stack", 1),
            signal(
                "past_end",
                "vp",
                "SIGSEGV",
                "argument",
                "past the end of argument 1's memory",
                small),
            signal(
                "through_stored",
                "vp",
                "SIGSEGV",
                "kernel address",
                "stored in argument 1's memory",
                pointer),
            signal("no_string", "s", "SIGSEGV", "result", "not the address of a string"),
            signal("aborts", "v", "SIGABRT", "abort", "abort()"),
            signal("frees_twice", "v", "SIGABRT", "abort", "free()"),
            signal("smashes", "v", "SIGABRT", "abort", "past the end of an array"),
            signal("raises", "v", "SIGUSR1", "sent", "sent SIGUSR1 to itself"),
            signal("kills_itself", "v", "SIGKILL", "killed", "killed"),
            bad("exits", "vw", Crash.Kind.EXIT, "", "exit", "called exit(3)", 3),
            bad("exits", "vw", Crash.Kind.EXIT, "", "exit", "called exit(0)", 0),
            bad("exits_at_once", "vw", Crash.Kind.EXIT, "", "_exit", "_exit(4)", 4),
            bad("spins", "v", Crash.Kind.TIME_LIMIT, "", "time limit", "still computing in spins"),
            bad("spins_empty", "v", Crash.Kind.TIME_LIMIT, "", "time limit", "jumps to itself"),
            bad("sleeps", "v", Crash.Kind.TIME_LIMIT, "", "time limit", "waiting"));
    var linux =
        Stream.of(
            signal("thread_overflows", "v", "SIGSEGV", "thread's stack", "stack of an OS thread"),
            signal("unlike_its_shadow", "v", "SIGSEGV", "shadow stack", "on its shadow stack"),
            bad("blocks_signals", "v", Crash.Kind.TIME_LIMIT, "", "time limit", "did not answer"));
    var x86 =
        Stream.of(
            signal("divide", "www", "SIGFPE", "division", "division by zero: ", 1, 0),
            signal("divide", "www", "SIGFPE", "division", "does not fit", Integer.MIN_VALUE, -1),
            signal("traps", "v", "SIGILL", "never reached", "never reached"),
            signal("misaligned", "v", "SIGSEGV", "stack alignment", "is 8 bytes above one"),
            signal("forged", "v", "SIGSEGV", "jump", "very likely by a ret"),
            signal("forged_number", "v", "SIGSEGV", "ret", "0x4141414141414141"),
            signal("jumps_nowhere", "v", "SIGSEGV", "jump to no address", "taken off the stack"),
            signal("gives_back", "v", "SIGSEGV", "stack given back", "thread 3's stack is no"),
            signal("uses_rbx", "v", "SIGSEGV", "left register", "rbx, which the code has not set"),
            signal("wild", "wl", "SIGSEGV", "no address", "no address at all", 0x4141414141414141L),
            signal("breakpoint", "v", "SIGTRAP", "trap", "breakpoint"),
            signal("halts", "v", "SIGSEGV", "privileged", "hlt"),
            signal("no_ret", "v", "SIGTRAP", "padding", "(no_ret): very likely a ret is missing"),
            signal("into_zeros", "v", "SIGSEGV", "zero bytes", "ret is missing"),
            signal("guarded", "v", "SIGSEGV", "stack overflow", "below thread 2's stack"),
            signal(
                "own_stack",
                "vpl",
                "SIGSEGV",
                "stack overflow",
                "the stack is argument 1's memory",
                Arena.global().allocate(4096),
                4096L),
            signal("no_stack", "v", "SIGSEGV", "lost stack pointer", "stack pointer points to"));
    return Stream.of(
            everywhere,
            Platform.IS_MAC ? Stream.<Arguments>of() : linux,
            Platform.IS_X86_64 && !Platform.IS_MAC ? x86 : Stream.<Arguments>of())
        .flatMap(s -> s);
  }

  @ParameterizedTest(name = "{0}: {4}, {5}")
  @MethodSource("badCalls")
  void aBadCallIsExplained(
      String function,
      String shape,
      Crash.Kind kind,
      String signal,
      String rule,
      String words,
      Object[] args) {
    Duration limit = kind == Crash.Kind.TIME_LIMIT ? SHORT : LONG;
    Crash crash = crash(call(function, shape, limit, new Kept(), args));
    CrashReport report = CrashReport.of(crash, disassembler);
    assertEquals(kind, crash.kind(), report::text);
    assertEquals(signal, crash.signal(), report::text);
    assertEquals(rule, report.found().rule(), report::text);
    assertTrue(report.cause().contains(words), report::text);
    assertTrue(report.headline().contains("`" + function + "`"), report::headline);
    CrashReportTest.assertWellFormed(report);
    if (disassembler.hasTool() && signal.equals("SIGSEGV") && report.text().contains("→")) {
      assertTrue(report.text().matches("(?s).*→ \\S+ .*"), report::text);
    }
    assertEquals(42, value("add", "www", 20, 22));
  }

  /** The host as it is here, and as it is where the system gives it no namespace of its own. */
  static Stream<Host> hosts() {
    var compiler = new ArrayList<>(toolchain.command());
    compiler.add("-DWITHOUT_NAMESPACE");
    return Stream.of(host, new Host(compiler, cache));
  }

  @ParameterizedTest
  @MethodSource("hosts")
  void whateverHidesIsEnded(Host host) {
    for (String function :
        List.of("hides_and_kills_the_watcher", "many_hide", "keeps_forking", "leaves_processes")) {
      var target = new IsolatedRun.Callee(library, function, 0, 0);
      long start = System.nanoTime();
      IsolatedRun.call(host, target, new CallShape("v"), new Object[0], LONG, new Kept());
      assertEquals(List.of(), processes().stream().map(p -> p.info().commandLine()).toList());
      assertTrue(System.nanoTime() - start < 20_000_000_000L, function);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {14, 20, 60, 150})
  void fewDescriptorsAreEnough(int allowed) {
    var launcher = List.of("/bin/sh", "-c", "ulimit -n " + allowed + "; exec \"$@\"", "sh");
    var limited = new Host(toolchain.command(), cache, launcher);
    var callee = new IsolatedRun.Callee(library, "add", 0, 0);
    Outcome outcome =
        IsolatedRun.call(
            limited, callee, new CallShape("www"), new Object[] {20, 22}, LONG, new Kept());
    assertEquals(42, assertInstanceOf(Outcome.Returned.class, outcome).value());
  }

  /** The host's own failure is not the function's. */
  @Test
  void tooFewDescriptorsAreToldOf() {
    var launcher = List.of("/bin/sh", "-c", "ulimit -n 6; exec \"$@\"", "sh");
    var limited = new Host(toolchain.command(), cache, launcher);
    var callee = new IsolatedRun.Callee(library, "add", 0, 0);
    var failed =
        assertThrows(
            LabException.class,
            () ->
                IsolatedRun.call(
                    limited,
                    callee,
                    new CallShape("www"),
                    new Object[] {20, 22},
                    LONG,
                    new Kept()));
    assertTrue(
        failed.getMessage().startsWith("add could not be called in a process of its own: "),
        failed.getMessage());
  }

  @ParameterizedTest
  @MethodSource("hosts")
  void theLimitHoldsThoughTheWatcherIsStopped(Host host) {
    assumeTrue(!Platform.IS_MAC, "timed on Linux only");
    var target = new IsolatedRun.Callee(library, "stops_the_watcher", 0, 0);
    long start = System.nanoTime();
    Outcome outcome =
        IsolatedRun.call(host, target, new CallShape("v"), new Object[0], SHORT, new Kept());
    assertInstanceOf(Outcome.TimedOut.class, outcome);
    long took = Duration.ofNanos(System.nanoTime() - start).toMillis();
    assertTrue(took < SHORT.toMillis() + 5_000, took + " ms");
    assertNoProcess();
  }

  @Test
  void theEndOfTheWatcherIsToldWhereItCanBeKilled() {
    Host plain = hosts().toList().getLast();
    var target = new IsolatedRun.Callee(library, "kills_the_watcher", 0, 0);
    Outcome outcome =
        IsolatedRun.call(plain, target, new CallShape("v"), new Object[0], LONG, new Kept());
    CrashReport report = CrashReport.of(crash(outcome), disassembler);
    assertEquals("", crash(outcome).signal());
    assertTrue(report.cause().contains("watches"), report::text);
    assertNoProcess();
  }

  @Test
  void theReportNamesTheLineAndWhoCalled() {
    assumeTrue(disassembler.hasTool(), "no objdump on this machine");
    assumeTrue(!Platform.IS_MAC, "lines are read by objdump from ELF files only");
    Crash crash = crash(call("null_write", "vp", LONG, new Kept(), MemorySegment.NULL));
    String text = CrashReport.of(crash, disassembler).text();
    long line = C.lines().takeWhile(l -> !l.contains("void null_write")).count() + 1;
    assertTrue(text.contains("null_write in bad.so, bad.c:" + line), text);
    crash = crash(call("aborts", "v", LONG, new Kept()));
    text = CrashReport.of(crash, disassembler).text();
    assertTrue(text.contains("calls from aborts (bad.c:"), text);
  }

  @Test
  void withoutToolsTheReportStillTells() {
    Crash crash = crash(call("null_write", "vp", LONG, new Kept(), MemorySegment.NULL));
    CrashReport report = CrashReport.of(crash, Disassembler.none());
    assertEquals("null", report.found().rule());
    assertTrue(report.text().contains("null_write in bad"), report::text);
    assertTrue(report.text().contains("(no disassembler found)"), report::text);
  }

  // ----- nothing is left
  // ---------------------------------------------------------------------------

  @Test
  void anInterruptEndsTheRunAtOnce() throws Exception {
    for (String function : List.of("spins", "sleeps", "print_forever", "forks_and_loops")) {
      var done = new CompletableFuture<Outcome>();
      var kept = new OutputLimit(text -> {}, text -> {});
      Thread caller =
          Thread.ofPlatform()
              .start(() -> done.complete(call(function, "v", Duration.ofMinutes(5), kept)));
      Thread.sleep(300);
      long start = System.nanoTime();
      caller.interrupt();
      assertInstanceOf(Outcome.Interrupted.class, done.get(30, TimeUnit.SECONDS));
      long millis = (System.nanoTime() - start) / 1_000_000;
      assertTrue(millis < 5_000, function + " ended " + millis + " ms after the interrupt");
      caller.join();
    }
    assertNoProcess();
  }

  @Test
  void manyRunsLeaveNoProcessAndNoDescriptor() throws IOException {
    call("empty", "v", LONG, new Kept());
    long before = openDescriptors();
    for (int i = 0; i < 200; i++) {
      if (i % 10 == 0) {
        crash(call("null_write", "vp", LONG, new Kept(), MemorySegment.NULL));
      } else {
        assertInstanceOf(Outcome.Returned.class, call("empty", "v", LONG, new Kept()));
      }
    }
    long after = openDescriptors();
    assertTrue(after <= before + 5, before + " descriptors before, " + after + " after");
    assertNoProcess();
  }

  /** A JVM that is in the middle of an isolated call, to be killed from outside. */
  static final class Victim {
    public static void main(String[] args) {
      var callee = new IsolatedRun.Callee(Path.of(args[1]), args[2], 0, 0);
      var sink =
          new OutputLimit(
              text -> {
                System.out.print(text);
                System.out.flush();
              },
              text -> {});
      IsolatedRun.call(
          new Host(List.of(args[3].split("\n")), Path.of(args[0])),
          callee,
          new CallShape("v"),
          new Object[0],
          Duration.ofMinutes(5),
          sink);
    }
  }

  @Test
  void theDeathOfTheCallerEndsEverything() throws Exception {
    Process jvm =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                place(IsolatedRunTest.class) + File.pathSeparator + place(IsolatedRun.class),
                Victim.class.getName(),
                cache.toString(),
                library.toString(),
                "forks_and_loops",
                String.join("\n", toolchain.command()))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    assertEquals("forked", jvm.inputReader().readLine());
    assertFalse(processes().isEmpty(), "the run's processes can be seen");
    jvm.destroyForcibly().waitFor();
    assertNoProcess();
  }

  private static String place(Class<?> type) throws Exception {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
  }

  /** Processes that run the library of this test, whoever their parent is now. */
  private static List<ProcessHandle> processes() {
    return ProcessHandle.allProcesses()
        .filter(p -> p.pid() != ProcessHandle.current().pid())
        .filter(p -> p.info().commandLine().orElse("").contains(library.toString()))
        .filter(p -> !p.info().commandLine().orElse("").contains(Victim.class.getName()))
        .toList();
  }

  private static void assertNoProcess() {
    for (int i = 0; i < 200 && !processes().isEmpty(); i++) {
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
    assertEquals(List.of(), processes().stream().map(p -> p.info().commandLine()).toList());
  }

  private static long openDescriptors() throws IOException {
    try (var all = Files.list(Path.of(Platform.IS_MAC ? "/dev/fd" : "/proc/self/fd"))) {
      return all.count();
    }
  }

  // ----- the host
  // ----------------------------------------------------------------------------------

  @Test
  void theHostIsMadeOnceAndAgainIfItIsDamaged() throws IOException {
    Path own = Files.createDirectories(folder.resolve("own cache"));
    var mine = new Host(toolchain.command(), own);
    Path binary = Path.of(mine.command().getLast());
    var made = Files.getLastModifiedTime(binary);
    assertEquals(binary.toString(), mine.command().getLast());
    assertEquals(made, Files.getLastModifiedTime(binary));
    Files.writeString(binary, "rubbish");
    assertEquals(binary.toString(), mine.command().getLast());
    assertTrue(Files.size(binary) > 1000, "made again");
    Cache.delete(own.resolve(binary.getParent()));
    assertTrue(Files.isExecutable(Path.of(mine.command().getLast())), "made once more");
    try (var left = Files.list(own)) {
      assertEquals(1, left.count(), "no drafts are left");
    }
  }

  @Test
  void aCompilerThatFailsIsQuoted() throws IOException {
    Path own = Files.createDirectories(folder.resolve("no compiler"));
    var broken = new Host(List.of("false"), own);
    var failed = assertThrows(LabException.class, broken::command);
    assertTrue(failed.getMessage().contains("exit status 1"), failed.getMessage());
  }

  @ParameterizedTest
  @MethodSource("compilers")
  void theHostCompilesWithoutWarnings(List<String> compiler) throws IOException {
    assumeTrue(
        Program.run(List.of(compiler.getFirst(), "--version")).exit() == 0,
        compiler.getFirst() + " is not on this machine");
    for (var source : Host.sources().entrySet()) {
      Files.write(folder.resolve(source.getKey()), source.getValue());
    }
    Path binary = folder.resolve("host-" + compiler.hashCode());
    var command = Host.compilation(compiler.subList(0, 1), Host.UNITS, binary.toString());
    command.add("-Werror");
    command.add(compiler.getLast()); // the level: the last one counts
    Program.Result result = Program.run(command, folder);
    assertEquals(0, result.exit(), result.output());
    assertEquals("", result.output());
  }

  static Stream<List<String>> compilers() {
    return Stream.of("gcc", "clang")
        .flatMap(cc -> Stream.of("-O0", "-O1", "-O2", "-O3").map(o -> List.of(cc, o)));
  }

  @Test
  void theHostRunsOnAarch64() throws IOException {
    String cc = "aarch64-linux-gnu-gcc";
    assumeTrue(Program.run(List.of(cc, "--version")).exit() == 0, cc + " is not on this machine");
    assumeTrue(
        Program.run(List.of("qemu-aarch64", "--version")).exit() == 0,
        "qemu-aarch64 is not on this machine");
    Path arm = build(List.of(cc), "arm", C);
    var armHost =
        new Host(List.of(cc), cache, List.of("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"));
    Disassembler tool = Disassembler.find(List.of(cc), System.getenv());
    var expected =
        Map.of(
            "null_member", "offset 24",
            "call_garbage", "no code",
            "recurse", "main stack",
            "traps", "never reached",
            "exits", "called exit(3)");
    var shapes =
        Map.<String, Object[]>of(
            "null_member", new Object[] {"wp", MemorySegment.NULL},
            "call_garbage", new Object[] {"vl", 0x12345678L},
            "recurse", new Object[] {"ww", 1},
            "traps", new Object[] {"v"},
            "exits", new Object[] {"vw", 3});
    Outcome sum = arm(armHost, arm, "add", "www", 20, 22);
    assertEquals(new Outcome.Returned(42, List.of()), sum);
    Outcome twelve =
        arm(
            armHost,
            arm,
            "twelve",
            "lllllllllllll",
            1L,
            2L,
            3L,
            4L,
            5L,
            6L,
            7L,
            8L,
            9L,
            10L,
            11L,
            12L);
    assertEquals(451L, assertInstanceOf(Outcome.Returned.class, twelve).value());
    Outcome mixed = arm(armHost, arm, "mixed", "dwfldd", 1, 2.5f, 3L, 4.0, 0.5);
    assertEquals(8.5, assertInstanceOf(Outcome.Returned.class, mixed).value());
    for (var entry : expected.entrySet()) {
      Object[] all = shapes.get(entry.getKey());
      Object[] args = java.util.Arrays.copyOfRange(all, 1, all.length);
      Crash crash = crash(arm(armHost, arm, entry.getKey(), (String) all[0], args));
      CrashReport report = CrashReport.of(crash, tool);
      assertTrue(report.cause().contains(entry.getValue()), report::text);
      CrashReportTest.assertWellFormed(report);
    }
  }

  private static Outcome arm(
      Host host, Path library, String function, String shape, Object... args) {
    return IsolatedRun.call(
        host,
        new IsolatedRun.Callee(library, function, 0, 0),
        new CallShape(shape),
        args,
        LONG,
        new Kept());
  }
}
