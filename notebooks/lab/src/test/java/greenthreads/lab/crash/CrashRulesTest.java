package greenthreads.lab.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.compile.Disassembler.Instruction;
import greenthreads.lab.crash.CrashCause.Certainty;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.isolate.HostReport;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each rule has a case that it claims, and a near miss: all but the same, and not of its kind. */
class CrashRulesTest {
  @TempDir static Path folder;

  private static final String X86_CODE = "400000001100";
  private static final String STACK = "7ffe000ff008";

  /** What the host would have written; what is not said is as in a process where all is well. */
  private record Recorded(
      Map<String, String> words,
      String lines,
      Map<String, Long> registers,
      String code,
      String names) {
    static Recorded of(String signal, String code) {
      return new Recorded(
              new TreeMap<>(Map.of("sender", "system", "thread", "main", "phase", "call")),
              "",
              Map.of(
                  "rax",
                  0L,
                  "rcx",
                  0L,
                  "rdx",
                  0L,
                  "rdi",
                  0L,
                  "rbp",
                  0L,
                  "rsp",
                  hex(STACK),
                  "rip",
                  hex(X86_CODE),
                  "rflags",
                  0L),
              "",
              "")
          .word("signal", signal)
          .word("code", code);
    }

    /** An access that the processor refused. */
    static Recorded fault(long address, int error) {
      return of("SIGSEGV", "1 SEGV_MAPERR")
          .at(address)
          .word("trap", "e " + Integer.toHexString(error));
    }

    /** One that it refused without naming the address. */
    static Recorded refused(String instruction) {
      return of("SIGSEGV", "128 SI_KERNEL").word("trap", "d 0").code(instruction);
    }

    static Recorded ended() {
      return new Recorded(new TreeMap<>(Map.of("test-kind", "EXIT")), "", Map.of(), "", "");
    }

    static Recorded late() {
      return of("", "0 SI_USER").word("test-kind", "TIME_LIMIT");
    }

    /** Nothing but the signal that ended it. */
    static Recorded silent(String signal) {
      return new Recorded(new TreeMap<>(Map.of("signal", signal)), "", Map.of(), "", "");
    }

    static Recorded arm(String signal, String code, long pc, long sp) {
      return new Recorded(
          of(signal, code).words(),
          "",
          Map.of("x0", 0L, "x29", sp, "x30", 0L, "sp", sp, "pc", pc),
          "",
          "");
    }

    private static long hex(String digits) {
      return Long.parseUnsignedLong(digits, 16);
    }

    Recorded word(String word, String value) {
      var more = new TreeMap<>(words);
      more.put(word, value);
      return new Recorded(more, lines, registers, code, names);
    }

    Recorded at(long address) {
      return word("address", Long.toHexString(address));
    }

    Recorded line(String line) {
      return new Recorded(words, lines + line + "\n", registers, code, names);
    }

    Recorded register(String name, long value) {
      var more = new TreeMap<>(registers);
      more.put(name, value);
      return new Recorded(words, lines, more, code, names);
    }

    /** The instructions, the last of which failed. */
    Recorded code(String text) {
      return new Recorded(words, lines, registers, text, names);
    }

    /** What the library refers to. */
    Recorded names(String... symbols) {
      return new Recorded(words, lines, registers, code, "\0" + String.join("\0", symbols) + "\0");
    }

    CrashCause cause() {
      var text = new StringBuilder("crash\n");
      words.forEach((word, value) -> text.append(word).append(' ').append(value).append('\n'));
      registers.forEach((name, value) -> text.append("reg %s %x\n".formatted(name, value)));
      text.append(CrashReportTest.MAPS).append(lines);
      HostReport host = HostReport.parse(text.toString().getBytes(StandardCharsets.UTF_8));
      Path library = folder.resolve("x" + names.hashCode() + ".so");
      try {
        Files.writeString(library, names, StandardCharsets.ISO_8859_1);
      } catch (IOException e) {
        throw new AssertionError(e);
      }
      var kind = Crash.Kind.valueOf(words.getOrDefault("test-kind", "SIGNAL"));
      var details =
          new Crash.Details(
              host,
              library,
              Duration.ofMillis(host.decimal("test-busy")),
              Duration.ofSeconds(1),
              host.decimal("test-printed"),
              host.word("test-errors"),
              Map.of(1, new HostReport.Argument(1, 0x333300000000L, 64)),
              host.has("test-stored") ? new Crash.Stored(0, 8) : null,
              0);
      var crash =
          new Crash(
              kind,
              "x.so",
              "f",
              host.word("signal"),
              host.number("address", 0),
              3,
              Duration.ofSeconds(1),
              host.registers(),
              details);
      List<String> instructions = code.lines().toList();
      var all = new ArrayList<Instruction>();
      for (int i = 0; i < instructions.size(); i++) {
        long at = crash.pc().orElse(0) - 4L * (instructions.size() - 1 - i);
        all.add(new Instruction(at, "90", instructions.get(i), "x.c:3"));
      }
      return CrashReport.of(new CrashScene(crash, all)).found();
    }
  }

