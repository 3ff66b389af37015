package greenthreads.lab.cross;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import greenthreads.lab.Lab;
import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.bind.Project;
import greenthreads.lab.compile.Compiler;
import greenthreads.lab.compile.Toolchain;
import greenthreads.lab.machine.Target;
import greenthreads.lab.show.Figure;
import greenthreads.lab.source.HeaderLayout;
import java.io.File;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The machines: their tools, their programs, and where their structs' members lie. */
class MachinesTest {
  private static final String RUNTIME = "07-the-runtime-in-200-lines";
  private static final Path ROOT =
      Path.of(System.getenv("GREEN_THREADS_HOME")).toAbsolutePath().normalize();

  @TempDir Path folder;

  private Project project;
  private Toolchain own;

  @BeforeEach
  void findTheCompiler() {
    own = Toolchain.find(System.getenv());
    var workspace = new Workspace(ROOT, folder.resolve("build"));
    project =
        new Project(
            workspace, () -> new Compiler(own, workspace), said -> {}, () -> null, unit -> true);
  }

  /** With every tool that is installed; zig may also be the one that Python's package brings. */
  private Machines machines() {
    var environment = new HashMap<>(System.getenv());
    String packages = ROOT.resolve(".build/test-packages/ziglang").toString();
    environment.merge("PATH", packages, (path, more) -> path + File.pathSeparator + more);
    return Machines.of(project, () -> own, environment);
  }

  private Machines withoutTools() {
    return Machines.of(project, () -> own, Map.of("PATH", folder.toString()));
  }

  // Layouts

  /** What Java code would say by hand: the members' names, words of 64 bits each. */
  private static StructLayout words(String struct, String members) {
    return MemoryLayout.structLayout(
            Stream.of(members.split(" "))
                .map(name -> ValueLayout.JAVA_LONG.withName(name))
                .toArray(MemoryLayout[]::new))
        .withName(struct);
  }

  private static StructLayout windows() {
    var members = new ArrayList<MemoryLayout>();
    for (int i = 6; i < 16; i++) {
      MemoryLayout pair = MemoryLayout.sequenceLayout(2, ValueLayout.JAVA_LONG);
      members.add((i == 6 ? pair.withByteAlignment(16) : pair).withName("xmm" + i));
    }
    members.addAll(
        words("", "sp r15 r14 r13 r12 rbx rbp rdi rsi stack_base stack_limit stack_allocation")
            .memberLayouts());
    return MemoryLayout.structLayout(members.toArray(new MemoryLayout[0])).withName("context");
  }

  private static StructLayout byHand(Target target) {
    return switch (target) {
      case X86_64_LINUX, X86_64_MACOS -> words("context", "sp r15 r14 r13 r12 rbx rbp");
      case AARCH64_LINUX, AARCH64_MACOS ->
          words(
              "context",
              "sp x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29 d8 d9 d10 d11 d12 d13 d14 d15");
      case RISCV64_LINUX ->
          words(
              "context",
              "sp s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11"
                  + " fs0 fs1 fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 fs11");
      case X86_64_WINDOWS -> windows();
    };
  }

  @ParameterizedTest
  @EnumSource(Target.class)
  void whatJavaSaysOfAContextIsWhatTheHeaderSays(Target target) {
    TargetMachine machine = withoutTools().get(target.title);
    assertEquals(byHand(target), machine.headerLayout("context"));
    TargetMachine.Layout layout = machine.layout("context");
    assertEquals(machine.isHere(), layout.checked(), layout.source());
  }

  @ParameterizedTest
  @EnumSource(Target.class)
  void whatJavaSaysOfAContextIsWhatTheCompilerSays(Target target) {
    TargetMachine machine = machines().get(target.title);
    assumeTrue(machine.canCompile(), machine.missing());
    assertEquals(byHand(target), machine.compilerLayout("context"));
    assertTrue(machine.layout("context").checked());
  }

  @ParameterizedTest
  @EnumSource(Target.class)
  void everyRegisterIsWhereTheHeaderSays(Target target) {
    TargetMachine machine = machines().get(target.title);
    assumeTrue(machine.canCompile(), machine.missing());
    StructLayout registers = machine.compilerLayout("registers");
    assertEquals(machine.headerLayout("registers"), registers);
    assertTrue(registers.memberLayouts().size() >= 18, registers.toString());
  }

  @Test
  void aHeaderThatContradictsItselfIsRefused() throws Exception {
    Path header = folder.resolve("odd.h");
    String text =
        """
        struct context { uint64_t sp, a; _Alignas(16) uint64_t b[2]; };
        #define CONTEXT_A 0x08
        #define CONTEXT_B(n) (16 * (n) - 0x10)
        #define HOLDS(member, offset) \\
            _Static_assert(offsetof(struct context, member) == (offset), "")
        HOLDS(a, CONTEXT_A);
        HOLDS(b, CONTEXT_B(2));
        #undef HOLDS
        """;
    Files.writeString(header, text);
    StructLayout read = HeaderLayout.of(folder, "context");
    assertEquals(32, read.byteSize());
    assertEquals(16, read.byteAlignment());
    Files.writeString(header, text.replace("A 0x08", "A 0x10"));
    var thrown = assertThrows(LabException.class, () -> HeaderLayout.of(folder, "context"));
    assertEquals(
        "native/arch/%s contradicts itself: a is declared at 8, and its assembly looks at 16."
            .formatted(folder.getFileName()),
        thrown.getMessage());
    assertThrows(LabException.class, () -> HeaderLayout.of(folder, "thread"));
  }

