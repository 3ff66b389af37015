package greenthreads.lab.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.compile.Disassembler.Instruction;
import greenthreads.lab.crash.CrashCause.Certainty;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.isolate.HostReport;
import greenthreads.lab.show.Figure;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.xml.sax.InputSource;

/** Reports made from recorded data, so that each rule is tested on every machine. */
public class CrashReportTest {
  static final String MAPS =
      """
      map 400000000000-400000001000 r--p 00000000 fe:00 1 /tmp/x.so
      map 400000001000-400000002000 r-xp 00001000 fe:00 1 /tmp/x.so
      map 400000002000-400000003000 r--p 00002000 fe:00 1 /tmp/x.so
      map 400000003000-400000004000 rw-p 00003000 fe:00 1 /tmp/x.so
      map 500000000000-500000001000 ---p 00000000 00:00 0
      map 500000001000-500000005000 rw-p 00000000 00:00 0
      map 600000000000-600000001000 rw-p 00000000 00:00 0 [heap]
      map 7ffe00000000-7ffe00100000 rw-p 00000000 00:00 0 [stack]
      stack 7ffe00000000 7ffe00100000 100000 the process's main stack
      stack 500000001000 500000005000 1000 thread 2's stack
      """;

  /** A page fault's error code: 4 from user code, +1 present, +2 write, +16 fetch. */
  private static String x86(
      String signal, String code, long address, int trap, int error, Map<String, Long> registers) {
    var text = new StringBuilder("crash\nsignal " + signal + "\ncode " + code + "\n");
    text.append("address %x\nsender system\nthread main\nphase call\nerrno 0\n".formatted(address));
    text.append("trap %x %x\n".formatted(trap, error));
    for (String name : List.of("rax", "rbx", "rcx", "rdx", "rdi", "rbp", "rsp", "rip", "rflags")) {
      long usual = name.equals("rip") ? 0x400000001100L : name.equals("rsp") ? 0x7ffe000ff008L : 0;
      text.append("reg %s %x\n".formatted(name, registers.getOrDefault(name, usual)));
    }
    return text + MAPS;
  }

  private static Crash crash(String report, String errors) {
    HostReport host = HostReport.parse(report.getBytes(StandardCharsets.UTF_8));
    return new Crash(
        Crash.Kind.SIGNAL,
        "x.so",
        "f",
        host.word("signal"),
        host.number("address", 0),
        0,
        Duration.ofMillis(3),
        host.registers(),
        new Crash.Details(
            host,
            Path.of("/tmp/x.so"),
            Duration.ZERO,
            Duration.ofSeconds(10),
            0,
            errors,
            Map.of(1, new HostReport.Argument(1, 0x333300000000L, 64)),
            null,
            0));
  }

  private static CrashReport report(String report, String instruction, String errors) {
    return report(report, instruction, "x.c:3", errors);
  }

  private static CrashReport report(
      String report, String instruction, String source, String errors) {
    Crash crash = crash(report, errors);
    // Several, the last of which failed, are lines.
    List<String> lines = instruction.lines().toList();
    var code = new ArrayList<Instruction>();
    for (int i = 0; i < lines.size(); i++) {
      long at = crash.pc().orElseThrow() - 4L * (lines.size() - 1 - i);
      code.add(new Instruction(at, "90", lines.get(i), source));
    }
    return CrashReport.of(new CrashScene(crash, code));
  }

  private static final String SEGV = "SIGSEGV";
  private static final String MAPERR = "1 SEGV_MAPERR";
  private static final String ACCERR = "2 SEGV_ACCERR";
  private static final String KERNEL = "128 SI_KERNEL";

  private static Arguments row(
      String rule, Certainty certainty, String words, String report, String instruction) {
    return Arguments.of(rule, certainty, words, report, instruction, "");
  }

