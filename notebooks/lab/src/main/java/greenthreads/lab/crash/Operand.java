package greenthreads.lab.crash;

import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.isolate.Crash;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The memory operand of an instruction: what stands in brackets.
 *
 * @param segment x86-64: what the address counts from, {@code fs}; empty if from 0
 * @param text as the disassembler wrote it, without the brackets
 * @param registers those that its address is made of, in order
 * @param address the address that they gave; empty where it cannot be worked out
 */
record Operand(String segment, String text, List<String> registers, OptionalLong address) {
  /** In brackets, or as an address in the instruction itself: {@code ds:0x0}, {@code fs:0x28}. */
  private static final Pattern MEMORY =
      Pattern.compile("(?:([defgs]s):)?\\[([^\\]]+)\\]|\\b([defgs]s):(0x[0-9a-f]+)");

  private static final Pattern TERM =
      Pattern.compile("([+-]?)\\s*(?:(0x[0-9a-f]+)|([a-z][a-z0-9]*)(?:\\*([1248]))?)");

  /** Reads an instruction's operand; registers get their values from the crash. */
  static Optional<Operand> of(Disassembler.Instruction instruction, Crash crash) {
    Matcher memory = MEMORY.matcher(instruction.text());
    if (instruction.mnemonic().equals("lea") || !memory.find()) {
      return Optional.empty();
    }
    boolean absolute = memory.group(4) != null;
    String segment = absolute ? memory.group(3) : memory.group(1) == null ? "" : memory.group(1);
    String inside = memory.group(absolute ? 4 : 2);
    return Optional.of(
        crash.isX86()
            ? x86(inside, segment.replaceFirst("[des]s", ""), instruction, crash)
            : aarch64(inside, crash));
  }

  private static Operand x86(
      String inside, String segment, Disassembler.Instruction instruction, Crash crash) {
    var registers = new ArrayList<String>();
    long sum = 0;
    // fs and gs have bases of their own, which nobody recorded.
    boolean known = segment.isEmpty();
    Matcher terms = TERM.matcher(inside);
    while (terms.find()) {
      long value;
      if (terms.group(2) != null) {
        value = Long.parseUnsignedLong(terms.group(2).substring(2), 16);
      } else {
        String name = terms.group(3);
        OptionalLong register = crash.register(name);
        known &= register.isPresent();
        registers.add(name);
        value = register.orElse(0) * (terms.group(4) == null ? 1 : terms.group(4).charAt(0) - '0');
        if (name.equals("rip")) {
          value += instruction.length();
        }
      }
      sum += terms.group(1).equals("-") ? -value : value;
    }
    return new Operand(
        segment,
        inside,
        List.copyOf(registers),
        known ? OptionalLong.of(sum) : OptionalLong.empty());
  }

  /**
   * {@code x0}, {@code sp, #16}, {@code x0, x1, lsl #3}: the address itself comes with the fault.
   */
  private static Operand aarch64(String inside, Crash crash) {
    var registers = new ArrayList<String>();
    for (String term : inside.split("[\\s,]+")) {
      if (crash.register(term).isPresent()) {
        registers.add(term);
      }
    }
    return new Operand("", inside, List.copyOf(registers), OptionalLong.empty());
  }

  boolean uses(String... names) {
    return registers.stream().anyMatch(List.of(names)::contains);
  }
}