  private record Case(String rule, Certainty certainty, Recorded claims, Recorded nearMiss) {
    @Override
    public String toString() {
      return rule;
    }
  }

  private static Case sure(String rule, Recorded claims, Recorded nearMiss) {
    return new Case(rule, Certainty.CERTAIN, claims, nearMiss);
  }

  private static Case likely(String rule, Recorded claims, Recorded nearMiss) {
    return new Case(rule, Certainty.VERY_LIKELY, claims, nearMiss);
  }

  private static Case maybe(String rule, Recorded claims, Recorded nearMiss) {
    return new Case(rule, Certainty.POSSIBLE, claims, nearMiss);
  }

  private static Case open(String rule, Recorded claims, Recorded nearMiss) {
    return new Case(rule, Certainty.UNKNOWN, claims, nearMiss);
  }

  static Stream<Case> cases() {
    return Stream.of(ends(), signals(), instructions(), control(), stacks(), addresses())
        .flatMap(s -> s);
  }

  private static Stream<Case> ends() {
    Recorded back =
        Recorded.fault(0x1234567, 4).word("phase", "result").word("returned", "1234567 0");
    Recorded end = Recorded.ended();
    Recorded late = Recorded.late().line("dump pc 4000000010fe 0f05");
    return Stream.of(
        sure("pthread_exit", end.word("threadexit", ""), end),
        sure("exit", end.word("exit", "call"), end),
        likely("descriptors", end.word("reached", "result"), end.word("reached", "call")),
        likely(
            "exec",
            end.word("program", "true").names("execl"),
            end.word("program", "mine").names("execl", "prctl")),
        likely("_exit", end, end.word("exit", "call")),
        likely(
            "vfork",
            Recorded.fault(0, 6).word("copies", "1").names("vfork"),
            Recorded.fault(0, 6).word("copies", "1").names("fork")),
        sure("result", back.word("reads", ""), back),
        sure(
            "left behind",
            Recorded.fault(0x28, 4).word("phase", "result").word("threadpointer", "0 7f00"),
            Recorded.fault(0x28, 4)
                .word("threadpointer", "0 7f00")
                .code("mov rax,QWORD PTR fs:0x28")),
        open("left behind", back, back.word("phase", "call")),
        maybe("time limit", late.word("test-printed", "2000000"), Recorded.fault(0, 6)),
        open(
            "time limit",
            new Recorded(Map.of("test-kind", "TIME_LIMIT"), "", Map.of(), "", ""),
            end),
        sure("time limit", Recorded.late().line("dump pc " + X86_CODE + " ebfe9090"), end),
        maybe(
            "handler returns",
            Recorded.late()
                .word("handles", "SIGSEGV")
                .word("system", "400")
                .word("test-busy", "900"),
            Recorded.late()
                .word("handles", "SIGSEGV")
                .word("system", "3")
                .word("test-busy", "900")),
        maybe("system calls", late.word("test-busy", "150"), late.word("test-busy", "5")),
        likely(
            "seccomp",
            Recorded.silent("SIGSYS").word("seccomp", "2"),
            Recorded.silent("SIGSYS").word("seccomp", "0")),
        sure(
            "seccomp",
            Recorded.silent("SIGKILL").word("seccomp", "3"),
            Recorded.silent("SIGKILL").word("seccomp", "0")),
        maybe("killed", Recorded.silent("SIGKILL"), Recorded.silent("SIGTERM")),
        open("watcher", Recorded.silent(""), Recorded.silent("SIGKILL")),
        open(
            "blocked",
            Recorded.silent("SIGSEGV").word("blocked", "fffffffe7ffbfeff").names("sigprocmask"),
            Recorded.silent("SIGSEGV").word("blocked", "fffffffe7ffbfeff").names("pthread_create")),
        open(
            "own handler",
            Recorded.silent("SIGSEGV").names("signal"),
            Recorded.silent("SIGSEGV").names("signalfd")),
        likely(
            "thread's stack",
            Recorded.silent("SIGSEGV").names("pthread_create"),
            Recorded.silent("SIGSEGV").names("pthread_create", "sigprocmask")),
        open(
            "no registers",
            Recorded.silent("SIGSEGV"),
            Recorded.silent("SIGSEGV").names("signal")));
  }

