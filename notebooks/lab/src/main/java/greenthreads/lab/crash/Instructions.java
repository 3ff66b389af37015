package greenthreads.lab.crash;

import static greenthreads.lab.crash.CrashCause.certain;
import static greenthreads.lab.crash.CrashCause.possible;
import static greenthreads.lab.crash.CrashCause.veryLikely;

import greenthreads.lab.binary.Symbols;
import greenthreads.lab.machine.Abi;
import greenthreads.lab.machine.Isa;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/** An instruction that cannot be carried out, whatever its address. */
final class Instructions {
  private static final Set<String> PRIVILEGED =
      Set.of(
          "hlt", "cli", "sti", "in", "out", "ins", "outs", "insb", "outsb", "lgdt", "lidt", "lldt",
          "ltr", "lmsw", "invd", "wbinvd", "invlpg", "invpcid", "rdmsr", "wrmsr", "rdpmc", "xsetbv",
          "swapgs", "sysret", "sysretq", "sysexit", "iretq", "clts", "hvc", "smc", "eret", "tlbi");

  /** They load a control register from memory, and refuse bits that mean nothing. */
  private static final Set<String> LOADS_CONTROL =
      Set.of("ldmxcsr", "vldmxcsr", "fxrstor", "fxrstor64", "xrstor", "xrstor64");

  static final List<Rule> RULES =
      List.of(
          new Rule("division", Instructions::division),
          Rule.where(
              "floating point",
              s -> s.is("SIGFPE"),
              s ->
                  certain(
                      "The processor was told to trap on a floating point exception (%s), and one happened."
                          .formatted(s.code()),
                      "Look for code that changes the floating point control register.")),
          Rule.where(
              "single step",
              s -> s.is("SIGTRAP") && s.flag(8),
              s ->
                  certain(
                      "The processor was single-stepping (the trap flag is set), and nothing handled the step.",
                      "Install the handler before setting the flag.",
                      "rflags")),
          Rule.where(
              "padding",
              s ->
                  s.is("SIGTRAP") && s.isa.isBreakpoint(s.code(4)) && functionBefore(s).isPresent(),
              s ->
                  veryLikely(
                      "It ran into the padding after a function (%s): very likely a ret is missing at its end."
                          .formatted(functionBefore(s).orElseThrow().name()),
                      "End the function with ret.",
                      s.isa.pc)),
          Rule.where(
              "never reached",
              s -> s.is("SIGILL", "SIGTRAP") && s.isa.isNeverReached(s.code(4)),
              s ->
                  veryLikely(
                      "It came to a place that the compiler had marked as never reached: very likely a"
                          + " function with a result that ends without return, a null pointer that the"
                          + " compiler saw coming, or __builtin_trap() or __builtin_unreachable().",
                      "Compile with -Wall and read the warnings for this function.")),
          Rule.where(
              "trap",
              s -> s.is("SIGTRAP"),
              s ->
                  certain(
                      s.isa.isBreakpoint(s.code(4))
                          ? "It came to a breakpoint instruction, %s."
                              .formatted(s.isa == Isa.X86_64 ? "int3" : "brk")
                          : "It came to a trap instruction.",
                      "Remove the breakpoint, or run it under a debugger.",
                      s.isa.pc)),
          // Code does not consist of zeros; what follows the last function often does.
          Rule.where(
              "zero bytes",
              s -> s.isFault() && s.isCode() && isZeros(s),
              s ->
                  veryLikely(
                      "It ran on into zero bytes, past the end of the code: very likely a ret is"
                          + " missing, or a jump went astray.",
                      "See that each function ends with ret.",
                      s.isa.pc)),
          Rule.where(
              "privileged",
              Instructions::isPrivileged,
              s ->
                  certain(
                      "%s is for the operating system itself only.".formatted(shortened(s)),
                      "Leave the instruction out.")),
          Rule.where(
              "illegal instruction",
              s -> s.is("SIGILL"),
              s ->
                  possible(
                      "The bytes there are no instruction that this processor carries out: it may have"
                          + " jumped into data or into the middle of an instruction, or the code may be"
                          + " for a newer processor.",
                      "Look at how control came here.",
                      s.isa.pc)),
          Rule.where(
              "alignment check",
              s -> s.is("SIGBUS") && s.trap() == 17 && s.flag(18),
              s ->
                  certain(
                      "The processor was told to check alignment (the AC flag is set), and the address of `%s` is no multiple of its size."
                          .formatted(s.mnemonic()),
                      "Clear bit 18 of the flags, or let whoever sets it keep to aligned addresses.",
                      "rflags")),
          Rule.where(
              "time stamp",
              s -> s.hasNoAddress() && s.mnemonic().startsWith("rdtsc"),
              s ->
                  certain(
                      "%s is switched off for this process (PR_SET_TSC).".formatted(s.mnemonic()),
                      "Read the time with clock_gettime().")),
          Rule.where(
              "control register",
              s -> s.hasNoAddress() && LOADS_CONTROL.contains(s.mnemonic()) && isPlain(s),
              s ->
                  veryLikely(
                      "%s refused what it was to load: very likely bits of it are set that must be 0."
                          .formatted(s.mnemonic()),
                      "Load only what %s has stored."
                          .formatted(s.mnemonic().replace("ldm", "stm").replace("rstor", "save")),
                      s.registers())),
          Rule.where(
              "interrupt",
              s -> s.hasNoAddress() && s.mnemonic().equals("int"),
              s ->
                  certain(
                      "`%s` calls an interrupt that programs may not call.".formatted(shortened(s)),
                      "Call the system with syscall.")),
          Rule.where(
              "segment",
              s -> s.hasNoAddress() && s.line().matches("(mov|pop)\\s+[defgs]s\\b.*"),
              s ->
                  certain(
                      "`%s` loads a segment register with what is no segment."
                          .formatted(shortened(s)),
                      "Leave the segment registers alone.")));

