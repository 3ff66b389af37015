package greenthreads.lab.crash;

import static greenthreads.lab.crash.AddressSpace.bytes;

import greenthreads.lab.base.Words;
import greenthreads.lab.binary.Symbols;
import greenthreads.lab.crash.AddressSpace.Kind;
import greenthreads.lab.crash.AddressSpace.Place;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.isolate.HostReport.Stack;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;

/**
 * The likely cause of a crash, in a sentence that says how sure it is.
 *
 * @param rule the rule that found it, for tests
 * @param certainty how sure it is; the sentence's words agree with it
 * @param sentence the cause
 * @param advice what to try; may be empty
 * @param suspects the registers to look at
 */
public record CrashCause(
    String rule, Certainty certainty, String sentence, String advice, List<String> suspects) {

  enum Certainty {
    CERTAIN,
    VERY_LIKELY,
    POSSIBLE,
    UNKNOWN
  }

  /** A frame of so many bytes can step over a guard page. */
  private static final long LARGE_FRAME = 4096;

  private record Rule(String name, Function<CrashScene, Optional<CrashCause>> test) {}

  /** Tried in this order: from what leaves no doubt to what is only likely. */
  private static final List<Rule> RULES =
      List.of(
          new Rule("exit", CrashCause::exit),
          new Rule("time limit", CrashCause::timeLimit),
          new Rule("result", CrashCause::resultIsNoString),
          new Rule("no registers", CrashCause::noRegisters),
          new Rule("sent", CrashCause::sentByItself),
          new Rule("abort", CrashCause::abort),
          new Rule("division", CrashCause::division),
          new Rule("trap", CrashCause::trap),
          new Rule("zero bytes", CrashCause::zeroBytes),
          new Rule("never reached", CrashCause::neverReached),
          new Rule("illegal instruction", CrashCause::illegalInstruction),
          new Rule("shadow stack", CrashCause::shadowStack),
          new Rule("stack given back", CrashCause::stackGivenBack),
          new Rule("ret", CrashCause::returnToNonAddress),
          new Rule("jump to no address", CrashCause::jumpToNonAddress),
          new Rule("jump", CrashCause::jumpToNoCode),
          new Rule("stack alignment", CrashCause::misaligned),
          new Rule("stack alignment", CrashCause::misalignedStackPointer),
          new Rule("left register", CrashCause::registerNeverSet),
          new Rule("no address", CrashCause::nonCanonical),
          new Rule("privileged", CrashCause::privileged),
          new Rule("stack overflow", CrashCause::stackOverflow),
          new Rule("large frame", CrashCause::largeFrame),
          new Rule("argument", CrashCause::besideAnArgument),
          new Rule("null", CrashCause::nullPointer),
          new Rule("kernel address", CrashCause::kernelAddress),
          new Rule("read-only", CrashCause::writeToReadOnly),
          new Rule("lost stack pointer", CrashCause::lostStackPointer),
          new Rule("no access", CrashCause::noAccess),
          new Rule("past a file", CrashCause::pastAFile),
          new Rule("beyond the top", CrashCause::beyondTheTop),
          new Rule("wild pointer", CrashCause::wildPointer));

  /** SSE instructions that demand alignment whatever their encoding. */
  private static final Set<String> ALIGNED =
      Set.of(
          "movaps",
          "movapd",
          "movdqa",
          "movntps",
          "movntpd",
          "movntdq",
          "movntdqa",
          "vmovaps",
          "vmovapd",
          "vmovdqa",
          "vmovdqa32",
          "vmovdqa64",
          "vmovntps",
          "vmovntpd",
          "vmovntdq",
          "vmovntdqa");

  /** SSE moves that do not. */
  private static final Set<String> UNALIGNED =
      Set.of(
          "movups", "movupd", "movdqu", "lddqu", "movss", "movsd", "movq", "movd", "movhps",
          "movlps", "movhpd", "movlpd");

  private static final Set<String> PRIVILEGED =
      Set.of(
          "hlt", "cli", "sti", "in", "out", "lgdt", "lidt", "invd", "wbinvd", "rdmsr", "wrmsr",
          "swapgs", "iretq", "clts");

  /** What the C library prints before it aborts, and what it means. */
  private static final List<String[]> ABORT_MESSAGES =
      List.of(
          new String[] {
            "double free",
            "the same memory was given to free() twice",
            "Give each block to free() once, and forget the pointer then."
          },
          new String[] {
            "stack smashing detected",
            "a function wrote past the end of an array on its stack, over the value that the compiler had put behind it",
            "Look at the arrays of the function that was running, and at what fills them."
          },
          new String[] {
            "pointer being freed was not allocated",
            "free() was given an address that malloc() did not return",
            "Pass to free() what malloc() returned, unchanged."
          },
          new String[] {
            "invalid pointer",
            "free() was given an address that malloc() did not return",
            "Pass to free() what malloc() returned, unchanged."
          },
          new String[] {
            "buffer overflow detected",
            "a string or memory function was about to write past its" + " buffer's end",
            "Compare the buffer's size with what is written to it."
          },
          new String[] {
            "corrupted",
            "the bookkeeping beside malloc's blocks was overwritten: something wrote"
                + " past the end of a block, or into one that was freed",
            "Look for a write past the end of a block from malloc()."
          },
          new String[] {
            "malloc",
            "the bookkeeping beside malloc's blocks was overwritten: something wrote"
                + " past the end of a block, or into one that was freed",
            "Look for a write past the end of a block from malloc()."
          },
          new String[] {
            "free(): ",
            "the bookkeeping beside malloc's blocks was overwritten, or free() was"
                + " given something that is no block",
            "Look for a write past the end of a block from malloc()."
          },
          new String[] {"Assertion", "an assert() did not hold", "See the condition it names."});

  /** The first rule that applies speaks; if none does, the cause cannot be told. */
  static CrashCause of(CrashScene scene) {
    for (Rule rule : RULES) {
      Optional<CrashCause> cause = rule.test().apply(scene);
      if (cause.isPresent()) {
        return cause.get().named(rule.name());
      }
    }
    return new CrashCause(
        "none",
        Certainty.UNKNOWN,
        "The cause cannot be told from what was recorded.",
        "Look at the instruction and at the registers that it uses.",
        List.of());
  }

  private CrashCause named(String name) {
    return new CrashCause(name, certainty, sentence, advice, suspects);
  }

  private static Optional<CrashCause> cause(
      Certainty certainty, String sentence, String advice, String... suspects) {
    return Optional.of(new CrashCause("", certainty, sentence, advice, List.of(suspects)));
  }

  private static Optional<CrashCause> cause(
      Certainty certainty, String sentence, String advice, List<String> suspects) {
    return cause(certainty, sentence, advice, suspects.toArray(String[]::new));
  }

  // ----- ends that are no fault ------------------------------------------------------------------

  private static Optional<CrashCause> exit(CrashScene s) {
    if (s.crash.kind() != Crash.Kind.EXIT) {
      return Optional.empty();
    }
    int status = s.crash.exitStatus();
    if (s.report().has("threadexit")) {
      return cause(
          Certainty.CERTAIN,
          "The code called pthread_exit, which ends the thread that made the call.",
          "Return from the function instead.");
    }
    if (s.report().word("reached").equals("result")) {
      return cause(
          Certainty.VERY_LIKELY,
          "The function returned, but its result could not be told: it has closed file descriptors"
              + " that are not its own.",
          "Close only what the code itself has opened.");
    }
    if (s.report().has("exit")) {
      return cause(
          Certainty.CERTAIN,
          "The code called exit(%d), which ends the whole process: not isolated, the notebook's kernel."
              .formatted(status),
          "Return from the function instead.");
    }
    return cause(
        Certainty.VERY_LIKELY,
        ("The process ended with status %d and without exit()'s clean-up: very likely by _exit(%d),"
                + " or by a program that took its place (exec).")
            .formatted(status, status),
        "Return from the function instead.");
  }

  private static Optional<CrashCause> timeLimit(CrashScene s) {
    if (s.crash.kind() != Crash.Kind.TIME_LIMIT) {
      return Optional.empty();
    }
    long took = Math.max(1, s.crash.took().toMillis());
    long busy = s.crash.details().busy().toMillis();
    String time =
        "it used %s of processor time in %s"
            .formatted(Words.duration(busy * 1_000_000), Words.duration(s.crash.took().toNanos()));
    if (s.crash.details().printed() > 1_000_000) {
      return cause(
          Certainty.POSSIBLE,
          "It may be a loop that prints without end: it had printed %,d bytes."
              .formatted(s.crash.details().printed()),
          "Look at the condition that is to end the loop.");
    }
    // A busy machine leaves a loop little processor time: where it was says more than how long.
    boolean computing =
        s.pc.isEmpty() ? busy * 10 >= took * 8 : !s.isInSystemCall() || busy * 2 >= took;
    if (s.pc.isEmpty()) {
      return cause(
          Certainty.UNKNOWN,
          "Where it was cannot be told: it did not answer the signal that asks (%s)."
              .formatted(time),
          computing
              ? "Look for a loop without end, with signals blocked or handled by the code itself."
              : "Look for a wait without end, with signals blocked or handled by the code itself.");
    }
    if (jumpsToItself(s)) {
      return cause(
          Certainty.CERTAIN,
          "It is an endless loop: the instruction jumps to itself.",
          "Give the loop a condition that ends it.");
    }
    String where = s.space.function(s.pc.getAsLong()).map(f -> " in " + f).orElse("");
    if (computing) {
      return cause(
          Certainty.POSSIBLE,
          "It may be a loop that does not end: it was still computing%s (%s)."
              .formatted(where, time),
          "Look at the condition that is to end the loop, or allow more time.");
    }
    return cause(
        Certainty.POSSIBLE,
        "It was waiting in the operating system (%s): it may wait for what never happens."
            .formatted(time),
        "Look at what it waits for, or allow more time.");
  }

  private static boolean jumpsToItself(CrashScene s) {
    byte[] code = s.code(4);
    if (s.crash.isX86()) {
      return code.length >= 2 && code[0] == (byte) 0xeb && code[1] == (byte) 0xfe;
    }
    return code.length == 4 && code[3] == 0x14 && code[2] == 0 && code[1] == 0 && code[0] == 0;
  }

  private static Optional<CrashCause> resultIsNoString(CrashScene s) {
    if (!s.report().word("phase").equals("result")) {
      return Optional.empty();
    }
    return cause(
        Certainty.CERTAIN,
        "The function returned, but what it returned (0x%x) is not the address of a string."
            .formatted(s.report().number("returned", 0).orElse(0)),
        "Return a char * that is still valid after the function, or declare another result.");
  }

  private static Optional<CrashCause> noRegisters(CrashScene s) {
    if (s.pc.isPresent()) {
      return Optional.empty();
    }
    if (s.is("SIGKILL")) {
      return cause(
          Certainty.POSSIBLE,
          "Something killed the process: it may have killed itself, or memory may have run out.",
          "");
    }
    if (s.libraryNames("signal", "__sysv_signal", "sigaction", "sigaltstack")) {
      return cause(
          Certainty.UNKNOWN,
          "The cause cannot be told: the code handles signals itself, so nothing was recorded when "
              + s.crash.signal()
              + " came.",
          "Leave the handler out, and run it again.");
    }
    if ((s.is("SIGSEGV") || s.is("SIGBUS")) && s.libraryNames("pthread_create", "thrd_create")) {
      return cause(
          Certainty.VERY_LIKELY,
          "No register could be recorded, since the handler found no stack to run on: very likely"
              + " the stack of an OS thread that the code started has overflowed.",
          "Look at the threads' functions: deep recursion, large arrays.");
    }
    if (s.crash.signal().isEmpty()) {
      return cause(
          Certainty.UNKNOWN,
          "The cause cannot be told: the process that watches the run was killed as well.",
          "Look for a kill() that is sent to more than its own process.");
    }
    return cause(
        Certainty.UNKNOWN,
        "The cause cannot be told: nothing was recorded when "
            + s.crash.signal()
            + " ended the process.",
        "Look for a raise() or kill() of that signal.");
  }

  private static Optional<CrashCause> sentByItself(CrashScene s) {
    boolean sent = s.report().word("sender").equals("self");
    if (!sent || s.is("SIGABRT")) {
      return Optional.empty();
    }
    return cause(
        Certainty.CERTAIN,
        "The code sent " + s.crash.signal() + " to itself, with raise() or kill().",
        "Install a handler for it first, or do not send it.");
  }

  private static Optional<CrashCause> abort(CrashScene s) {
    if (!s.is("SIGABRT")) {
      return Optional.empty();
    }
    String errors = s.crash.details().errors();
    for (String[] message : ABORT_MESSAGES) {
      if (errors.contains(message[0])) {
        return cause(
            Certainty.CERTAIN,
            "The C library ended the process, since " + message[1] + ".",
            message[2]);
      }
    }
    return cause(
        Certainty.CERTAIN,
        "The process was ended by abort(): the code called it, or the C library did.",
        "See what was printed last, and where the call came from.");
  }

  // ----- instructions that cannot be carried out
  // ---------------------------------------------------

  private static Optional<CrashCause> division(CrashScene s) {
    if (!s.is("SIGFPE")) {
      return Optional.empty();
    }
    if (!s.code().equals("FPE_INTDIV")) {
      return cause(
          Certainty.CERTAIN,
          "The processor was told to trap on a floating point exception (%s), and one happened."
              .formatted(s.code()),
          "Look for code that changes the floating point control register.");
    }
    String divisor = s.instruction().map(i -> i.operands().strip()).orElse("");
    OptionalLong value = divisor.isEmpty() ? OptionalLong.empty() : Narrow.value(s.crash, divisor);
    if (value.isPresent()) {
      return value.getAsLong() == 0
          ? cause(
              Certainty.CERTAIN,
              "It is an integer division by zero: %s is 0.".formatted(divisor),
              "Check the divisor before dividing.",
              Narrow.full(divisor))
          : cause(
              Certainty.CERTAIN,
              "The quotient does not fit its register: the smallest integer was divided by -1.",
              "Check for that case before dividing.",
              Narrow.full(divisor));
    }
    return cause(
        Certainty.VERY_LIKELY,
        "It is very likely an integer division by zero; the smallest integer divided by -1 ends the"
            + " same way.",
        "Check the divisor before dividing.");
  }

  private static Optional<CrashCause> trap(CrashScene s) {
    if (!s.is("SIGTRAP")) {
      return Optional.empty();
    }
    if (s.code().equals("TRAP_TRACE")) {
      return cause(
          Certainty.CERTAIN,
          "The processor was single-stepping (the trap flag is set), and nothing handled the step.",
          "Install the handler before setting the flag.",
          "rflags");
    }
    byte[] code = s.code(4);
    boolean int3 = s.crash.isX86() && code.length > 0 && code[0] == (byte) 0xcc;
    if (int3 && isBetweenFunctions(s)) {
      return cause(
          Certainty.VERY_LIKELY,
          "It ran into the padding after a function%s: very likely a ret is missing at its end."
              .formatted(functionBefore(s)),
          "End the function with ret.",
          "rip");
    }
    boolean brk = !s.crash.isX86() && code.length == 4 && (code[3] & 0xff) == 0xd4;
    if (brk) {
      return neverReachedSentence();
    }
    return cause(
        Certainty.CERTAIN,
        int3 ? "It came to a breakpoint instruction, int3." : "It came to a trap instruction.",
        "Remove the breakpoint, or run it under a debugger.",
        s.crash.isX86() ? "rip" : "pc");
  }

  private static boolean isBetweenFunctions(CrashScene s) {
    return s.pc.isPresent()
        && s.space
            .file(s.pc.getAsLong())
            .map(file -> {
              Symbols symbols = s.space.symbols(file);
              long offset = s.pc.getAsLong() - s.space.base(file.toString());
              return symbols.at(offset).isEmpty()
                  && symbols.before(offset).filter(f -> f.size() > 0).isPresent();
            })
            .orElse(false);
  }

  private static String functionBefore(CrashScene s) {
    return s.space
        .file(s.pc.orElse(0))
        .flatMap(
            file -> s.space.symbols(file).before(s.pc.orElse(0) - s.space.base(file.toString())))
        .map(symbol -> " (" + symbol.name() + ")")
        .orElse("");
  }

  /** Code does not consist of zeros; what follows the last function often does. */
  private static Optional<CrashCause> zeroBytes(CrashScene s) {
    int count = s.crash.isX86() ? 2 : 4;
    byte[] code = s.code(count);
    boolean zero = code.length == count;
    for (byte b : code) {
      zero &= b == 0;
    }
    if (!zero || !s.space.isExecutable(s.pc.orElse(0))) {
      return Optional.empty();
    }
    return cause(
        Certainty.VERY_LIKELY,
        "It ran on into zero bytes, past the end of the code: very likely a ret is missing, or a"
            + " jump went astray.",
        "See that each function ends with ret.",
        s.crash.isX86() ? "rip" : "pc");
  }

  private static Optional<CrashCause> neverReached(CrashScene s) {
    byte[] code = s.code(2);
    boolean ud2 = s.crash.isX86() && code.length == 2 && code[0] == 0x0f && code[1] == (byte) 0x0b;
    return s.is("SIGILL") && ud2 ? neverReachedSentence() : Optional.empty();
  }

  private static Optional<CrashCause> neverReachedSentence() {
    return cause(
        Certainty.VERY_LIKELY,
        "It came to a place that the compiler had marked as never reached: very likely a function"
            + " with a result that ends without return, a null pointer that the compiler saw"
            + " coming, or __builtin_trap() or __builtin_unreachable().",
        "Compile with -Wall and read the warnings for this function.");
  }

  private static Optional<CrashCause> illegalInstruction(CrashScene s) {
    if (!s.is("SIGILL")) {
      return Optional.empty();
    }
    return cause(
        Certainty.POSSIBLE,
        "The bytes there are no instruction that this processor carries out: it may have jumped"
            + " into data or into the middle of an instruction, or the code may be for a newer"
            + " processor.",
        "Look at how control came here.",
        s.crash.isX86() ? "rip" : "pc");
  }

  // ----- control that went astray
  // ------------------------------------------------------------------

  /** Linux's word for a control protection fault. */
  private static Optional<CrashCause> shadowStack(CrashScene s) {
    if (!s.code().equals("SEGV_CPERR")) {
      return Optional.empty();
    }
    return cause(
        Certainty.CERTAIN,
        "The return address on the stack is not the one that the processor keeps on its shadow"
            + " stack: the stack was switched, or the address forged or overwritten.",
        "Switch the shadow stack together with the stack, or run without one.",
        s.crash.isX86() ? "rsp" : "sp");
  }

  /** The stack is known by its name, and where the stack pointer stands no memory is any more. */
  private static Optional<CrashCause> stackGivenBack(CrashScene s) {
    if (s.crash.sp().isEmpty() || s.faultAddress().isEmpty() || s.report().mappings().isEmpty()) {
      return Optional.empty();
    }
    long sp = s.crash.sp().getAsLong();
    Optional<Stack> stack = s.space.stackAt(sp);
    boolean unmapped = s.space.mapping(sp).isEmpty();
    if (!unmapped
        || stack.isEmpty()
        || !stack.equals(s.space.stackAt(s.faultAddress().getAsLong()))) {
      return Optional.empty();
    }
    return cause(
        Certainty.CERTAIN,
        "The code stands on a stack that has been given back: %s is no longer mapped."
            .formatted(stack.get().name()),
        "Give a stack back only when nobody stands on it any more: from another one, after the"
            + " switch.",
        s.crash.isX86() ? "rsp" : "sp");
  }

  /** x86-64: ret refuses to load an address that is none, and so is still the instruction. */
  private static Optional<CrashCause> returnToNonAddress(CrashScene s) {
    if (!s.is("SIGSEGV") || !s.mnemonic().startsWith("ret") || !s.isGeneralProtection()) {
      return Optional.empty();
    }
    OptionalLong word = s.report().wordAt(s.crash.sp().orElse(0));
    if (word.isEmpty() || !s.space.isNonCanonical(word.getAsLong())) {
      return Optional.empty();
    }
    return cause(
        Certainty.CERTAIN,
        ("ret took its return address from the top of the stack, and what is there (0x%x) is no"
                + " address: the stack pointer is not where it was on entry, or the return address"
                + " was overwritten.")
            .formatted(word.getAsLong()),
        "Compare every push with its pop, and look at what is written to the stack.",
        "rsp");
  }

  /** x86-64: so does a jump or a call by way of a register. */
  private static Optional<CrashCause> jumpToNonAddress(CrashScene s) {
    String text = s.instruction().map(i -> i.text().replaceFirst("^notrack\\s+", "")).orElse("");
    if (!s.isGeneralProtection() || !text.matches("(jmp|call)\\s+r\\w+")) {
      return Optional.empty();
    }
    String register = text.replaceFirst("\\w+\\s+", "");
    long target = s.crash.register(register).orElse(0);
    if (!s.space.isNonCanonical(target)) {
      return Optional.empty();
    }
    OptionalLong below = s.report().wordAt(s.crash.sp().orElse(0) - 8);
    boolean returns = below.isPresent() && below.getAsLong() == target;
    return cause(
        Certainty.CERTAIN,
        "It goes on where %s says, and 0x%x is no address at all%s."
            .formatted(
                register,
                target,
                returns
                    ? ": it was taken off the stack as a return address, so the stack was"
                        + " overwritten, or the stack pointer is not where it was"
                    : ": a function pointer that was never set, or was overwritten"),
        returns
            ? "Look at who else may have written to this stack while it waited."
            : "Look at where the register got its value.",
        returns ? List.of(register, "rsp") : List.of(register));
  }

  private static Optional<CrashCause> jumpToNoCode(CrashScene s) {
    if (!s.isFetch()) {
      return Optional.empty();
    }
    long pc = s.pc.getAsLong();
    Place place = s.space.place(pc);
    String target = "0x%x".formatted(pc);
    String how = arrival(s, pc);
    String register = s.crash.isX86() ? "rip" : "pc";
    return switch (place.kind()) {
      case NULL ->
          cause(
              Certainty.CERTAIN,
              "It jumped to %s%s.".formatted(place.text(), how),
              "Look for a function pointer or a return address that was never set.",
              register);
      case STACK, ARGUMENT, DATA, CONSTANT ->
          cause(
              Certainty.CERTAIN,
              "It tried to run data as code: %s is %s%s.".formatted(target, place.text(), how),
              "Check that the address is a function's, and not that of a variable that holds it.",
              register);
      default -> {
        if (ranOffTheEnd(s, pc)) {
          yield cause(
              Certainty.VERY_LIKELY,
              "It ran off the end of the code: very likely a ret is missing.",
              "See that each function ends with ret.",
              register);
        }
        yield cause(
            Certainty.CERTAIN,
            "It jumped to %s, where there is no code (%s)%s.".formatted(target, place.text(), how),
            "Look at where that number comes from: a forged or overwritten return address, or a"
                + " function pointer.",
            register);
      }
    };
  }

  private static boolean ranOffTheEnd(CrashScene s, long pc) {
    return (pc & 0xfff) < 16 && s.space.isExecutable((pc & ~0xfffL) - 1) && (pc & 0xfff) == 0;
  }

  /** How control got to an address, if the stack or the link register still shows it. */
  private static String arrival(CrashScene s, long pc) {
    long sp = s.crash.sp().orElse(0);
    if (!s.crash.isX86()) {
      OptionalLong link = s.crash.register("x30");
      if (link.isPresent() && link.getAsLong() == pc) {
        return "; very likely by a ret, since the link register x30 holds the same";
      }
      return link.isPresent() && s.report().callers().contains(link.getAsLong())
          ? "; very likely by a call through a function pointer" + from(s, link.getAsLong())
          : "";
    }
    OptionalLong below = s.report().wordAt(sp - 8);
    OptionalLong top = s.report().wordAt(sp);
    if (top.isPresent() && s.report().callers().contains(top.getAsLong())) {
      return "; very likely by a call through a function pointer" + from(s, top.getAsLong());
    }
    return below.isPresent() && below.getAsLong() == pc
        ? "; very likely by a ret, since that is the word right below rsp, just taken off the stack"
        : "";
  }

  private static String from(CrashScene s, long caller) {
    return s.space.function(caller - 1).map(f -> " in " + f.replaceFirst("\\+0x.*", "")).orElse("");
  }

  // ----- addresses that cannot be accessed
  // ---------------------------------------------------------

  private static Optional<CrashCause> misaligned(CrashScene s) {
    Optional<Operand> operand = s.operand();
    if (!s.isGeneralProtection() || operand.isEmpty()) {
      return Optional.empty();
    }
    String mnemonic = s.mnemonic();
    String text = s.instruction().orElseThrow().text();
    boolean legacySse =
        text.contains("xmm") && !mnemonic.startsWith("v") && !UNALIGNED.contains(mnemonic);
    OptionalLong address = operand.get().address();
    if (!(ALIGNED.contains(mnemonic) || legacySse) || address.isEmpty()) {
      return Optional.empty();
    }
    int width = text.contains("zmm") ? 64 : text.contains("ymm") ? 32 : 16;
    long off = Long.remainderUnsigned(address.getAsLong(), width);
    if (off == 0) {
      return Optional.empty();
    }
    String what =
        "%s needs an address that is a multiple of %d, and [%s] is %s above one"
            .formatted(mnemonic, width, operand.get().text(), bytes(off));
    if (operand.get().uses("rsp", "rbp") && width == 16) {
      return cause(
          Certainty.CERTAIN,
          "The stack is misaligned: %s.".formatted(what),
          "On entry to a function rsp must be 8 above a multiple of 16 (the call has pushed 8"
              + " bytes): check the stack pointer that the thread was started or resumed with.",
          operand.get().registers());
    }
    return cause(
        Certainty.CERTAIN,
        "The address is misaligned: %s.".formatted(what),
        "Align the memory, or look at how the pointer was made.",
        operand.get().registers());
  }

  /** AArch64: the stack pointer itself must be a multiple of 16 wherever it is used. */
  private static Optional<CrashCause> misalignedStackPointer(CrashScene s) {
    if (s.crash.isX86() || !s.is("SIGBUS") || s.crash.sp().isEmpty()) {
      return Optional.empty();
    }
    long off = s.crash.sp().getAsLong() & 15;
    if (off == 0) {
      return Optional.empty();
    }
    return cause(
        Certainty.CERTAIN,
        "The stack is misaligned: sp must be a multiple of 16 where it is used, and is %s above one."
            .formatted(bytes(off)),
        "Check the stack pointer that the thread was started or resumed with.",
        "sp");
  }

  private static Optional<CrashCause> registerNeverSet(CrashScene s) {
    return s.operand()
        .flatMap(operand ->
            s.registerLeftByHost(operand)
                .flatMap(name ->
                    cause(
                        Certainty.CERTAIN,
                        ("The address is made from %s, which the code has not set: it holds"
                                + " what it held before the call.")
                            .formatted(name),
                        "Set the register first, or restore it from where it was saved.",
                        name)));
  }

  private static Optional<CrashCause> nonCanonical(CrashScene s) {
    Optional<Operand> operand = s.operand();
    if (operand.isEmpty() || operand.get().address().isEmpty() || !s.isGeneralProtection()) {
      return Optional.empty();
    }
    long address = operand.get().address().getAsLong();
    if (!s.space.isNonCanonical(address)) {
      return Optional.empty();
    }
    return cause(
        Certainty.CERTAIN,
        ("[%s] is 0x%x, which is no address at all: the pointer was never set, was overwritten, or"
                + " is a number that was taken for one.")
            .formatted(operand.get().text(), address),
        "Look at where the register got its value.",
        operand.get().registers());
  }

  private static Optional<CrashCause> privileged(CrashScene s) {
    return s.isGeneralProtection() && PRIVILEGED.contains(s.mnemonic())
        ? cause(
            Certainty.CERTAIN,
            "%s is for the operating system itself only.".formatted(s.mnemonic()),
            "Leave the instruction out.")
        : Optional.empty();
  }

  private static Optional<CrashCause> stackOverflow(CrashScene s) {
    Optional<Place> place = s.faultPlace();
    if (place.isEmpty() || s.crash.sp().isEmpty()) {
      return Optional.empty();
    }
    long address = s.faultAddress().getAsLong();
    long sp = s.crash.sp().getAsLong();
    long gap = Math.abs(address - sp);
    if (place.get().kind() == Kind.BELOW_STACK) {
      Optional<CrashCause> between = betweenStacks(s, place.get(), address, sp);
      if (between.isPresent()) {
        return between;
      }
      Stack stack = stack(s, place.get().name());
      boolean usesStack =
          gap <= 64 * 1024 && sp - stack.high() <= 0 && sp >= stack.low() - (1 << 20);
      String where =
          "an address %s below %s".formatted(bytes(place.get().distance()), stack.name());
      return usesStack
          ? cause(
              Certainty.CERTAIN,
              "Stack overflow: the code %s %s, and the stack pointer is down there too."
                  .formatted(s.access(), where),
              "Give the thread a larger stack, or look for recursion that does not end and for"
                  + " large local arrays.",
              s.crash.isX86() ? "rsp" : "sp")
          : cause(
              Certainty.POSSIBLE,
              ("The code %s %s, while the stack pointer is elsewhere: it may be a pointer that ran"
                      + " down out of the stack.")
                  .formatted(s.access(), where),
              "Look at how the address was worked out.",
              registers(s));
    }
    boolean inArgument =
        s.report().arguments().stream()
            .anyMatch(a -> sp - a.address() <= a.size() && sp - a.address() >= -64 * 1024);
    if (place.get().kind() == Kind.BELOW_ARGUMENT && inArgument && gap <= 64 * 1024) {
      return cause(
          Certainty.CERTAIN,
          "Stack overflow: the stack is %s, and the code %s an address %s below it."
              .formatted(place.get().name(), s.access(), bytes(place.get().distance())),
          "Make the stack larger.",
          s.crash.isX86() ? "rsp" : "sp");
    }
    return Optional.empty();
  }

  /** Stacks lie side by side: below one may be the top of another, on which the code stands. */
  private static Optional<CrashCause> betweenStacks(
      CrashScene s, Place guard, long address, long sp) {
    return s.space
        .stackAt(sp)
        .filter(own -> !own.name().equals(guard.name()))
        .filter(own -> address - own.high() >= 0 && address - own.high() <= 64 * 1024)
        .flatMap(own ->
            cause(
                Certainty.POSSIBLE,
                ("The code %s an address %s below %s, while the stack pointer is in %s: it may be a"
                        + " pointer that ran up out of that one, or a frame of the other so large"
                        + " that it has stepped over its guard page.")
                    .formatted(s.access(), bytes(guard.distance()), guard.name(), own.name()),
                "See whose functions are on the stack: there is the pointer, or the large local"
                    + " array.",
                s.crash.isX86() ? "rsp" : "sp"));
  }

  /** One function takes so much stack that it steps over any guard page, into whatever is there. */
  private static Optional<CrashCause> largeFrame(CrashScene s) {
    if (s.faultPlace().isEmpty() || s.crash.sp().isEmpty() || s.frame() < LARGE_FRAME) {
      return Optional.empty();
    }
    long fromSp = s.faultAddress().getAsLong() - s.crash.sp().getAsLong();
    boolean onStack =
        Set.of("push", "call").contains(s.mnemonic())
            || s.operand().map(o -> o.uses("rsp", "sp")).orElse(false);
    if (!onStack || fromSp < -LARGE_FRAME || fromSp > s.frame() + LARGE_FRAME) {
      return Optional.empty();
    }
    String function = s.where().replaceFirst("[+ ].*", "");
    return cause(
        Certainty.VERY_LIKELY,
        ("It is very likely a stack overflow: `%s` takes %s of stack for its own variables, as for"
                + " a large local array, and the stack has not got so much left.")
            .formatted(function, bytes(s.frame())),
        "Make the array smaller, allocate it with malloc(), or give the thread a larger stack.",
        s.crash.isX86() ? "rsp" : "sp");
  }

  private static Stack stack(CrashScene s, String name) {
    return s.space.stacks().stream()
        .filter(stack -> stack.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static List<String> registers(CrashScene s) {
    return s.operand().map(Operand::registers).orElse(List.of());
  }

  private static Optional<CrashCause> besideAnArgument(CrashScene s) {
    Optional<Place> place =
        s.faultPlace()
            .filter(p -> p.kind() == Kind.BELOW_ARGUMENT || p.kind() == Kind.ABOVE_ARGUMENT);
    return place.flatMap(p ->
        cause(
            Certainty.VERY_LIKELY,
            "The code %s an address %s: very likely an index or a pointer that left it."
                .formatted(s.access(), p.text()),
            "Compare the size that was allocated with what the code uses.",
            registers(s)));
  }

  private static Optional<CrashCause> nullPointer(CrashScene s) {
    Optional<Place> place = s.faultPlace().filter(p -> p.kind() == Kind.NULL);
    if (place.isEmpty()) {
      return Optional.empty();
    }
    List<String> zero =
        registers(s).stream().filter(r -> s.crash.register(r).orElse(-1) == 0).toList();
    long offset = place.get().distance();
    if (offset == 0) {
      return cause(
          Certainty.CERTAIN,
          "The code %s through a null pointer%s."
              .formatted(s.verb(), zero.isEmpty() ? "" : ": " + zero.getFirst() + " is 0"),
          "Look at where the pointer comes from.",
          zero);
    }
    return cause(
        zero.isEmpty() ? Certainty.VERY_LIKELY : Certainty.CERTAIN,
        "%s a null pointer%s: the code %s offset %d of it, a struct's member or an array's element."
            .formatted(
                zero.isEmpty() ? "It is very likely" : "It is",
                zero.isEmpty() ? "" : " (" + zero.getFirst() + " is 0)",
                s.access(),
                offset),
        "Look at where the pointer comes from.",
        zero.isEmpty() ? registers(s) : zero);
  }

  private static Optional<CrashCause> kernelAddress(CrashScene s) {
    Crash.Stored stored = s.crash.details().stored();
    if (stored != null && s.faultPlace().map(Place::kind).orElse(null) == Kind.UNMAPPED) {
      return cause(
          Certainty.VERY_LIKELY,
          ("The code %s 0x%x; a pointer to there is stored in argument %d's memory (at offset %d):"
                  + " very likely an address of the notebook's own process, which means nothing in"
                  + " this one. Only arguments themselves are translated.")
              .formatted(
                  s.access(), s.faultAddress().getAsLong(), stored.index() + 1, stored.offset()),
          "Set that pointer in C, or make the call without isolating it.",
          registers(s));
    }
    return s.faultPlace()
        .filter(p -> p.kind() == Kind.KERNEL)
        .flatMap(p ->
            cause(
                Certainty.VERY_LIKELY,
                ("The address is %s: very likely a pointer that was stored inside an argument's"
                        + " memory. Only arguments themselves are translated for the isolated"
                        + " process.")
                    .formatted(p.text()),
                "Set that pointer in C, or make the call without isolating it.",
                registers(s)));
  }

  private static Optional<CrashCause> writeToReadOnly(CrashScene s) {
    if (s.faultPlace().isEmpty() || !s.isWrite().orElse(false)) {
      return Optional.empty();
    }
    return switch (s.faultPlace().get().kind()) {
      case CODE ->
          cause(
              Certainty.CERTAIN,
              "The code writes to code: %s may be read and run, but not written."
                  .formatted(s.faultPlace().get().text().replaceFirst("^code: ", "")),
              "Look at how the address was worked out.",
              registers(s));
      case CONSTANT ->
          cause(
              Certainty.CERTAIN,
              "The code writes to %s, such as a string literal or a const variable."
                  .formatted(s.faultPlace().get().text()),
              "Copy it to an array of your own first: char text[] = \"…\".",
              registers(s));
      case ARGUMENT ->
          cause(
              Certainty.CERTAIN,
              "The code writes to %s, which is read-only.".formatted(s.faultPlace().get().name()),
              "Pass a segment that may be written.",
              registers(s));
      default -> Optional.empty();
    };
  }

  /** The stack pointer is in nothing that is mapped, and the instruction uses it. */
  private static Optional<CrashCause> lostStackPointer(CrashScene s) {
    if (s.faultPlace().isEmpty() || s.crash.sp().isEmpty()) {
      return Optional.empty();
    }
    long sp = s.crash.sp().getAsLong();
    long address = s.faultAddress().getAsLong();
    boolean stackAccess =
        Set.of("push", "pop", "call", "ret", "leave", "pushf", "popf").contains(s.mnemonic())
            || s.operand().map(o -> o.uses("rsp", "sp")).orElse(false);
    if (!stackAccess || Math.abs(address - sp) > 64 * 1024) {
      return Optional.empty();
    }
    for (Stack stack : s.space.stacks()) {
      long below = stack.low() - sp;
      if (below > 0 && below <= 1L << 30) {
        return cause(
            Certainty.VERY_LIKELY,
            "It is very likely a stack overflow: the stack pointer is %s below %s, as with a local array that is larger than the stack."
                .formatted(bytes(below), stack.name()),
            "Make the array smaller, or allocate it with malloc().",
            s.crash.isX86() ? "rsp" : "sp");
      }
    }
    boolean belowSomething =
        s.report().mappings().stream()
            .anyMatch(r ->
                r.low() - sp > -64 * 1024
                    && r.low() - address > 0
                    && r.low() - address <= 64 * 1024
                    && r.writable());
    String register = s.crash.isX86() ? "rsp" : "sp";
    return belowSomething
        ? cause(
            Certainty.VERY_LIKELY,
            "The stack pointer has left writable memory at its lower end: very likely a stack"
                + " overflow, on a stack that nobody named.",
            "Give the thread a larger stack.",
            register)
        : cause(
            Certainty.CERTAIN,
            "The stack pointer points to memory that cannot be used (%s)."
                .formatted(s.space.place(sp).text()),
            "Look at where the stack pointer was last set.",
            register);
  }

  private static Optional<CrashCause> noAccess(CrashScene s) {
    return s.faultPlace()
        .filter(p -> p.kind() == Kind.NO_ACCESS)
        .flatMap(p ->
            cause(
                Certainty.POSSIBLE,
                "The code %s %s: it may be a stack that overflowed into its guard page."
                    .formatted(s.access(), p.text()),
                "Name your stacks with lab_stack(), and the report can tell which it is.",
                registers(s)));
  }

  private static Optional<CrashCause> pastAFile(CrashScene s) {
    return s.is("SIGBUS") && s.code().equals("BUS_ADRERR")
        ? cause(
            Certainty.VERY_LIKELY,
            "The memory belongs to a file that is shorter: very likely the file was cut after it"
                + " was mapped.",
            "Compare the file's size with what is mapped.",
            registers(s))
        : Optional.empty();
  }

  private static Optional<CrashCause> beyondTheTop(CrashScene s) {
    return s.faultPlace()
        .filter(p -> p.kind() == Kind.ABOVE_STACK)
        .flatMap(p ->
            cause(
                Certainty.VERY_LIKELY,
                "The code %s 0x%x, %s: very likely an address that was computed too high, for a stack"
                        .formatted(s.access(), s.faultAddress().getAsLong(), p.text())
                    + " ends at its top and is filled downwards.",
                "Look at how the address was computed: from the top, each slot is further down.",
                registers(s)));
  }

  private static Optional<CrashCause> wildPointer(CrashScene s) {
    return s.faultPlace()
        .filter(p -> p.kind() == Kind.UNMAPPED || p.kind() == Kind.NON_CANONICAL)
        .flatMap(p ->
            cause(
                Certainty.VERY_LIKELY,
                ("The code %s 0x%x, %s: very likely a pointer that was never set, was"
                        + " overwritten, or points to memory that has been given back.")
                    .formatted(
                        s.access(),
                        s.faultAddress().getAsLong(),
                        p.kind() == Kind.UNMAPPED ? "where no memory is" : p.text()),
                "Look at where the pointer got its value.",
                registers(s)));
  }

  /** x86-64's names for the lower parts of registers. */
  private static final class Narrow {
    private Narrow() {}

    /** The 64-bit register that a name is a part of; the name itself if it is none. */
    static String full(String name) {
      String letter = name.replaceFirst("^[er]", "").replaceFirst("[xlh]$", "");
      if (name.matches("r\\d+[dwb]?")) {
        return name.replaceFirst("[dwb]$", "");
      }
      if (name.matches("[er]?[abcd]x|[abcd]l")) {
        return "r" + letter + "x";
      }
      return name.matches("[er]?(si|di|bp|sp)") ? "r" + name.replaceFirst("^[er]", "") : name;
    }

    static OptionalLong value(Crash crash, String name) {
      OptionalLong value = crash.register(full(name));
      if (value.isEmpty()) {
        return OptionalLong.empty();
      }
      long bits = value.getAsLong();
      int width =
          name.matches("r\\d+|r[a-z]{2}")
              ? 64
              : name.matches("e[a-z]{2}|r\\d+d")
                  ? 32
                  : name.endsWith("l") || name.endsWith("b") ? 8 : 16;
      return OptionalLong.of(width == 64 ? bits : bits & (1L << width) - 1);
    }
  }

  /** Suspects that the crash has a value for. */
  List<String> suspects(Crash crash) {
    var known = new ArrayList<>(suspects);
    known.retainAll(crash.registers().keySet());
    return known;
  }
}