  static Stream<Arguments> recorded() {
    long rsp = 0x7ffe000ff008L;
    long below = 0x500000000ff0L;
    return Stream.of(
        row(
            "null",
            Certainty.CERTAIN,
            "rdi is 0",
            x86(SEGV, MAPERR, 0, 14, 6, Map.of()),
            "mov DWORD PTR [rdi],0x1"),
        row(
            "null",
            Certainty.CERTAIN,
            "offset 24",
            x86(SEGV, MAPERR, 24, 14, 4, Map.of()),
            "mov eax,DWORD PTR [rdi+0x18]"),
        row(
            "null",
            Certainty.VERY_LIKELY,
            "very likely a null pointer",
            x86(SEGV, MAPERR, 24, 14, 4, Map.of("rdi", 24L)),
            "mov eax,DWORD PTR [rdi]"),
        row(
            "null",
            Certainty.VERY_LIKELY,
            "very likely a null pointer",
            x86(SEGV, MAPERR, 8, 14, 4, Map.of()),
            ""),
        row(
            "stack alignment",
            Certainty.CERTAIN,
            "The stack is misaligned: movaps",
            x86(SEGV, KERNEL, 0, 13, 0, Map.of()),
            "sub rsp,0x8\nmovaps XMMWORD PTR [rsp+0x10],xmm0"),
        row(
            "stack alignment",
            Certainty.VERY_LIKELY,
            "is 8 bytes above one",
            x86(SEGV, KERNEL, 0, 13, 0, Map.of("rbp", rsp)),
            "mov rsp,rax\nmovdqa xmm1,XMMWORD PTR [rbp-0x40]"),
        row(
            "stack alignment",
            Certainty.CERTAIN,
            "The address is misaligned", // the stack came as it should
            x86(SEGV, KERNEL, 0, 13, 0, Map.of()),
            "movaps XMMWORD PTR [rsp+0x10],xmm0"),
        row(
            "stack alignment",
            Certainty.CERTAIN,
            "The address is misaligned",
            x86(SEGV, KERNEL, 0, 13, 0, Map.of("rdi", 0x600000000004L)),
            "addps xmm0,XMMWORD PTR [rdi]"),
        row(
            "stack alignment",
            Certainty.CERTAIN,
            "multiple of 32",
            x86(SEGV, KERNEL, 0, 13, 0, Map.of()),
            "vmovaps YMMWORD PTR [rsp],ymm0"),
        // rsp is aligned here: whatever it was, it was not the alignment.
        row(
            "none",
            Certainty.UNKNOWN,
            "cannot be told",
            x86(SEGV, KERNEL, 0, 13, 0, Map.of()),
            "movaps XMMWORD PTR [rsp+0x8],xmm0"),
        row(
            "no address",
            Certainty.CERTAIN,
            "no address at all",
            x86(SEGV, KERNEL, 0, 13, 0, Map.of("rax", 0x4141414141414141L)),
            "mov rax,QWORD PTR [rax]"),
        row(
            "left register",
            Certainty.CERTAIN,
            "rbx, which the code has not set",
            x86(SEGV, KERNEL, 0, 13, 0, Map.of("rbx", 0x5afe5afe5afe5a00L)),
            "mov rax,QWORD PTR [rbx+0x8]"),
        row("privileged", Certainty.CERTAIN, "hlt", x86(SEGV, KERNEL, 0, 13, 0, Map.of()), "hlt"),
        row(
            "ret",
            Certainty.CERTAIN,
            "0x4141414141414141",
            x86(SEGV, KERNEL, 0, 13, 0, Map.of()) + "dump sp 7ffe000ff008 4141414141414141\n",
            "ret"),
        row(
            "jump",
            Certainty.CERTAIN,
            "very likely by a ret",
            x86(SEGV, MAPERR, 0x1234567000L, 14, 20, Map.of("rip", 0x1234567000L))
                + "dump sp 7ffe000ff000 0070563412000000\n",
            ""),
        row(
            "jump",
            Certainty.CERTAIN,
            "by a call through a function pointer",
            x86(SEGV, MAPERR, 0, 14, 20, Map.of("rip", 0L))
                + "dump sp 7ffe000ff008 2010000000400000\ncaller 400000001020\n"
                + "dump return 400000001018 9090909090 ffd0\n".replace(" ffd0", "90ffd0"),
            ""),
        row(
            "jump",
            Certainty.CERTAIN,
            "tried to run data as code",
            x86(SEGV, ACCERR, 0x7ffe000ff100L, 14, 21, Map.of("rip", 0x7ffe000ff100L)),
            ""),
        row(
            "jump",
            Certainty.VERY_LIKELY,
            "ran off the end of the code",
            x86(SEGV, MAPERR, 0x700000001000L, 14, 20, Map.of("rip", 0x700000001000L))
                + "map 700000000000-700000001000 r-xp 00000000 00:00 0 \n",
            ""),
        row(
            "stack overflow",
            Certainty.CERTAIN,
            "16 bytes below thread 2's stack",
            x86(SEGV, ACCERR, below, 14, 7, Map.of("rsp", 0x500000001008L)),
            "mov BYTE PTR [rsp-0x18],al"),
        row(
            "stack overflow",
            Certainty.CERTAIN,
            "below the process's main stack",
            x86(SEGV, MAPERR, 0x7ffdfffffff8L, 14, 6, Map.of("rsp", 0x7ffe00000000L)),
            "call 1100 <f>"),
        row(
            "stack overflow",
            Certainty.POSSIBLE,
            "it may be a pointer that ran down out of the stack",
            x86(SEGV, ACCERR, below, 14, 7, Map.of("rax", below)),
            "mov BYTE PTR [rax],1"),
        row(
            "stack overflow",
            Certainty.POSSIBLE,
            "is in thread 1's stack: it may be a pointer that ran up out of that one",
            x86(SEGV, ACCERR, 0x500000000010L, 14, 5, Map.of("rsp", 0x4fffffffff00L))
                + "map 4fffffff0000-500000000000 rw-p 00000000 00:00 0\n"
                + "stack 4fffffff0000 500000000000 0 thread 1's stack\n",
            "mov rax,QWORD PTR [rdi]"),
        row(
            "stack given back",
            Certainty.CERTAIN,
            "thread 3's stack is no longer mapped",
            x86(SEGV, MAPERR, 0x510000004f98L, 14, 4, Map.of("rsp", 0x510000004f98L))
                + "stack 510000001000 510000005000 1000 thread 3's stack\n",
            "ret"),
        row(
            "jump to no address",
            Certainty.CERTAIN,
            "rcx says, and 0x2a2a2a2a2a2a2a2a is no address at all: it was taken off the stack",
            x86(SEGV, KERNEL, 0, 13, 0, Map.of("rcx", 0x2a2a2a2a2a2a2a2aL))
                + "dump sp 7ffe000ff000 2a2a2a2a2a2a2a2a\n",
            "notrack jmp rcx"),
        row(
            "jump to no address",
            Certainty.CERTAIN,
            "a function pointer that was never set",
            x86(SEGV, KERNEL, 0, 13, 0, Map.of("rax", 0x2a2a2a2a2a2a2a2aL))
                + "dump sp 7ffe000ff000 0000000000000000\n",
            "call rax"),
        row(
            "shadow stack",
            Certainty.CERTAIN,
            "not the one that the processor keeps on its shadow stack",
            x86(SEGV, "10 SEGV_CPERR", 0x400000001100L, 21, 1, Map.of()),
            "ret"),
        row(
            "stack overflow",
            Certainty.CERTAIN,
            "the stack is argument 1's memory (48 bytes)",
            x86(SEGV, ACCERR, 0x660000000ff8L, 14, 6, Map.of("rsp", 0x660000001000L))
                + "argument 0 660000001000 30\n",
            "push rbp"),
        row(
            "argument",
            Certainty.VERY_LIKELY,
            "past the end of argument 2's memory (64 bytes)",
            x86(SEGV, ACCERR, 0x660000002000L, 14, 6, Map.of()) + "argument 1 660000001000 40\n",
            "mov BYTE PTR [rax],1"),
        row(
            "kernel address",
            Certainty.VERY_LIKELY,
            "notebook's own process",
            x86(SEGV, MAPERR, 0x333300000010L, 14, 6, Map.of()),
            "mov BYTE PTR [rax],1"),
        row(
            "read-only",
            Certainty.CERTAIN,
            "writes to code",
            x86(SEGV, ACCERR, 0x400000001180L, 14, 7, Map.of()),
            "mov BYTE PTR [rax],1"),
        row(
            "read-only",
            Certainty.CERTAIN,
            "string literal",
            x86(SEGV, ACCERR, 0x400000002010L, 14, 7, Map.of()),
            "mov BYTE PTR [rax],1"),
        row(
            "large frame",
            Certainty.VERY_LIKELY,
            "takes 1,000,016 bytes of stack",
            x86(SEGV, MAPERR, 0x4ffffff0bdd8L, 14, 6, Map.of("rsp", 0x4ffffff0bdd0L)),
            "push rbx\nsub rsp,0xf4250\nmov BYTE PTR [rsp+0x8],1"),
        row(
            "large frame",
            Certainty.VERY_LIKELY,
            "takes 1,000,016 bytes of stack", // under -fstack-clash-protection
            x86(SEGV, MAPERR, 0x4fffffff0000L, 14, 6, Map.of("rsp", 0x4fffffff0000L)),
            "lea r11,[rsp-0xf4250]\nsub rsp,0x1000\nor QWORD PTR [rsp],0x0"),
        row(
            "lost stack pointer",
            Certainty.CERTAIN,
            "points to memory that cannot be used",
            x86(SEGV, MAPERR, 0x10fffff8L, 14, 6, Map.of("rsp", 0x11000000L)),
            "push rbp"),
        row(
            "stack overflow",
            Certainty.VERY_LIKELY,
            "that nobody named",
            x86(SEGV, MAPERR, 0x5ffffffffff8L, 14, 6, Map.of("rsp", 0x600000000000L)),
            "push rbp"),
        row(
            "no access",
            Certainty.POSSIBLE,
            "it may be a stack",
            x86(SEGV, ACCERR, 0x770000000010L, 14, 6, Map.of())
                + "map 770000000000-770000001000 ---p 00000000 00:00 0 \n",
            "mov BYTE PTR [rax],1"),
        row(
            "wild pointer",
            Certainty.VERY_LIKELY,
            "reads from 0x123456789000",
            x86(SEGV, MAPERR, 0x123456789000L, 14, 4, Map.of()),
            "mov al,BYTE PTR [rax]"),
        row(
            "past a file",
            Certainty.CERTAIN,
            "file that is shorter",
            x86("SIGBUS", "2 BUS_ADRERR", 0x400000003100L, 14, 4, Map.of()),
            "mov al,BYTE PTR [rax]"),
        row(
            "zero bytes",
            Certainty.VERY_LIKELY,
            "zero bytes",
            x86(SEGV, MAPERR, 0, 14, 6, Map.of()) + "dump pc 400000001100 00000000\n",
            "add BYTE PTR [rax],al"),
        row(
            "never reached",
            Certainty.VERY_LIKELY,
            "never reached",
            x86("SIGILL", "2 ILL_ILLOPN", 0x400000001100L, 6, 0, Map.of())
                + "dump pc 400000001100 0f0bc390\n",
            "ud2"),
        row(
            "illegal instruction",
            Certainty.POSSIBLE,
            "may have jumped",
            x86("SIGILL", "2 ILL_ILLOPN", 0x400000001100L, 6, 0, Map.of())
                + "dump pc 400000001100 06ffc390\n",
            "(bad)"),
        row(
            "division",
            Certainty.CERTAIN,
            "ecx is 0",
            x86("SIGFPE", "1 FPE_INTDIV", 0x400000001100L, 0, 0, Map.of("rcx", 0xff00000000L)),
            "idiv ecx"),
        row(
            "division",
            Certainty.CERTAIN,
            "does not fit",
            x86("SIGFPE", "1 FPE_INTDIV", 0x400000001100L, 0, 0, Map.of("rcx", -1L)),
            "idiv rcx"),
        row(
            "division",
            Certainty.VERY_LIKELY,
            "very likely an integer division",
            x86("SIGFPE", "1 FPE_INTDIV", 0x400000001100L, 0, 0, Map.of()),
            "idiv DWORD PTR [rsp+0x4]"),
        row(
            "single step",
            Certainty.CERTAIN,
            "single-stepping",
            x86("SIGTRAP", "2 TRAP_TRACE", 0x400000001100L, 1, 0, Map.of("rflags", 0x100L)),
            "nop"),
        row(
            "result",
            Certainty.CERTAIN,
            "0x1234567",
            x86(SEGV, MAPERR, 0x1234567, 14, 4, Map.of())
                + "returned 1234567 0\nphase result\nreads\n",
            ""),
        row(
            "sent",
            Certainty.CERTAIN,
            "raise() or pthread_kill()",
            x86("SIGTERM", "-6 SI_TKILL", 0, 0, 0, Map.of()) + "sender self\n",
            ""),
        Arguments.of(
            "abort",
            Certainty.CERTAIN,
            "given to free() twice",
            x86("SIGABRT", "-6 SI_TKILL", 0, 0, 0, Map.of()) + "sender self\n",
            "",
            "free(): double free detected in tcache 2\n"),
        Arguments.of(
            "abort",
            Certainty.CERTAIN,
            "that malloc() did not return",
            x86("SIGABRT", "-6 SI_TKILL", 0, 0, 0, Map.of()) + "sender self\n",
            "",
            "munmap_chunk(): invalid pointer\n"),
        Arguments.of(
            "abort",
            Certainty.CERTAIN,
            "bookkeeping",
            x86("SIGABRT", "-6 SI_TKILL", 0, 0, 0, Map.of()) + "sender self\n",
            "",
            "malloc(): corrupted top size\n"),
        Arguments.of(
            "abort",
            Certainty.CERTAIN,
            "an assert() did not hold",
            x86("SIGABRT", "-6 SI_TKILL", 0, 0, 0, Map.of()) + "sender self\n",
            "",
            "Assertion `a == b' failed.\n"),
        Arguments.of(
            "abort",
            Certainty.VERY_LIKELY,
            "the code called it, or the C library did",
            x86("SIGABRT", "-6 SI_TKILL", 0, 0, 0, Map.of()) + "sender self\n",
            "",
            ""));
  }