  private Instructions() {}

  private static String shortened(CrashScene s) {
    return s.line().replaceAll("\\s+", " ");
  }

  private static boolean isPrivileged(CrashScene s) {
    boolean refused = s.isGeneralProtection() || s.is("SIGILL");
    boolean special = s.line().matches("mov\\s.*\\b[cd]r\\d+\\b.*|(mrs|msr)\\s.*_el[123]\\b.*");
    return refused && (PRIVILEGED.contains(s.mnemonic()) || special);
  }

  /** Whether the operand's address is one that can be accessed: then it is what lies there. */
  private static boolean isPlain(CrashScene s) {
    OptionalLong address = s.operand().map(Operand::address).orElse(OptionalLong.empty());
    boolean aligned = s.mnemonic().contains("mxcsr") || address.orElse(1) % 16 == 0;
    return address.isPresent() && !s.space.isNonCanonical(address.getAsLong()) && aligned;
  }

  private static boolean isZeros(CrashScene s) {
    byte[] code = s.code(4);
    return code.length == 4 && s.isa.isZeros(code) && code[2] == 0 && code[3] == 0;
  }

  /** The function that ends before the place where it happened, if that is in none. */
  private static Optional<Symbols.Symbol> functionBefore(CrashScene s) {
    long pc = s.pc.orElse(0);
    return s.space
        .file(pc)
        .flatMap(file -> {
          Symbols symbols = s.space.symbols(file);
          long offset = pc - s.space.base(file.toString());
          return symbols.at(offset).isPresent()
              ? Optional.empty()
              : symbols.before(offset).filter(f -> f.size() > 0);
        });
  }

  private static Optional<CrashCause> division(CrashScene s) {
    if (!s.is("SIGFPE") || !s.code().equals("FPE_INTDIV")) {
      return Optional.empty();
    }
    String divisor = s.instruction().map(i -> i.operands().strip()).orElse("");
    OptionalLong value = s.value(divisor);
    String register = Abi.X86_64.whole(divisor);
    if (value.isEmpty()) {
      return Optional.of(
          veryLikely(
              "It is very likely an integer division by zero; a quotient that does not fit its"
                  + " register, such as that of the smallest integer and -1, ends the same way.",
              "Check the divisor before dividing."));
    }
    if (value.getAsLong() == 0) {
      return Optional.of(
          certain(
              "It is an integer division by zero: %s is 0.".formatted(s.shown(divisor)),
              "Check the divisor before dividing.",
              register));
    }
    boolean smallest = s.mnemonic().equals("idiv") && value.getAsLong() == s.minusOne(divisor);
    return Optional.of(
        smallest && s.isSmallestDividend(divisor)
            ? certain(
                "The quotient does not fit its register: the smallest integer was divided by -1.",
                "Check for that case before dividing.",
                register)
            : certain(
                "The quotient does not fit its register: the dividend has two registers (%s), and its"
                        .formatted(s.dividend(divisor))
                    + " upper half is too large for a division by 0x%x."
                        .formatted(value.getAsLong()),
                "Before div set the upper half to 0, before idiv to the sign (cdq, cqo).",
                "rdx",
                register));
  }
}
