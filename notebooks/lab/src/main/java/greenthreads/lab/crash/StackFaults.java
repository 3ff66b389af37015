package greenthreads.lab.crash;

import static greenthreads.lab.crash.AddressSpace.bytes;
import static greenthreads.lab.crash.CrashCause.certain;
import static greenthreads.lab.crash.CrashCause.possible;
import static greenthreads.lab.crash.CrashCause.veryLikely;

import greenthreads.lab.call.Mapping;
import greenthreads.lab.crash.AddressSpace.Kind;
import greenthreads.lab.crash.AddressSpace.Place;
import greenthreads.lab.isolate.HostReport.Stack;
import greenthreads.lab.machine.Isa;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/** The stack: overflown, misaligned, given back, or its pointer lost. */
final class StackFaults {
  /** How far an access can be from the stack pointer and still have to do with it. */
  private static final long NEAR = 64 * 1024;

  /** A frame of so many bytes can step over a guard page. */
  private static final long LARGE_FRAME = 4096;

  static final List<Rule> RULES =
      List.of(
          new Rule("stack alignment", StackFaults::misaligned),
          Rule.where(
              "stack alignment",
              s ->
                  s.isa == Isa.AARCH64
                      && s.is("SIGBUS")
                      && (s.sp() & 15) != 0
                      && s.operand().map(o -> o.uses("sp")).orElse(true),
              s ->
                  certain(
                      "The stack is misaligned: sp must be a multiple of 16 where it is used, and is %s above one."
                          .formatted(bytes(s.sp() & 15)),
                      "Check the stack pointer that the thread was started or resumed with.",
                      "sp")),
          Rule.where(
              "stack pointer",
              s -> s.hasNoAddress() && s.usesStack() && s.space.isNonCanonical(s.stackBase()),
              s ->
                  certain(
                      "%s is 0x%x, which is no address at all, and `%s` uses it as the stack."
                          .formatted(s.stackRegister(), s.stackBase(), s.mnemonic()),
                      "Look at where it was last set: by a switch, or from a slot that holds something"
                          + " else.",
                      s.stackRegister())),
          Rule.where(
              "stack limit",
              s ->
                  s.faultPlace().map(place -> place.kind() == Kind.STACK).orElse(false)
                      && s.space.isGrowing(s.faultAddress().getAsLong())
                      && s.usesStack(),
              StackFaults::limited),
          new Rule("stack given back", StackFaults::givenBack),
          new Rule("stack overflow", StackFaults::overflow),
          new Rule("large frame", StackFaults::largeFrame),
          new Rule("large frame", StackFaults::variableFrame),
          new Rule("stack overflow", StackFaults::unnamed),
          Rule.where(
              "lost stack pointer",
              s -> s.isStackAccess(NEAR) && !s.space.isWritable(s.faultAddress().getAsLong()),
              s ->
                  certain(
                      "The stack pointer points to memory that cannot be used (%s%s)."
                          .formatted(
                              s.space.place(s.sp()).text(),
                              s.space.mapping(s.faultAddress().getAsLong()).isPresent()
                                  ? "; it is protected, by mprotect perhaps"
                                  : ""),
                      "Look at where the stack pointer was last set.",
                      s.isa.sp)));

  private StackFaults() {}