  @ParameterizedTest(name = "{0}: {2}")
  @MethodSource("recorded")
  void theCauseIsToldFromRecordedData(
      String rule,
      Certainty certainty,
      String words,
      String recorded,
      String instruction,
      String errors) {
    CrashReport report = report(recorded, instruction, errors);
    assertEquals(rule, report.found().rule(), report::text);
    assertEquals(certainty, report.found().certainty(), report::text);
    assertTrue(report.cause().contains(words), report::text);
    // Nothing is sold as more certain than it is.
    switch (certainty) {
      case CERTAIN -> assertFalse(report.cause().contains("It may be"), report::cause);
      case VERY_LIKELY ->
          assertTrue(report.cause().toLowerCase().contains("very likely"), report::cause);
      case POSSIBLE -> assertTrue(report.cause().contains(" may "), report::cause);
      case UNKNOWN -> assertTrue(report.cause().contains("cannot be told"), report::cause);
    }
    assertWellFormed(report);
  }

  private static String aarch64(String signal, String code, long address, long esr, long... at) {
    var text = new StringBuilder("crash\nsignal " + signal + "\ncode " + code + "\n");
    text.append("address %x\nsender system\nthread main\nphase call\n".formatted(address));
    text.append("esr %x 0\nreg x0 0\nreg x29 7ffe000ff040\n".formatted(esr));
    text.append("reg x30 %x\nreg sp %x\nreg pc %x\n".formatted(at[2], at[1], at[0]));
    return text + MAPS;
  }

