package greenthreads.lab.crash;

import static greenthreads.lab.crash.CrashCause.certain;
import static greenthreads.lab.crash.CrashCause.possible;
import static greenthreads.lab.crash.CrashCause.veryLikely;

import greenthreads.lab.crash.AddressSpace.Kind;
import greenthreads.lab.isolate.Crash;
import java.util.List;
import java.util.Optional;

/** An address that cannot be accessed: what lies there, and what it may have been. */
final class Addresses {
  private static final String SOURCE = "Look at where the register got its value.";

  /** A system's pages have this size, or a multiple of it. */
  private static final int PAGE = 4096;

  static final List<Rule> RULES =
      List.of(
          Rule.where(
              "thread pointer",
              s -> s.isThreadAccess() || s.lostThreadPointer().isPresent() && isAt(s, Kind.NULL),
              Addresses::threadPointer),
          Rule.where(
              "left register",
              s -> s.isFault() && s.operand().isPresent() && !s.markedRegister().isEmpty(),
              s ->
                  certain(
                      "The address is made from %s, which the code has not set: it holds what it held before the call."
                          .formatted(s.markedRegister()),
                      "Set the register first, or restore it from where it was saved.",
                      s.markedRegister())),
          Rule.where(
              "no address",
              s ->
                  s.hasNoAddress()
                      && s.operandAddress().isPresent()
                      && s.space.isNonCanonical(s.operandAddress().getAsLong()),
              s ->
                  certain(
                      ("[%s] is 0x%x, which is no address at all: the pointer was never set, was"
                              + " overwritten or computed wrongly, or is a number that was taken for one.")
                          .formatted(
                              s.operand().orElseThrow().text(), s.operandAddress().getAsLong()),
                      SOURCE,
                      s.registers())),
          Rule.where(
              "argument",
              s -> isAt(s, Kind.BELOW_ARGUMENT, Kind.ABOVE_ARGUMENT),
              s ->
                  veryLikely(
                      "The code %s an address %s: very likely an index or a pointer that left it."
                          .formatted(s.access(), s.place()),
                      "Compare the size that was allocated with what the code uses.",
                      s.registers())),
          new Rule("null", Addresses::nullPointer),
          Rule.where(
              "null",
              s -> s.faultAddress().orElse(-5000) >= -4096 && s.faultAddress().getAsLong() < 0,
              s ->
                  veryLikely(
                      "The code %s null - %d: very likely a null pointer, and an offset that goes down from it."
                          .formatted(s.access(), -s.faultAddress().getAsLong()),
                      "Look at where the pointer comes from.",
                      s.registers())),
          Rule.where(
              "kernel address",
              s -> s.crash.details().stored() != null && isAt(s, Kind.UNMAPPED),
              s -> {
                Crash.Stored stored = s.crash.details().stored();
                return veryLikely(
                    ("The code %s 0x%x; a pointer to there is stored in argument %d's memory (at offset"
                            + " %d): very likely an address of the notebook's own process, which means"
                            + " nothing in this one. Only arguments themselves are translated.")
                        .formatted(
                            s.access(),
                            s.faultAddress().getAsLong(),
                            stored.index() + 1,
                            stored.offset()),
                    "Set that pointer in C, or make the call without isolating it.",
                    s.registers());
              }),
          Rule.where(
              "kernel address",
              s -> isAt(s, Kind.KERNEL),
              s ->
                  veryLikely(
                      ("The address is %s: very likely a pointer that was stored inside an argument's"
                              + " memory. Only arguments themselves are translated for the isolated"
                              + " process.")
                          .formatted(s.place()),
                      "Set that pointer in C, or make the call without isolating it.",
                      s.registers())),
          Rule.where(
              "ran up",
              s -> isWrite(s) && isAt(s, Kind.CONSTANT, Kind.CODE) && s.isRightAboveWritable(),
              s ->
                  veryLikely(
                      "The code writes to %s, right above memory that may be written: very likely an index or a pointer that ran up out of that."
                          .formatted(s.place()),
                      "Compare the size that was allocated with what the code uses.",
                      s.registers())),
          Rule.where(
              "read-only",
              s -> isWrite(s) && isAt(s, Kind.CODE),
              s ->
                  certain(
                      "The code writes to code: %s may be read and run, but not written."
                          .formatted(s.place().replaceFirst("^code: ", "")),
                      "Look at how the address was worked out.",
                      s.registers())),
          Rule.where(
              "read-only",
              s -> isWrite(s) && isAt(s, Kind.CONSTANT),
              s ->
                  s.faultPlace().orElseThrow().name().isEmpty()
                      ? certain(
                          "The code writes to %s: it was mapped or protected so (mmap, mprotect)."
                              .formatted(s.place()),
                          "Allow writing with PROT_WRITE, or look at how the address was worked out.",
                          s.registers())
                      : certain(
                          "The code writes to %s, such as a string literal or a const variable."
                              .formatted(s.place()),
                          "Copy it to an array of your own first: char text[] = \"…\".",
                          s.registers())),
          Rule.where(
              "read-only",
              s -> isWrite(s) && isAt(s, Kind.ARGUMENT),
              s ->
                  certain(
                      "The code writes to %s, which is read-only."
                          .formatted(s.faultPlace().orElseThrow().name()),
                      "Pass a segment that may be written.",
                      s.registers())),
          Rule.where(
              "past a file",
              s -> s.is("SIGBUS") && s.code().equals("BUS_ADRERR") && s.isInFile(),
              s ->
                  certain(
                      "The memory belongs to a file that is shorter than what is mapped of it: it was"
                          + " cut afterwards, or mapped beyond its end.",
                      "Compare the file's size with what is mapped.",
                      s.registers())),
          Rule.where(
              "no access",
              s -> isAt(s, Kind.NO_ACCESS),
              s ->
                  possible(
                      "The code %s %s: it may be a stack that overflowed into its guard page."
                          .formatted(s.access(), s.place()),
                      "Name your stacks with lab_stack(), and the report can tell which it is.",
                      s.registers())),
          // The first byte of a page is where a loop meets the end of what is mapped, too.
          Rule.where(
              "past the top",
              s -> isAt(s, Kind.ABOVE_STACK) && s.faultAddress().getAsLong() % PAGE == 0,
              s ->
                  possible(
                      ("The code %s 0x%x, %s: it may be a loop or a copy that ran on upwards until the"
                              + " memory ended, or an address that was computed too high.")
                          .formatted(s.access(), s.faultAddress().getAsLong(), s.place()),
                      "Look at the size or the condition that is to end it, and at how the address was"
                          + " computed.",
                      s.registers())),
          Rule.where(
              "beyond the top",
              s -> isAt(s, Kind.ABOVE_STACK),
              s ->
                  veryLikely(
                      ("The code %s 0x%x, %s: very likely an address that was computed too high, for a"
                              + " stack ends at its top and is filled downwards.")
                          .formatted(s.access(), s.faultAddress().getAsLong(), s.place()),
                      "Look at how the address was computed: from the top, each slot is further down.",
                      s.registers())),
          Rule.where(
              "wild pointer",
              s -> isAt(s, Kind.UNMAPPED, Kind.NON_CANONICAL),
              s ->
                  veryLikely(
                      ("The code %s 0x%x, %s: very likely a pointer that was never set, was overwritten,"
                              + " or points to memory that has been given back; or an index far out.")
                          .formatted(
                              s.access(),
                              s.faultAddress().getAsLong(),
                              isAt(s, Kind.UNMAPPED) ? "where no memory is" : s.place()),
                      "Look at where the pointer got its value.",
                      s.registers())));