  private static Stream<Case> signals() {
    Recorded pipe =
        Recorded.of("SIGPIPE", "0 SI_USER")
            .word("sender", "self")
            .line("dump pc 4000000010fe 0f05");
    Recorded file =
        Recorded.of("SIGXFSZ", "0 SI_USER")
            .word("sender", "self")
            .line("dump pc 4000000010fe 0f05");
    Recorded abort = Recorded.of("SIGABRT", "-6 SI_TKILL").word("sender", "self");
    return Stream.of(
        sure("broken pipe", pipe.register("rax", -32), pipe), // kill() returns 0
        maybe(
            "broken pipe",
            Recorded.of("SIGPIPE", "0 SI_USER").word("sender", "self"),
            Recorded.of("SIGPIPE", "-6 SI_TKILL").word("sender", "self")),
        sure("file size", file.register("rax", -27), file),
        sure(
            "abort",
            abort.word("test-errors", "free(): double free detected in tcache 2"),
            abort.word("code", "0 SI_USER")),
        likely(
            "abort",
            abort.word("test-errors", "free(): invalid pointer").names("abort"),
            abort.word("sender", "other")),
        // What only looks like the C library's words is the code's own.
        likely(
            "abort",
            abort.word("test-errors", "my malloc failed: corrupted"),
            Recorded.of("SIGTERM", "-6 SI_TKILL").word("sender", "self")),
        sure(
            "sent",
            Recorded.of("SIGUSR1", "-6 SI_TKILL").word("sender", "self"),
            Recorded.of("SIGUSR1", "0 SI_USER").word("sender", "other")),
        sure(
            "sent by another",
            Recorded.of("SIGFPE", "0 SI_USER").word("sender", "other"),
            Recorded.of("SIGFPE", "1 FPE_INTDIV").code("idiv ecx")),
        sure(
            "timer",
            Recorded.of("SIGALRM", "128 SI_KERNEL"),
            Recorded.of("SIGALRM", "0 SI_USER").word("sender", "self")),
        sure(
            "processor time",
            Recorded.of("SIGXCPU", "128 SI_KERNEL"),
            Recorded.of("SIGXCPU", "-6 SI_TKILL").word("sender", "self")),
        sure(
            "seccomp",
            Recorded.of("SIGSYS", "1 SYS_SECCOMP").word("syscall", "110"),
            Recorded.of("SIGSYS", "-6 SI_TKILL").word("sender", "self")));
  }