  static Stream<Arguments> recordedOnAarch64() {
    long pc = 0x400000001100L;
    long sp = 0x7ffe000ff000L;
    return Stream.of(
        row(
            "null",
            Certainty.CERTAIN,
            "writes to offset 8",
            aarch64(SEGV, MAPERR, 8, 0x92000046, pc, sp, 0),
            "str w1, [x0, #8]"),
        row(
            "null",
            Certainty.CERTAIN,
            "reads through a null pointer: x0 is 0",
            aarch64(SEGV, MAPERR, 0, 0x92000006, pc, sp, 0),
            "ldr w1, [x0]"),
        row(
            "stack alignment",
            Certainty.CERTAIN,
            "8 bytes above one",
            aarch64("SIGBUS", "1 BUS_ADRALN", 0, 0x9a000000, pc, sp + 8, 0),
            "ldr w1, [sp, #8]"),
        row(
            "jump",
            Certainty.CERTAIN,
            "link register x30",
            aarch64(SEGV, MAPERR, 0x5555000, 0x82000006, 0x5555000, sp, 0x5555000),
            ""),
        row(
            "zero bytes",
            Certainty.VERY_LIKELY,
            "zero bytes",
            aarch64("SIGILL", "1 ILL_ILLOPC", pc, 0, pc, sp, 0) + "dump pc 400000001100 00000000\n",
            "udf #0"),
        row(
            "never reached",
            Certainty.VERY_LIKELY,
            "never reached",
            aarch64("SIGTRAP", "1 TRAP_BRKPT", pc, 0, pc, sp, 0)
                + "dump pc 400000001100 007d20d4\n",
            "brk #0x3e8"),
        row(
            "stack overflow",
            Certainty.CERTAIN,
            "writes to an address 16 bytes below thread 2",
            aarch64(SEGV, ACCERR, 0x500000000ff0L, 0x92000047, pc, 0x500000000ff0L, 0),
            "stp x29, x30, [sp, #-32]!"));
  }