  private Addresses() {}

  private static boolean isAt(CrashScene s, Kind... kinds) {
    return s.faultPlace().map(place -> List.of(kinds).contains(place.kind())).orElse(false);
  }

  private static boolean isWrite(CrashScene s) {
    return s.isWrite().orElse(false);
  }

  private static CrashCause threadPointer(CrashScene s) {
    String advice = "Leave %s alone, or put back what was there.".formatted(s.threadRegister());
    return s.lostThreadPointer().isPresent()
        ? certain(
            "The thread pointer (%s) is 0x%x, which is not the thread's own: all that is kept for a thread is found by it."
                .formatted(s.threadRegister(), s.lostThreadPointer().getAsLong()),
            advice)
        : veryLikely(
            "The address counts from the thread pointer (%s), which is very likely not the thread's own any more."
                .formatted(s.threadRegister()),
            advice);
  }

  private static Optional<CrashCause> nullPointer(CrashScene s) {
    if (!isAt(s, Kind.NULL)) {
      return Optional.empty();
    }
    List<String> zero =
        List.of(s.registers()).stream().filter(r -> s.crash.register(r).orElse(-1) == 0).toList();
    long offset = s.faultPlace().orElseThrow().distance();
    boolean worked = s.registers().length > 0 && zero.isEmpty(); // out of values that are not 0
    if (offset == 0 && !worked) {
      return Optional.of(
          certain(
                  "The code %s through a null pointer%s."
                      .formatted(s.verb(), zero.isEmpty() ? "" : ": " + zero.getFirst() + " is 0"),
                  "Look at where the pointer comes from.")
              .suspecting(zero));
    }
    String what =
        " a null pointer%s: the code %s offset %d of it, a struct's member or an array's element."
            .formatted(zero.isEmpty() ? "" : " (" + zero.getFirst() + " is 0)", s.access(), offset);
    String advice = "Look at where the pointer comes from.";
    return Optional.of(
        zero.isEmpty()
            ? veryLikely(
                "It is very likely"
                    + what.replaceFirst("\\.$", "; or a small number was taken for a pointer."),
                advice,
                s.registers())
            : certain("It is" + what, advice).suspecting(zero));
  }
}