  // Programs

  private static Stream<Target> runnable() {
    return Stream.of(Target.values())
        .filter(target -> !target.title.contains("macOS") || target == Target.here());
  }

  @ParameterizedTest
  @MethodSource("runnable")
  void itsProgramsPrintThe29Lines(Target target) {
    TargetMachine machine = machines().get(target.title);
    assumeTrue(machine.canRun(), machine.missing());
    TargetMachine.Run run = machine.run(RUNTIME);
    assertTrue(run.succeeded(), run.text());
    assertEquals("exit code 0", run.end());
    assertEquals(29, run.lines().size());
    assertEquals("THREAD 1 STARTING", run.lines().getFirst());
    assertEquals("THREAD 2 FINISHED", run.lines().getLast());
  }

  @ParameterizedTest
  @MethodSource("runnable")
  void howAProgramEndsIsTold(Target target) {
    TargetMachine machine = machines().get(target.title);
    assumeTrue(machine.canRun(), machine.missing());
    project.edit(
        "ends",
        null,
        """
        #include <stdio.h>
        int main(void) {
            puts("so far");
            fflush(stdout);
        #ifdef FAULT
            *(volatile int *)0 = 1;
        #endif
            return 3;
        }
        """,
        List.of());
    TargetMachine.Run three = machine.run("ends");
    assertEquals("so far\n", three.output());
    assertEquals("exit code 3", three.end());
    assertFalse(three.succeeded());
    TargetMachine.Run fault = machine.run("ends", "-DFAULT");
    assertTrue(fault.output().startsWith("so far\n"), fault.output());
    assertTrue(List.of("SIGSEGV", "exit code 5").contains(fault.end()), fault.end());
  }

  @Test
  void whatDoesNotCompileIsAnErrorInTheCompilersWords() {
    project.edit("fine", null, "#ifdef MAIN\n#error only alone\n#endif\nint one;\n", List.of());
    var thrown = assertThrows(CompileError.class, () -> machines().here().run("fine"));
    assertTrue(thrown.getMessage().contains("only alone"), thrown.getMessage());
  }

  @Test
  void aProgramIsCompiledOnce() throws Exception {
    machines().here().run(RUNTIME);
    machines().here().run(RUNTIME);
    try (var all = Files.list(folder.resolve("build/targets"))) {
      assertEquals(1, all.count());
    }
    machines().here().run(RUNTIME, "-O0");
    try (var all = Files.list(folder.resolve("build/targets"))) {
      assertEquals(2, all.count());
    }
  }

  // Without tools

  @ParameterizedTest
  @EnumSource(Target.class)
  void whereAToolIsMissingItSaysWhatToInstall(Target target) {
    TargetMachine machine = withoutTools().get(target.title);
    if (machine.isHere()) {
      assertTrue(machine.canRun());
      assertEquals("", machine.missing());
      return;
    }
    assertFalse(machine.canCompile());
    assertTrue(machine.missing().contains("install"), machine.missing());
    assertTrue(machine.missing().contains("To compile for it"), machine.missing());
    project.edit("never-recorded", null, "int main(void) { return 0; }\n", List.of());
    TargetMachine.Run run = machine.run("never-recorded");
    assertEquals(-1, run.exit());
    assertEquals("not run", run.end());
    assertEquals(machine.missing(), run.problem());
    assertTrue(run.text().contains(machine.missing()));
    assertTrue(machine.assembly(RUNTIME, "yield_thread").text().contains("no compiler for it"));
  }

  @Test
  void allFiguresAppearWithoutTools() {
    Machines alone = withoutTools();
    assertTrue(alone.text().contains("(yours)"));
    Figure layouts = alone.layouts("context");
    assertTrue(layouts.text().contains("its header; no compiler here"), layouts.text());
    assertTrue(layouts.text().contains("0x90  xmm15             128"), layouts.text());
    assertEquals(1, layouts.text().split("\\(yours\\)", -1).length - 1);
    Figure side = alone.sideBySide("05-there-and-back", "switch_context");
    assertEquals(4, side.text().split("→", -1).length - 1, side.text());
    assertTrue(side.text().contains("stp d8, d9, [x0, #0x60]"), side.text());
    assertTrue(side.text().contains("fsd fs11, 0xc0(a0)"), side.text());
    assertTrue(side.text().contains("movaps [rcx + 0x90], xmm15"), side.text());
  }

  @Test
  void thisMachineIsTheFirst() {
    assertEquals(Target.here().title, machines().here().title());
    assertTrue(machines().here().isHere());
    assertEquals(
        List.of("arch/aarch64", "arch/riscv64", "arch/x86_64-sysv", "arch/x86_64-windows"),
        machines().different().stream().map(TargetMachine::folder).sorted().toList());
    var titles = new ArrayList<String>();
    machines().forEach(each -> titles.add(each.title()));
    assertEquals(Set.copyOf(Lab.targets()), Set.copyOf(titles));
  }

  // Code

  @Test
  void itsCompilersCodeIsShown() {
    TargetMachine windows = machines().get("x86-64, Windows");
    assumeTrue(windows.canCompile(), windows.missing());
    String code = windows.assembly("05-there-and-back", "play_ping").text();
    assertTrue(code.contains("switch_context"), code);
    assertFalse(code.contains(".def"), code);
    assertNotEquals(code, machines().here().assembly("05-there-and-back", "play_ping").text());
  }
}