  @ParameterizedTest(name = "{0}: {2}")
  @MethodSource("recordedOnAarch64")
  void theCauseIsToldOnAarch64(
      String rule,
      Certainty certainty,
      String words,
      String recorded,
      String instruction,
      String errors) {
    theCauseIsToldFromRecordedData(rule, certainty, words, recorded, instruction, errors);
  }

  @Test
  void theReportShowsEverything() {
    String recorded =
        x86(SEGV, ACCERR, 0x500000000fe8L, 14, 7, Map.of("rsp", 0x500000001000L, "rax", 0xabcL));
    CrashReport report = report(recorded, "mov BYTE PTR [rsp-0x18],al", "");
    String text = report.text();
    assertEquals(
        "`f` crashed with SIGSEGV: it touched memory that it may not touch.",
        text.lines().findFirst().orElseThrow());
    for (String part :
        List.of(
            "24 bytes below thread 2's stack, in its guard page",
            "with 0 bytes left",
            "→ 0x400000001100",
            "mov BYTE PTR [rsp-0x18],al",
            "x.c:3",
            "* rsp",
            "0xabc",
            "Try:")) {
      assertTrue(text.contains(part), () -> part + " is missing in\n" + text);
    }
    Figure figure = report.figure();
    assertEquals(text, figure.text());
    assertEquals(report.headline(), figure.alt());
    for (String part : List.of("--jp-", "<th scope=\"col\"", "<caption", "* rsp", "0xabc")) {
      assertTrue(figure.html().contains(part), () -> part + " is missing in\n" + figure.html());
    }
    Figure folded = report.folded();
    assertEquals(text, folded.text());
    String[] parts = folded.html().split("<details>");
    assertEquals(2, parts.length, folded.html());
    assertTrue(parts[0].contains("in its guard page") && !parts[0].contains("0xabc"), parts[0]);
    assertTrue(parts[1].contains("0xabc") && parts[1].contains("</details>"), parts[1]);
  }

