package greenthreads.lab.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.binary.Symbols;
import greenthreads.lab.bind.Project;
import greenthreads.lab.bind.TestProject;
import greenthreads.lab.call.CodeMap;
import greenthreads.lab.call.Mapping;
import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.isolate.HostReport;
import greenthreads.lab.isolate.IsolationTools;
import greenthreads.lab.isolate.TraceLog;
import greenthreads.lab.show.Drawn;
import greenthreads.lab.show.Figure;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Steps recorded live, on the processor that runs this test, and one recording of old. */
class StepsTest {
  /** A switch in assembly: the smallest one, for both architectures. */
  private static final String C =
      """
      #include <stdint.h>
      #include <stdlib.h>
      void swap(uint64_t *old, uint64_t *new) __attribute__((visibility("hidden")));
      void home(void) __attribute__((visibility("hidden")));
      #if defined __x86_64__
      __asm__(".pushsection .text\\n.intel_syntax noprefix\\n.globl swap\\n.hidden swap\\n"
              ".type swap, %function\\nswap:\\n mov [rdi], rsp\\n mov rsp, [rsi]\\n EXTRA ret\\n"
              ".size swap, .-swap\\n.globl home\\n.hidden home\\n.type home, %function\\n"
              "home:\\n pop rsp\\n ret\\n.size home, .-home\\n.att_syntax prefix\\n.popsection\\n");
      enum { SLOTS = 4 };
      #else
      __asm__(".pushsection .text\\n.globl swap\\n.hidden swap\\n.type swap, %function\\n"
              "swap:\\n stp x29, x30, [sp, #-16]!\\n mov x9, sp\\n str x9, [x0]\\n ldr x9, [x1]\\n"
              " mov sp, x9\\n ldp x29, x30, [sp], #16\\n ret\\n.size swap, .-swap\\n"
              ".globl home\\n.hidden home\\n.type home, %function\\n"
              "home:\\n ldr x9, [sp]\\n mov sp, x9\\n ldp x29, x30, [sp], #16\\n ret\\n"
              ".size home, .-home\\n.popsection\\n");
      enum { SLOTS = 4 };
      #endif
      static int ran[4];
      void body(void) { *ran = 1; }
      #if defined __x86_64__
      int run(uint64_t *stack, long words) {
          uint64_t *top = stack + words, new = (uint64_t)(top - 4);
          top[-4] = (uint64_t)body;
          top[-3] = (uint64_t)home;
          *ran = 0;
          swap(top - 2, &new);
          return *ran;
      }
      #else
      void start(void) __attribute__((visibility("hidden")));
      __asm__(".pushsection .text\\n.globl start\\n.hidden start\\n"
              ".type start, %function\\nstart:\\n bl body\\n b home\\n"
              ".size start, .-start\\n.popsection\\n");
      int run(uint64_t *stack, long words) {
          uint64_t *top = stack + words, new = (uint64_t)(top - 4);
          top[-4] = 0;
          top[-3] = (uint64_t)start;
          *ran = 0;
          swap(top - 2, &new);
          return *ran;
      }
      #endif
      int never(void) { return 3; }
      int fresh(long words) {
          uint64_t *stack = malloc((size_t)words * 8);
          int result = run(stack, words);
          free(stack);
          return result;
      }
      long crash(volatile long *p) { return *p; }
      void lab_stack(const char *name, void *low, size_t size, size_t guard) __attribute__((weak));
      static uint64_t *memory, other;
      void there(void) { swap(&other, &memory[4010]); }
      int named(void) {
          uint64_t *top = (memory = aligned_alloc(16, 4096 * 8)) + 4000, new = (uint64_t)(top - 4);
          if (lab_stack)
              lab_stack("mine", memory, 4000 * 8, 0);
          top[-4] = top[-3] = (uint64_t)there; /* each processor takes one of them */
          swap(&memory[4010], &new);
          free(memory);
          return 0;
      }
      """;

  @TempDir Path folder;
  private TestProject files;
  private Project project;
  private IsolationTools tools;
  private Calls calls;
  private final MemorySegment stack = Arena.ofAuto().allocate(32 * 1024, 16);

  public interface Calls {
    int run(MemorySegment stack, long words);

