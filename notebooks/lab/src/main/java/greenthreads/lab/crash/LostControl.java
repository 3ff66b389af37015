package greenthreads.lab.crash;

import static greenthreads.lab.crash.CrashCause.certain;
import static greenthreads.lab.crash.CrashCause.veryLikely;

import greenthreads.lab.crash.AddressSpace.Kind;
import greenthreads.lab.crash.AddressSpace.Place;
import greenthreads.lab.machine.Isa;
import java.util.List;
import java.util.OptionalLong;

/** Control went where there is no code: by a return, a jump or a call. */
final class LostControl {
  static final List<Rule> RULES =
      List.of(
          // Linux's word for a control protection fault.
          Rule.where(
              "shadow stack",
              s -> s.code().equals("SEGV_CPERR"),
              s ->
                  certain(
                      "The return address on the stack is not the one that the processor keeps on its"
                          + " shadow stack: the stack was switched, or the address forged or"
                          + " overwritten.",
                      "Switch the shadow stack together with the stack, or run without one.",
                      s.isa.sp)),
          Rule.where(
              "longjmp",
              LostControl::isLongjmp,
              s ->
                  veryLikely(
                      "It goes on at 0x%x with the stack pointer 0x%x, and neither is an address that can be used: very likely longjmp() was given a buffer that setjmp() has not filled, or that was overwritten."
                          .formatted(target(s).orElse(0), s.crash.sp().orElse(0)),
                      "Call setjmp() with that buffer first, and let nobody write to it.",
                      s.isa.sp)),
          Rule.where(
              "left register",
              s -> s.isMark(target(s).orElse(0)),
              s ->
                  certain(
                      "It goes on where %s says, which the code has not set: it holds what it held before the call."
                          .formatted(s.markedRegister()),
                      "Set the register first, or restore it from where it was saved.",
                      s.markedRegister())),
          Rule.where(
              "ret",
              s -> s.isReturn() && s.hasNoAddress() && isNoAddress(s, top(s)),
              s ->
                  certain(
                      ("ret took its return address from the top of the stack, and what is there (0x%x)"
                              + " is no address: the stack pointer is not where it was on entry, or the"
                              + " return address was overwritten.")
                          .formatted(top(s).getAsLong()),
                      "Compare every push with its pop, and look at what is written to the stack.",
                      "rsp")),
          Rule.where(
              "jump to no address",
              s -> s.isGeneralProtection() && isNoAddress(s, target(s)),
              LostControl::jumpToNoAddress),
          Rule.where(
              "instruction alignment",
              s -> s.isa == Isa.AARCH64 && s.is("SIGBUS") && (s.pc.orElse(0) & 3) != 0,
              s ->
                  certain(
                      "It jumped to 0x%x, where no instruction can begin: that is no multiple of 4%s."
                          .formatted(s.pc.orElse(0), arrival(s)),
                      "Look at where that number comes from.",
                      "pc")),
          Rule.where("jump", CrashScene::isFetch, LostControl::jump));

  private LostControl() {}

  private static boolean isNoAddress(CrashScene s, OptionalLong value) {
    return value.isPresent() && s.space.isNonCanonical(value.getAsLong());
  }

  private static OptionalLong top(CrashScene s) {
    return s.crash.sp().isPresent()
        ? s.report().wordAt(s.crash.sp().getAsLong())
        : OptionalLong.empty();
  }

  /** Where a jump or a call goes on; the place it is at, if it has gone there already. */
  private static OptionalLong target(CrashScene s) {
    return s.isFetch() ? s.pc : s.crash.register(s.jumpRegister());
  }