  @Test
  void aColumnOfSourcesIsThereIfAnyIsKnown() {
    String recorded = x86(SEGV, ACCERR, 0x550000000ff8L, 14, 6, Map.of("rsp", 0x550000001000L));
    String known = report(recorded, "push rbp", "x.c:3", "").figure().html();
    assertTrue(known.contains("Source") && known.contains("x.c:3"), known);
    CrashReport unknown = report(recorded, "push rbp", "", "");
    String html = unknown.figure().html();
    assertTrue(html.contains("push rbp"), html);
    assertFalse(html.contains("Source"), html);
    assertWellFormed(unknown);
  }

  @Test
  void namesAreEscaped() {
    String recorded =
        x86(SEGV, ACCERR, 0x550000000ff8L, 14, 6, Map.of("rsp", 0x550000001000L))
            + "stack 550000001000 550000002000 1000 <b>&\"evil\"\n";
    CrashReport report = report(recorded, "push rbp", "");
    assertTrue(report.text().contains("<b>&\"evil\""), report::text);
    assertFalse(report.figure().html().contains("<b>"), report.figure().html());
    assertWellFormed(report);
  }

  @Test
  void aReportThatIsCutShortIsUsedAsFarAsItGoes() {
    String recorded =
        x86(SEGV, MAPERR, 0, 14, 6, Map.of())
            .replaceFirst("(?s)(reg rip \\p{XDigit}+\n).*", "$1re");
    CrashReport report = report(recorded, "", "");
    assertEquals("null", report.found().rule());
    for (int length = 0; length < recorded.length(); length += 7) {
      CrashReport cut = report(recorded.substring(0, length), "", "");
      assertFalse(cut.cause().isEmpty());
      assertWellFormed(cut);
    }
  }

