package greenthreads.lab.crash;

import greenthreads.lab.compile.Disassembler.Instruction;
import greenthreads.lab.machine.Isa;
import java.util.List;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a function has done to the stack before the place where it failed, as its instructions say.
 *
 * @param taken how many bytes it takes for its own variables
 * @param variable whether it also takes what only the run tells, as alloca() does
 * @param sinceEntry how far the stack pointer is below where it was on entry; empty if they do not
 *     say
 */
record Frame(long taken, OptionalLong sinceEntry, boolean variable) {
  private static final Pattern X86 = Pattern.compile("sub\\s+rsp,0x([0-9a-f]+)");
  private static final Pattern ARM = Pattern.compile("sub\\s+sp, sp, #0x([0-9a-f]+)(, lsl #12)?");

  /** In small steps with a probe after each: where they end is worked out first. */
  private static final Pattern PROBED = Pattern.compile("lea\\s+r11,\\[rsp-0x([0-9a-f]+)\\]");

  private static final Pattern UP = Pattern.compile("add\\s+rsp,0x([0-9a-f]+)");

  private static final Pattern VARIABLE = Pattern.compile("sub\\s+(rsp,r|sp, (sp, )?x).*");

  /** What sets the stack pointer by something else than a constant, or ends another way through. */
  private static final Pattern UNCLEAR =
      Pattern.compile(
          "ret\\b.*|leave\\b.*|popf.*|pushf.*|(mov|and|or|lea|sub|add|xchg)\\s+[er]?sp\\b.*");

  /**
   * @param instructions a function's, from its first one
   * @param at the address of the one that failed
   */
  static Frame before(long at, List<Instruction> instructions, Isa isa) {
    long taken = 0;
    long probed = 0;
    long depth = 0;
    boolean variable = false;
    boolean clear = isa == Isa.X86_64;
    for (Instruction i : instructions) {
      if (i.offset() > at) {
        break;
      }
      String text = i.text();
      Matcher down = (isa == Isa.X86_64 ? X86 : ARM).matcher(text);
      Matcher end = PROBED.matcher(text);
      Matcher up = UP.matcher(text);
      if (down.find()) {
        long bytes = Long.parseUnsignedLong(down.group(1), 16);
        taken += isa == Isa.AARCH64 && down.group(2) != null ? bytes << 12 : bytes;
        depth += bytes;
      } else if (isa == Isa.X86_64 && end.find()) {
        probed = Long.parseUnsignedLong(end.group(1), 16);
      } else if (up.matches()) {
        depth -= Long.parseUnsignedLong(up.group(1), 16);
      } else if (i.offset() < at) {
        variable |= VARIABLE.matcher(text).matches();
        clear &= !UNCLEAR.matcher(text).matches();
        depth += i.mnemonic().equals("push") ? 8 : i.mnemonic().equals("pop") ? -8 : 0;
      }
    }
    return new Frame(
        Math.max(taken, probed), clear ? OptionalLong.of(depth) : OptionalLong.empty(), variable);
  }
}