  /**
   * Both come out of the buffer: the stack pointer and the place. C libraries hide them in it, so
   * that of an empty one neither is 0.
   */
  private static boolean isLongjmp(CrashScene s) {
    OptionalLong target = target(s);
    long sp = s.crash.sp().orElse(0);
    return s.isFault()
        && (s.isFetch() || s.isGeneralProtection())
        && target.isPresent()
        && !s.space.isExecutable(target.getAsLong())
        && s.space.mapping(sp).isEmpty()
        && !s.space.stackAt(sp).isPresent()
        && s.libraryNames(
            "longjmp", "_longjmp", "siglongjmp", "__longjmp_chk", "setcontext", "swapcontext");
  }

  private static CrashCause jumpToNoAddress(CrashScene s) {
    long target = target(s).getAsLong();
    String register = s.jumpRegister();
    OptionalLong below = s.report().wordAt(s.crash.sp().orElse(0) - 8);
    String what =
        "It goes on where %s says, and 0x%x is no address at all: ".formatted(register, target);
    return below.isPresent() && below.getAsLong() == target
        ? certain(
            what
                + "it was taken off the stack as a return address, so the stack was overwritten, or"
                + " the stack pointer is not where it was",
            "Look at who else may have written to this stack while it waited.",
            register,
            "rsp")
        : certain(
            what + "a function pointer that was never set, or was overwritten",
            "Look at where the register got its value.",
            register);
  }

  private static CrashCause jump(CrashScene s) {
    long pc = s.pc.getAsLong();
    Place place = s.space.place(pc);
    String how = arrival(s);
    boolean data =
        List.of(Kind.STACK, Kind.ARGUMENT, Kind.DATA, Kind.CONSTANT).contains(place.kind());
    if (place.kind() == Kind.NULL) {
      return certain(
          "It jumped to %s%s.".formatted(place.text(), how),
          "Look for a function pointer or a return address that was never set.",
          s.isa.pc);
    }
    if (data) {
      return certain(
          "It tried to run data as code: 0x%x is %s%s.".formatted(pc, place.text(), how),
          "Check that the address is a function's, and not that of a variable that holds it.",
          s.isa.pc);
    }
    return how.isEmpty() && (pc & 0xfff) == 0 && s.space.isExecutable(pc - 1)
        ? veryLikely(
            "It ran off the end of the code: very likely a ret is missing.",
            "See that each function ends with ret.",
            s.isa.pc)
        : certain(
            "It jumped to 0x%x, where there is no code (%s)%s.".formatted(pc, place.text(), how),
            "Look at where that number comes from: a forged or overwritten return address, or a"
                + " function pointer.",
            s.isa.pc);
  }

  /** How control got to where it is, if the stack or the link register still shows it. */
  private static String arrival(CrashScene s) {
    long pc = s.pc.orElse(0);
    boolean x86 = s.isa == Isa.X86_64;
    OptionalLong back = x86 ? top(s) : s.crash.register("x30");
    OptionalLong taken = x86 ? s.report().wordAt(s.sp() - 8) : back;
    boolean returned = taken.isPresent() && taken.getAsLong() == pc;
    if (returned && (pc != 0 || !x86)) {
      return "; very likely by a ret, since "
          + (x86
              ? "that is the word right below rsp, just taken off the stack"
              : "the link register x30 holds the same");
    }
    String by = in(s, back.orElse(0));
    return switch (back.isPresent() ? s.callBefore(back.getAsLong()) : Isa.Call.NONE) {
      // The host has called what it was asked to call.
      case INDIRECT ->
          by.startsWith(" in host_call")
              ? "; very likely by a jump through a function pointer"
                  + (returned ? " or by a ret" : "")
              : "; very likely by a call through a function pointer" + by;
      case DIRECT ->
          "; very likely by a jump (a tail call) through a function pointer, in what was called"
              + by.replaceFirst("^ in ", " by ");
      case NONE -> // zeros lie everywhere
          returned ? "; perhaps by a ret, since the word right below rsp is 0 too" : "";
    };
  }

  private static String in(CrashScene s, long caller) {
    String name = s.space.functionName(caller - 1);
    return name.isEmpty() ? "" : " in " + name;
  }
}