  // ----- alignment -------------------------------------------------------------------------------

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
          "vmovntdqa",
          "fxsave",
          "fxsave64",
          "fxrstor",
          "fxrstor64",
          "cmpxchg16b");

  /** SSE moves that do not. */
  private static final Set<String> UNALIGNED =
      Set.of(
          "movups", "movupd", "movdqu", "lddqu", "movss", "movsd", "movq", "movd", "movhps",
          "movlps", "movhpd", "movlpd");

  private static Optional<CrashCause> misaligned(CrashScene s) {
    OptionalLong address = s.operand().map(Operand::address).orElse(OptionalLong.empty());
    String name = s.mnemonic();
    boolean legacy = s.line().contains("xmm") && !name.startsWith("v") && !UNALIGNED.contains(name);
    int width = s.line().contains("zmm") ? 64 : s.line().contains("ymm") ? 32 : 16;
    long off = Long.remainderUnsigned(address.orElse(0), width);
    if (!s.isGeneralProtection() || !(ALIGNED.contains(name) || legacy) || off == 0) {
      return Optional.empty();
    }
    Operand operand = s.operand().orElseThrow();
    List<String> registers = operand.registers();
    String what =
        "%s needs an address that is a multiple of %d, and [%s] is %s above one."
            .formatted(name, width, operand.text(), bytes(off));
    boolean onStack =
        width == 16 && s.isNearStack(address.getAsLong()) && operand.uses("rsp", "rbp");
    Optional<Boolean> aligned = s.isStackAligned();
    if (!onStack || aligned.orElse(false)) {
      return Optional.of(
          certain(
                  "The address is misaligned: " + what,
                  "Align the memory, or look at how the pointer was made.")
              .suspecting(registers));
    }
    String advice =
        "On entry to a function rsp must be 8 above a multiple of 16 (the call has pushed 8 bytes):"
            + " check the stack pointer that the thread was started or resumed with.";
    return Optional.of(
        (aligned.isPresent()
                ? certain("The stack is misaligned: " + what, advice)
                : veryLikely("The stack is very likely misaligned: " + what, advice))
            .suspecting(registers));
  }

  // ----- overflow --------------------------------------------------------------------------------

  /** The stack is known by its name, and where the stack pointer stands no memory is any more. */
  private static Optional<CrashCause> givenBack(CrashScene s) {
    boolean gone =
        s.faultAddress().isPresent()
            && !s.report().mappings().isEmpty()
            && s.space.mapping(s.sp()).isEmpty();
    Optional<Stack> stack = s.space.stackAt(s.sp());
    String advice =
        "Give a stack back only when nobody stands on it any more: from another one, after the"
            + " switch.";
    if (gone && s.space.functionName(s.pc.orElse(0)).equals("munmap")) {
      return Optional.of(
          veryLikely(
              "The code stands on a stack that has been given back: very likely the munmap() that it is about to return from took it away%s."
                  .formatted(stack.map(known -> " (" + known.name() + ")").orElse("")),
              advice,
              s.isa.sp));
    }
    if (!gone || stack.isEmpty() || !stack.equals(s.space.stackAt(s.faultAddress().getAsLong()))) {
      return Optional.empty();
    }
    return Optional.of(
        certain(
            "The code stands on a stack that has been given back: %s is no longer mapped."
                .formatted(stack.get().name()),
            advice,
            s.isa.sp));
  }

  /** The main stack grows as it is used, up to a limit. */
  private static CrashCause limited(CrashScene s) {
    String advice = advice(s, "Raise the limit, or use less of the stack.");
    return s.report().has("stacklimit")
        ? certain(
            "Stack overflow: the process's main stack was limited to %s (RLIMIT_STACK).%s"
                .formatted(bytes(s.report().number("stacklimit", 0).orElse(0)), repeats(s)),
            advice,
            s.isa.sp)
        : veryLikely(
            "Stack overflow: the process's main stack could not grow any further, very likely since a limit on memory (RLIMIT_AS) was reached.%s"
                .formatted(repeats(s)),
            advice,
            s.isa.sp);
  }

  private static Optional<CrashCause> overflow(CrashScene s) {
    if (s.faultPlace().isEmpty() || s.crash.sp().isEmpty()) {
      return Optional.empty();
    }
    Place place = s.faultPlace().get();
    long address = s.faultAddress().getAsLong();
    long sp = s.sp();
    boolean near = Math.abs(address - sp) <= NEAR;
    if (place.kind() == Kind.BELOW_ARGUMENT && near && s.isInArgument(sp, NEAR)) {
      return Optional.of(
          certain(
              "Stack overflow: the stack is %s, and the code %s an address %s below it.%s"
                  .formatted(place.name(), s.access(), bytes(place.distance()), repeats(s)),
              advice(s, "Make the stack larger."),
              s.isa.sp));
    }
    if (place.kind() != Kind.BELOW_STACK) {
      return Optional.empty();
    }
    Optional<Stack> other =
        s.space
            .stackAt(sp)
            .filter(own -> !own.name().equals(place.name()))
            .filter(own -> address - own.high() >= 0 && address - own.high() <= NEAR);
    if (other.isPresent()) { // stacks lie side by side
      return Optional.of(
          possible(
              ("The code %s an address %s below %s, while the stack pointer is in %s: it may be a"
                      + " pointer that ran up out of that one, or a frame of the other so large that it"
                      + " has stepped over its guard page.")
                  .formatted(s.access(), bytes(place.distance()), place.name(), other.get().name()),
              "See whose functions are on the stack: there is the pointer, or the large local array.",
              s.isa.sp));
    }
    Stack stack = s.space.stack(place.name());
    String where =
        "the code %s an address %s below %s"
            .formatted(s.access(), bytes(place.distance()), stack.name());
    if (!near || sp - stack.high() > 0 || sp < stack.low() - (1 << 20)) {
      return Optional.of(
          possible(
                  "T%s, while the stack pointer is elsewhere: it may be a pointer that ran down out of the stack."
                      .formatted(where.substring(1)),
                  "Look at how the address was worked out.")
              .suspecting(List.of(s.registers())));
    }
    String limit =
        s.report().has("stacklimit") && stack.equals(s.space.stacks().getFirst())
            ? " The code has limited it to %s (RLIMIT_STACK)."
                .formatted(bytes(s.report().number("stacklimit", 0).orElse(0)))
            : "";
    String advice =
        advice(
            s,
            "Give the thread a larger stack, or look for recursion that does not end and for large"
                + " local arrays.");
    String down = where + ", and the stack pointer is down there too." + limit + repeats(s);
    return Optional.of(
        s.usesStack() || sp < stack.low()
            ? certain("Stack overflow: " + down, advice, s.isa.sp)
            : veryLikely("Very likely a stack overflow: " + down, advice, s.isa.sp));
  }

  /** What recursion looks like: the same return addresses again and again. */
  private static String repeats(CrashScene s) {
    List<String> names = s.recursion();
    return names.isEmpty()
        ? ""
        : names.size() == 1
            ? " The frames on it repeat: `%s` calls itself again and again."
                .formatted(names.getFirst())
            : " The frames on it repeat: `%s` call each other again and again."
                .formatted(String.join("` and `", names));
  }

  private static String advice(CrashScene s, String other) {
    return s.recursion().isEmpty()
        ? other
        : "Look at the condition that is to end the recursion. If it is meant to go so deep, give"
            + " the thread a larger stack.";
  }

  /** One function takes so much stack that it steps over any guard page, into whatever is there. */
  private static Optional<CrashCause> largeFrame(CrashScene s) {
    if (!s.isStackAccess(s.frame() + LARGE_FRAME)
        || s.frame() < LARGE_FRAME
        || s.space.stackAt(s.sp()).isPresent()) {
      return Optional.empty();
    }
    String function = s.where().replaceFirst("[+ ].*", "");
    return Optional.of(
        veryLikely(
            ("It is very likely a stack overflow: `%s` takes %s of stack for its own variables, as for"
                    + " a large local array, and the stack has not got so much left.%s")
                .formatted(function, bytes(s.frame()), repeats(s)),
            advice(
                s,
                "Make the array smaller, allocate it with malloc(), or give the thread a larger stack."),
            s.isa.sp));
  }

  /** alloca(), or an array whose size the run tells: what is written to lies below the stack. */
  private static Optional<CrashCause> variableFrame(CrashScene s) {
    if (s.faultAddress().isEmpty()
        || !s.hasVariableFrame()
        || s.space.mapping(s.sp()).isPresent()) {
      return Optional.empty();
    }
    long address = s.faultAddress().getAsLong();
    return s.space.stacks().stream()
        .filter(stack -> s.sp() < stack.low() && stack.low() - s.sp() <= 1L << 32)
        .filter(stack -> address - s.sp() >= -NEAR && address < stack.low())
        .findFirst()
        .map(stack ->
            veryLikely(
                ("It is very likely a stack overflow: the stack pointer is %s below %s, and the function"
                        + " takes stack by an amount that it works out (alloca, an array of variable"
                        + " size).")
                    .formatted(bytes(stack.low() - s.sp()), stack.name()),
                "Take less, or allocate it with malloc().",
                s.isa.sp));
  }

  /** A stack that nobody named: a static array, a block of malloc's. An overflow is a write. */
  private static Optional<CrashCause> unnamed(CrashScene s) {
    if (!s.isStackAccess(NEAR)
        || !s.isWrite().orElse(true)
        || s.space.stackAt(s.sp()).isPresent()) {
      return Optional.empty();
    }
    long address = s.faultAddress().getAsLong();
    Optional<Mapping> above =
        s.space.writableAbove(address, NEAR).filter(m -> s.sp() - m.high() < 0);
    if (above.isEmpty() || s.space.isWritable(address)) {
      return Optional.empty();
    }
    boolean file = above.get().name().startsWith("/");
    return Optional.of(
        veryLikely(
            ("The stack pointer has left writable memory at its lower end: very likely a stack"
                    + " overflow, on %s.%s")
                .formatted(
                    file
                        ? "a static or global array of %s that is used as a stack"
                            .formatted(s.space.fileName(above.get()))
                        : "a stack that nobody named",
                    repeats(s)),
            advice(s, file ? "Make the array larger." : "Give the thread a larger stack."),
            s.isa.sp));
  }
}