  private static Stream<Case> instructions() {
    Recorded divides = Recorded.of("SIGFPE", "1 FPE_INTDIV").at(Recorded.hex(X86_CODE));
    Recorded trap = Recorded.of("SIGTRAP", "1 TRAP_BRKPT");
    Recorded unaligned =
        Recorded.of("SIGBUS", "1 BUS_ADRALN").word("trap", "11 0").code("mov eax,DWORD PTR [rdi]");
    return Stream.of(
        sure(
            "division",
            divides.code("idiv ecx"),
            divides.word("code", "3 FPE_FLTDIV").code("idiv ecx")),
        sure("floating point", divides.word("code", "3 FPE_FLTDIV"), divides),
        sure("single step", trap.register("rflags", 0x100), trap),
        sure("trap", trap.line("dump pc 4000000010ff cc90"), trap.register("rflags", 0x100)),
        likely(
            "never reached",
            Recorded.of("SIGILL", "2 ILL_ILLOPN").line("dump pc " + X86_CODE + " 0f0b9090"),
            Recorded.of("SIGILL", "2 ILL_ILLOPN").line("dump pc " + X86_CODE + " 0f0a9090")),
        likely( // brk #1000, which is gcc's; a debugger's has other numbers
            "never reached",
            Recorded.arm("SIGTRAP", "1 TRAP_BRKPT", 0x400000001100L, 0x7ffe000ff000L)
                .line("dump pc 400000001100 007d20d4"),
            Recorded.arm("SIGTRAP", "1 TRAP_BRKPT", 0x400000001100L, 0x7ffe000ff000L)
                .line("dump pc 400000001100 400520d4")),
        likely( // a single such instruction is one that somebody wrote
            "zero bytes",
            Recorded.fault(0, 6).line("dump pc " + X86_CODE + " 00000000"),
            Recorded.fault(0, 6).line("dump pc " + X86_CODE + " 00009090")),
        sure("privileged", Recorded.refused("rdpmc"), Recorded.fault(0, 4).code("rdpmc")),
        sure(
            "privileged",
            Recorded.refused("mov rax,cr3"),
            Recorded.refused("mov rax,QWORD PTR [rcx]").register("rcx", 0x4141414141414141L)),
        sure(
            "privileged",
            Recorded.arm("SIGILL", "1 ILL_ILLOPC", 0x400000001100L, 0x7ffe000ff000L)
                .code("mrs x0, ttbr0_el1"),
            Recorded.arm("SIGILL", "1 ILL_ILLOPC", 0x400000001100L, 0x7ffe000ff000L)
                .code("mrs x0, fpcr")),
        maybe(
            "illegal instruction",
            Recorded.of("SIGILL", "2 ILL_ILLOPN"),
            Recorded.of("SIGILL", "-6 SI_TKILL").word("sender", "self")),
        sure("alignment check", unaligned.register("rflags", 0x40000), unaligned),
        sure(
            "time stamp",
            Recorded.refused("rdtsc"),
            Recorded.of("SIGILL", "2 ILL_ILLOPN").code("rdtsc")),
        likely(
            "control register",
            Recorded.refused("ldmxcsr DWORD PTR [rsp-0x4]"),
            Recorded.refused("ldmxcsr DWORD PTR [rdi]").register("rdi", 0x4141414141414141L)),
        sure(
            "interrupt",
            Recorded.refused("int 0x41"),
            Recorded.of("SIGTRAP", "1 TRAP_BRKPT").code("int3")),
        sure(
            "segment",
            Recorded.refused("mov ds,eax"),
            Recorded.refused("mov rax,QWORD PTR ds:[rdi]").register("rdi", 0x4141414141414141L)));
  }

  private static Stream<Case> control() {
    long wild = 0x4141414141414141L;
    Recorded jump = Recorded.fault(0x12345000, 20).register("rip", 0x12345000);
    return Stream.of(
        sure(
            "shadow stack",
            Recorded.of("SIGSEGV", "10 SEGV_CPERR").word("trap", "15 1"),
            Recorded.of("SIGSEGV", "128 SI_KERNEL").word("trap", "d 0").code("ret")),
        likely(
            "longjmp",
            Recorded.refused("jmp rdx")
                .register("rdx", wild)
                .register("rsp", wild)
                .names("longjmp"),
            Recorded.refused("jmp rdx").register("rdx", wild).names("longjmp")),
        sure(
            "left register",
            Recorded.refused("jmp rcx").register("rcx", 0x5afe5afe5afe5a02L),
            Recorded.refused("jmp rcx").register("rcx", wild).register("rdi", 0x5afe5afe5afe5a02L)),
        sure(
            "left register",
            Recorded.refused("mov rax,QWORD PTR [rcx]").register("rcx", 0x5afe5afe5afe5a02L),
            Recorded.fault(0x123456789000L, 4)
                .code("mov rax,QWORD PTR [rcx+rdi]")
                .register("rcx", 0x5afe5afe5afe5a02L)),
        sure(
            "ret",
            Recorded.refused("ret").line("dump sp " + STACK + " 4141414141414141"),
            Recorded.refused("ret").line("dump sp " + STACK + " 0011000000400000")),
        sure(
            "jump to no address",
            Recorded.refused("call rax").register("rax", wild),
            Recorded.refused("call rax")),
        sure(
            "instruction alignment",
            Recorded.arm("SIGBUS", "1 BUS_ADRALN", 0x400000001102L, 0x7ffe000ff000L),
            Recorded.arm("SIGBUS", "1 BUS_ADRALN", 0x400000001100L, 0x7ffe000ff008L)
                .code("ldr w1, [sp, #8]")),
        sure("jump", jump, Recorded.fault(0x12345000, 4).code("mov rax,QWORD PTR [rdi]")),
        likely(
            "jump",
            Recorded.fault(0x400000002000L, 21)
                .register("rip", 0x700000001000L)
                .at(0x700000001000L)
                .line("map 700000000000-700000001000 r-xp 00000000 00:00 0 "),
            Recorded.fault(0, 4).code("mov rax,QWORD PTR [rdi]")));
  }