    int never();

    int fresh(long words);

    long crash(MemorySegment p);

    int named();
  }

  @BeforeEach
  void load() throws IOException {
    files = TestProject.in(folder).with("steps", C.replace("EXTRA", ""));
    project = files.following(new ArrayList<>());
    tools = files.tools();
    calls = project.load("steps", Calls.class, List.of());
  }

  private Steps step(String... functions) {
    assumeFalse(Platform.IS_MAC, "macOS does not let one process step another");
    return Stepper.step(tools, calls, c -> c.run(stack, 4096), List.of(functions));
  }

  private static long sp(Step step) {
    return step.register(Platform.IS_X86_64 ? "rsp" : "sp");
  }

  @Test
  void everyInstructionOfASwapIsThere() {
    Steps steps = step("swap");
    int count = Platform.IS_X86_64 ? 3 : 7;
    assertEquals(count, steps.size());
    assertEquals(count + 1, steps.steps().size());
    assertTrue(steps.steps().getFirst().place().equals("swap"));
    assertTrue(steps.steps().getLast().last());
    assertEquals(
        Platform.IS_X86_64 ? "body" : "start", steps.steps().getLast().place(), steps.text());
    assertTrue(steps.steps().get(count - 1).instruction().startsWith("ret"), steps.text());
    long before = sp(steps.steps().getFirst());
    long after = sp(steps.steps().getLast());
    assertTrue(Math.abs(after - before) > 64 * 1024, "sp did not jump: " + steps.text());
    assertTrue(steps.text().contains("jumps from the old stack to the new stack, top − "));
  }

  @Test
  void theNextInstructionIsReadFromTheStack() {
    Steps steps = step("swap");
    if (Platform.IS_X86_64) {
      Step ret = steps.steps().get(2);
      assertEquals(steps.steps().get(3).register("rip"), steps.word(2, sp(ret)).orElseThrow());
      assertEquals(
          "takes rip from the new stack, top − 32: start of body;"
              + " rsp moves up by 8, to top − 24.",
          ret.effect());
    }
  }

  @Test
  void editedSwitchIsAnotherRecording() {
    assumeFalse(!Platform.IS_X86_64, "the edit is x86-64's");
    assertEquals(3, step("swap").size());
    files.with("steps", C.replace("EXTRA", "nop\\n nop\\n"));
    project.refresh();
    Steps edited = step("swap");
    assertEquals(5, edited.size());
    assertEquals("nop", edited.steps().get(2).instruction());
  }

  @Test
  void aStoreIsNamedByWhatItStoresAndWhere() {
    assumeFalse(!Platform.IS_X86_64, "the edit is x86-64's");
    files.with(
        "steps",
        C.replace(
            "EXTRA",
            "lea r11, swap[rip+2]\\n mov [rsp-16], r11\\n mov [rsp-16], r11\\n"
                + " lea r11, ran[rip]\\n mov [r11+8], rsp\\n"));
    project.refresh();
    List<String> effects = step("swap").steps().stream().map(Step::effect).toList();
    String stored = "stores r11 (an address in swap + 2) in the new stack, top − 48";
    assertEquals(stored + ".", effects.get(3));
    assertEquals(stored + ", where it already was.", effects.get(4));
    assertEquals("stores rsp in ran+0x8.", effects.get(6));
  }

  @Test
  void severalFunctionsAreRecordedInTheOrderTheyRan() {
    Steps steps = step("swap", "home");
    int home = Platform.IS_X86_64 ? 2 : 4;
    assertEquals((Platform.IS_X86_64 ? 3 : 7) + home, steps.size());
    assertTrue(steps.text().contains("… the program runs on, unrecorded …"), steps.text());
    assertTrue(steps.steps().getLast().place().startsWith("run+0x"), steps.text());
  }

  @Test
  void stackFromMallocIsFound() {
    assumeFalse(Platform.IS_MAC, "macOS does not let one process step another");
    Steps steps = Stepper.step(tools, calls, c -> c.fresh(4096), List.of("swap"));
    assertEquals(2, steps.stacks().size());
    assertTrue(steps.text().contains("jumps from the old stack to the new stack"), steps.text());
  }