  /** The figure's HTML must be a tree whatever was put into it, and say what the text says. */
  public static void assertWellFormed(CrashReport report) {
    try {
      var builder = DocumentBuilderFactory.newDefaultInstance().newDocumentBuilder();
      var document = builder.parse(new InputSource(new StringReader(report.figure().html())));
      String content = document.getDocumentElement().getTextContent();
      assertTrue(content.contains(report.headline().replace("`", "")), content);
      assertTrue(content.contains(report.cause().replace("`", "")), content);
    } catch (Exception e) {
      throw new AssertionError(report.figure().html(), e);
    }
  }

  // ----- disassembly -----------------------------------------------------------------------------

  @Test
  void gnuAndLlvmOutputIsRead() {
    String gnu =
        """
        /tmp/x.so:     file format elf64-x86-64

        Disassembly of section .text:

        00000000000010f9 <f>:
        f():
        /home/me/x.c:7
            10f9:\t48 83 ec 08          \tsub    rsp,0x8
        /home/me/x.c:8 (discriminator 3)
            10fd:\t48 b8 ef be ad de ef \tmovabs rax,0xdeadbeefdeadbeef
            1104:\tbe ad de\s
            1107:\tf3 a4                \trep movs BYTE PTR es:[rdi],BYTE PTR ds:[rsi]
        """;
    List<Instruction> all = Disassembler.parse(gnu);
    assertEquals(3, all.size(), all.toString());
    assertEquals(new Instruction(0x10f9, "48 83 ec 08", "sub rsp,0x8", "x.c:7"), all.get(0));
    assertEquals(10, all.get(1).length());
    assertEquals("x.c:8", all.get(1).source());
    assertEquals("movs", all.get(2).mnemonic());
    String llvm =
        """
        00000000000010f9 <f>:
        ; f():
        ; /home/me/x.c:7
            10f9: 48 83 ec 08                  \tsub\trsp, 8
        """;
    assertEquals(
        List.of(new Instruction(0x10f9, "48 83 ec 08", "sub rsp, 8", "x.c:7")),
        Disassembler.parse(llvm));
    String arm =
        """
        0000000000000734 <f>:
         734:\tb9000001 \tstr\tw1, [x0]
         738:\td65f03c0 \tret
        """;
    assertEquals(
        List.of(
            new Instruction(0x734, "b9000001", "str w1, [x0]", ""),
            new Instruction(0x738, "d65f03c0", "ret", "")),
        Disassembler.parse(arm));
  }

  @Test
  void operandsAreWorkedOut() {
    Crash crash = crash(x86(SEGV, MAPERR, 0, 14, 6, Map.of("rax", 0x100L, "rbx", 3L)), "");
    assertEquals(0x100 + 3 * 8 + 16, address("mov rcx,QWORD PTR [rax+rbx*8+0x10]", crash));
    assertEquals(0x100 - 8, address("mov rcx,QWORD PTR [rax-0x8]", crash));
    assertEquals(0x400000001100L + 1 + 0x20, address("mov rcx,QWORD PTR [rip+0x20] # 1121", crash));
    assertEquals(0x1234, address("mov DWORD PTR ds:0x1234,0x1", crash));
    assertTrue(operand("mov rax,QWORD PTR fs:[rax+0x28]", crash).address().isEmpty());
    assertEquals("fs", operand("mov rax,QWORD PTR fs:0x28", crash).segment());
    assertTrue(Operand.of(new Instruction(0, "90", "lea rax,[rbx]", ""), crash).isEmpty());
    assertEquals(List.of("rax", "rbx"), operand("mov al,[rax+rbx*1]", crash).registers());
  }

  private static Operand operand(String text, Crash crash) {
    return Operand.of(new Instruction(0, "90", text, ""), crash).orElseThrow();
  }

  private static long address(String text, Crash crash) {
    return operand(text, crash).address().orElseThrow();
  }
}