  private static Stream<Case> stacks() {
    long wild = 0x4141414141414140L;
    Recorded push =
        Recorded.fault(0x500000000ff8L, 7).register("rsp", 0x500000001000L).code("push rax");
    Recorded arrays = Recorded.fault(0x400000002ff8L, 7).word("code", "2 SEGV_ACCERR");
    return Stream.of(
        sure(
            "stack alignment",
            Recorded.refused("sub rsp,0x8\nmovaps XMMWORD PTR [rsp+0x10],xmm0"),
            Recorded.refused("movaps XMMWORD PTR [rsp+0x8],xmm0")),
        sure( // an atomic access that is not aligned, while sp is
            "stack alignment",
            Recorded.arm("SIGBUS", "1 BUS_ADRALN", 0x400000001100L, 0x7ffe000ff008L)
                .code("ldr w1, [sp, #8]"),
            Recorded.arm("SIGBUS", "1 BUS_ADRALN", 0x400000001100L, 0x7ffe000ff008L)
                .code("ldxr x1, [x0]")),
        sure(
            "stack pointer",
            Recorded.of("SIGBUS", "128 SI_KERNEL")
                .word("trap", "c 0")
                .register("rsp", wild)
                .code("push rax"),
            Recorded.of("SIGBUS", "128 SI_KERNEL").word("trap", "c 0").code("push rax")),
        sure(
            "stack given back",
            Recorded.fault(0x510000004f98L, 4)
                .register("rsp", 0x510000004f98L)
                .code("ret")
                .line("stack 510000001000 510000005000 1000 thread 3's stack"),
            Recorded.fault(0x510000004f98L, 4).register("rsp", 0x510000004f98L).code("ret")),
        sure(
            "stack overflow",
            push,
            push.code("mov BYTE PTR [rax],1").register("rsp", Recorded.hex(STACK))),
        likely( // near the end of a stack, and not by its pointer
            "stack overflow",
            push.code("mov BYTE PTR [rax],1").register("rsp", 0x500000001010L),
            push.code("mov BYTE PTR [rax],1").register("rsp", Recorded.hex(STACK))),
        likely( // a static array
            "stack overflow",
            arrays.register("rsp", 0x400000003000L).code("push rax"),
            arrays.code("mov BYTE PTR [rax],1")),
        likely( // an overflow writes
            "stack overflow",
            Recorded.fault(0x5ffffffffff8L, 6).register("rsp", 0x600000000000L).code("push rbp"),
            Recorded.fault(0x5ffffffffff8L, 4).register("rsp", 0x5ffffffffff8L).code("pop rbp")),
        likely(
            "large frame",
            Recorded.fault(0x4ffffff0bdd8L, 6)
                .register("rsp", 0x4ffffff0bdd0L)
                .code("sub rsp,0xf4250\nmov BYTE PTR [rsp+0x8],1"),
            Recorded.fault(0x4ffffff0bdd8L, 6)
                .register("rsp", 0x4ffffff0bdd0L)
                .code("sub rsp,0x20\nmov BYTE PTR [rsp+0x8],1")),
        likely(
            "large frame",
            Recorded.fault(0x7ffda0000000L, 6)
                .register("rsp", 0x7ffda0000000L)
                .code("sub rsp,rax\nmov BYTE PTR [rdi],1"),
            Recorded.fault(0x7ffda0000000L, 6)
                .register("rsp", 0x7ffda0000000L)
                .code("mov rsp,rax\nmov BYTE PTR [rdi],1")),
        sure(
            "lost stack pointer",
            Recorded.fault(0x10fffff8, 6).register("rsp", 0x11000000).code("push rbp"),
            Recorded.fault(0x10fffff8, 6)
                .register("rsp", 0x11000000)
                .code("mov BYTE PTR [rax],1")));
  }