  /**
   * Where a stack ends is known if the code says it, and what lies above it is not taken for it.
   */
  @Test
  void memoryAboveAStackIsNotTheStack() {
    assumeFalse(Platform.IS_MAC, "macOS does not let one process step another");
    Steps steps = Stepper.step(tools, calls, c -> c.named(), List.of("swap"));
    String text = steps.text();
    assertTrue(text.contains("in the memory above the new stack, its end + 80"), text);
    String argument = Platform.IS_X86_64 ? "rdi" : "x0";
    assertEquals(
        "memory above the new stack, its end + 80",
        steps.meaning(steps.steps().getFirst().register(argument)),
        text);
    long top = steps.stacks().getLast().memory().high();
    assertTrue(steps.stacks().getLast().addresses().getFirst() < top, text);
  }

  @Test
  void callsAreFollowedInTheLibraryAndRunThroughOutside() {
    assumeFalse(Platform.IS_MAC, "macOS does not let one process step another");
    Steps steps = Stepper.step(tools, calls, c -> c.fresh(4096), List.of("fresh"));
    String text = steps.text();
    assertTrue(text.contains("at full speed and not recorded, up to fresh+0x"), text);
    assertTrue(steps.steps().stream().anyMatch(step -> step.place().equals("swap")), text);
    assertTrue(steps.size() < 120, "malloc was stepped: " + steps.size());
  }

  @Test
  void crashEndsTheRecordingAndIsSaid() {
    assumeFalse(Platform.IS_MAC, "macOS does not let one process step another");
    Steps steps = Stepper.step(tools, calls, c -> c.crash(MemorySegment.NULL), List.of("crash"));
    assertTrue(steps.ending().startsWith("The recording ends at a SIGSEGV."), steps.ending());
    assertTrue(steps.ending().contains("crashed"), steps.ending());
  }

  @Test
  void mistakesAreNamed() {
    assumeFalse(Platform.IS_MAC, "macOS does not let one process step another");
    String unknown = assertThrows(LabException.class, () -> step("swop")).getMessage();
    assertTrue(unknown.contains("no function `swop`") && unknown.contains("swap"), unknown);
    assertFalse(unknown.contains("_init"), unknown);
    String missed =
        assertThrows(
                LabException.class,
                () -> Stepper.step(tools, calls, c -> c.never(), List.of("swap")))
            .getMessage();
    assertTrue(missed.contains("`never` ran, and never entered swap"), missed);
    assertThrows(LabException.class, () -> Stepper.step(tools, calls, c -> {}, List.of("swap")));
    assertThrows(LabException.class, () -> Stepper.step(tools, "no", c -> {}, List.of("swap")));
  }

  @Test
  void withoutSteppingBeforeAndAfterAreShown() {
    StackView before = StackView.of(stack);
    Figure figure =
        Steps.withoutSteps(List.of("swap"), "Nobody may", Optional.of(before), Optional.of(before))
            .figure();
    assertTrue(figure.text().startsWith("Nobody may: this shows the stack before and after"));
    assertTrue(
        Steps.withoutSteps(List.of("swap"), "No", Optional.empty(), Optional.empty())
            .text()
            .contains("shows nothing"));
  }

  @Test
  void withoutSteppingAddressesAreThoseOfTheProcessThatMadeTheCall() {
    HostReport report =
        HostReport.parse(
            """
            library 7000000000 7000000000
            untraced not here
            map 7000000000-7000002000 r-xp 0 00:00 0 /there/own.so
            map 7000002000-7000004000 rw-p 0 00:00 0
            argument 1 7000003000 100
            """
                .getBytes(StandardCharsets.UTF_8));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(0x100, 16);
      // An address that has a meaning here, and none there: under an emulator that is common.
      long ours = CodeMap.mappings().stream().mapToLong(Mapping::low).findFirst().orElse(1 << 20);
      memory.set(ValueLayout.JAVA_LONG, 0xf8, ours);
      memory.set(ValueLayout.JAVA_LONG, 0xf0, 0x7000001234L);
      memory.set(ValueLayout.JAVA_LONG, 0xe8, 0x70000030e0L);
      memory.set(ValueLayout.JAVA_LONG, 0xe0, 0x7000002008L);
      var origin =
          new Steps.Origin(
              List.of("f"), Path.of(""), Symbols.of(Path.of("")), 0, report.mappings());
      StackView after = Stepper.afterwards(report, origin, new Object[] {1L, memory}).orElseThrow();
      assertEquals("no address, just bits", after.meaning(0).text());
      assertEquals("code of own.so", after.meaning(1).text());
      assertEquals("this stack, top − 32", after.meaning(2).text());
      assertEquals("an address in memory", after.meaning(3).text());

      // Where the system says nothing of a process's memory, nothing is claimed of an address.
      HostReport silent = HostReport.parse("library 0 0\n".getBytes(StandardCharsets.UTF_8));
      var nothing = new Steps.Origin(List.of(), Path.of(""), Symbols.of(Path.of("")), 0, List.of());
      StackView unknown =
          Stepper.afterwards(silent, nothing, new Object[] {1L, memory}).orElseThrow();
      assertEquals("an address, or just bits", unknown.meaning(0).text());
    }
  }

  @Test
  void tableIsThereWithoutScripts() {
    String html = step("swap").figure().html();
    assertTrue(html.contains("<details class=\"gt-all\" open>"));
    assertTrue(html.contains("<div class=\"gt-stage\" hidden>"));
    assertFalse(html.contains("src="), "no network");
    assertFalse(html.contains("http"), "no network");
  }

  // ----- a recording of old --------------------------------------------------------------------

  private static final String RECORDED =
      """
      enter 0
      region 1000 1020 0 2000000000000000180000000000000000000000000000000000000000000000
      region 9000 9010 ffff 01000000000000000200000000000000
      state c3
      reg rsp 9000
      reg rip 20
      reg rflags 0
      state 90
      reg rsp 1008
      reg rip 18
      reg rflags 0
      write 1018 3c7363726970743e
      leave
      cut limit
      write 10\
      """;

  private static Steps recorded(String text) {
    var origin =
        new Steps.Origin(
            List.of("</script><b>"), Path.of("none"), Symbols.of(Path.of("none")), 0, List.of());
    TraceLog log = TraceLog.parse(text.getBytes(StandardCharsets.US_ASCII));
    return Steps.of(log, origin, Disassembler.none(), "");
  }

  @Test
  void recordingCutShortIsReadAsFarAsItGoes() {
    Steps steps = recorded(RECORDED);
    assertEquals(2, steps.steps().size());
    assertEquals(0x3c7363726970743eL, steps.word(1, 0x1018).orElseThrow());
    assertEquals(0, steps.word(0, 0x1018).orElseThrow());
    assertEquals(2, steps.word(1, 0x9008).orElseThrow());
    assertTrue(steps.word(0, 0x5000).isEmpty());
    for (int length = 0; length < RECORDED.length(); length += 3) {
      TraceLog.parse(RECORDED.substring(0, length).getBytes(StandardCharsets.US_ASCII));
    }
  }

  @Test
  void nothingFromTheProgramBreaksThePage() {
    String html = recorded(RECORDED).figure().html();
    assertFalse(html.contains("</script><b>"));
    assertEquals(2, html.split("</script>", -1).length - 1, "one for the data, one for the player");
  }

  @Test
  void longRecordingStaysSmallAndQuick() {
    var text = new StringBuilder("enter 0\nregion 100000 104000 0 ");
    text.append("a5".repeat(0x4000)).append("\nregion 900000 900800 ffff ");
    text.append("00".repeat(0x800)).append('\n');
    for (int i = 0; i < Stepper.MOST_STEPS; i++) {
      text.append("state 90\n");
      for (int r = 8; r < 23; r++) {
        text.append("reg r%d %x\n".formatted(r, r * 0x123456789L + i));
      }
      text.append(
          "reg rsp %x\n".formatted(i % 50 < 25 ? 0x103f00 - 8 * i % 200 : 0x900400 + 8 * i));
      text.append(
          "reg rip %x\nreg rflags 246\nwrite %x %x\n".formatted(i, 0x103e00 + 8 * i % 256, i));
    }
    text.append("leave\n");
    Steps steps = recorded(text.toString());
    Drawn.smallAndQuick(steps::figure);
  }
}