  private static Stream<Case> addresses() {
    Recorded write = Recorded.fault(0x660000002000L, 6).code("mov BYTE PTR [rax],1");
    return Stream.of(
        sure(
            "thread pointer",
            Recorded.fault(0x28, 4)
                .code("mov rax,QWORD PTR fs:0x28")
                .word("threadpointer", "0 7f00"),
            Recorded.fault(0x28, 4).code("mov rax,QWORD PTR [rdi+0x28]")),
        sure(
            "no address",
            Recorded.refused("mov rax,QWORD PTR [rcx]").register("rcx", 0x4141414141414141L),
            Recorded.refused("mov rax,QWORD PTR [rcx]").register("rcx", 0x414141414141L)),
        likely(
            "argument",
            write.line("argument 1 660000001000 40"),
            write.line("argument 1 660000100000 40")),
        sure(
            "null",
            Recorded.fault(0, 6).code("mov DWORD PTR [rdi],0x1"),
            Recorded.fault(4096, 6).code("mov DWORD PTR [rdi],0x1")),
        likely(
            "null",
            Recorded.fault(24, 4).code("mov eax,DWORD PTR [rdi]").register("rdi", 24),
            Recorded.fault(24, 4).code("mov rax,QWORD PTR fs:0x18")),
        likely(
            "null",
            Recorded.fault(-8, 6).code("mov DWORD PTR [rdi-0x8],0x1"),
            Recorded.fault(-8000, 6)),
        likely("kernel address", write.at(0x333300000010L), write),
        likely("kernel address", write.word("test-stored", ""), write),
        likely(
            "ran up",
            write
                .at(0x600000001000L)
                .word("trap", "e 7")
                .line("map 600000001000-600000002000 r--p 00000000 fe:00 1 /tmp/y.so"),
            write
                .at(0x600000001800L)
                .word("trap", "e 7")
                .line("map 600000001000-600000002000 r--p 00000000 fe:00 1 /tmp/y.so")),
        sure(
            "read-only",
            write.at(0x400000001180L).word("trap", "e 7"),
            write.at(0x400000001180L).word("trap", "e 5")),
        sure(
            "read-only",
            write.at(0x400000002010L).word("trap", "e 7"),
            write.at(0x400000002010L).word("trap", "e 5")),
        sure(
            "past a file",
            write.at(0x400000003100L).word("signal", "SIGBUS").word("code", "2 BUS_ADRERR"),
            write.at(0x600000000100L).word("signal", "SIGBUS").word("code", "2 BUS_ADRERR")),
        maybe(
            "no access", write.line("map 660000002000-660000003000 ---p 00000000 00:00 0"), write),
        likely("beyond the top", write.at(0x500000005008L), write.at(0x500000105008L)),
        maybe("past the top", write.at(0x500000006000L), write.at(0x500000006008L)),
        likely("wild pointer", write, write.at(0x600000000100L)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void aRuleClaimsItsCaseAndNotTheNearMiss(Case given) {
    CrashCause cause = given.claims().cause();
    assertEquals(given.rule(), cause.rule(), cause.sentence());
    assertEquals(given.certainty(), cause.certainty(), cause.sentence());
    CrashCause other = given.nearMiss().cause();
    assertTrue(
        !other.rule().equals(given.rule()) || other.certainty() != given.certainty(),
        () -> given.rule() + " claims its near miss: " + other.sentence());
  }

  @Test
  void everyRuleHasACase() {
    var rules = new TreeSet<String>();
    CrashCause.RULES.forEach(rule -> rules.add(rule.name()));
    cases().forEach(given -> rules.remove(given.rule()));
    rules.removeAll(List.of("padding", "stack limit")); // they need a process: see IsolatedRunTest
    assertEquals(List.of(), List.copyOf(rules));
    assertNotEquals(0, CrashCause.RULES.size());
  }
}
