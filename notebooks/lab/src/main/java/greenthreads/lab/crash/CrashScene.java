package greenthreads.lab.crash;

import greenthreads.lab.binary.Symbols;
import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.compile.Disassembler.Instruction;
import greenthreads.lab.crash.AddressSpace.Place;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.isolate.HostReport;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A crash with everything that can be worked out from it: what the rules for its cause look at. */
final class CrashScene {
  private static final int SHOWN_BEFORE = 6;
  private static final int SHOWN_AFTER = 4;

  /** The host puts these values, and those right above, into callee-saved registers. */
  private static final long PLACED = 0x5afe5afe5afe5a00L;

  final Crash crash;
  final AddressSpace space;

  /** Around the place where it happened; addresses are those of the process. */
  final List<Instruction> instructions;

  /** The address of the instruction that the signal is about. */
  final OptionalLong pc;

  private final Disassembler disassembler;
  private long frame;

  CrashScene(Crash crash, Disassembler disassembler) {
    this.crash = crash;
    this.space = new AddressSpace(crash);
    this.disassembler = disassembler;
    this.pc = instructionAddress(crash);
    this.instructions = pc.isPresent() ? disassemble(pc.getAsLong()) : List.of();
  }

  /**
   * How many bytes of stack the running function had taken before the place where it happened, as
   * its instructions say.
   */
  long frame() {
    return frame;
  }

  /** What instructions that move the stack pointer down by a constant take. */
  private static final class Frame {
    private static final Pattern X86 = Pattern.compile("sub\\s+rsp,0x([0-9a-f]+)");
    private static final Pattern ARM = Pattern.compile("sub\\s+sp, sp, #0x([0-9a-f]+)(, lsl #12)?");

    /** In small steps with a probe after each: where they end is worked out first. */
    private static final Pattern PROBED = Pattern.compile("lea\\s+r11,\\[rsp-0x([0-9a-f]+)\\]");

    static long before(long at, List<Instruction> instructions, boolean x86) {
      long taken = 0;
      long probed = 0;
      for (Instruction i : instructions) {
        if (i.offset() > at) {
          break;
        }
        Matcher down = (x86 ? X86 : ARM).matcher(i.text());
        Matcher end = PROBED.matcher(i.text());
        if (down.find()) {
          long bytes = Long.parseUnsignedLong(down.group(1), 16);
          taken += !x86 && down.group(2) != null ? bytes << 12 : bytes;
        } else if (x86 && end.find()) {
          probed = Long.parseUnsignedLong(end.group(1), 16);
        }
      }
      return Math.max(taken, probed);
    }
  }

  /** For tests: the instructions are given. */
  CrashScene(Crash crash, List<Instruction> instructions) {
    this.crash = crash;
    this.space = new AddressSpace(crash);
    this.disassembler = Disassembler.none();
    this.pc = instructionAddress(crash);
    this.instructions = instructions;
    this.frame = pc.isPresent() ? Frame.before(pc.getAsLong(), instructions, crash.isX86()) : 0;
  }

  /** After int3 the processor has already moved on by its one byte. */
  private static OptionalLong instructionAddress(Crash crash) {
    OptionalLong pc = crash.pc();
    if (pc.isPresent() && crash.isX86() && crash.signal().equals("SIGTRAP")) {
      byte[] before = crash.report().bytes(pc.getAsLong() - 1, 1);
      if (before.length == 1 && before[0] == (byte) 0xcc) {
        return OptionalLong.of(pc.getAsLong() - 1);
      }
    }
    return pc;
  }

  private List<Instruction> disassemble(long at) {
    if (!space.isExecutable(at)) {
      return List.of();
    }
    Optional<Path> file = space.file(at);
    var found = new ArrayList<Instruction>();
    if (file.isPresent()) {
      long base = space.base(file.get().toString());
      long offset = at - base;
      long start =
          space
              .symbols(file.get())
              .at(offset)
              .map(Symbols.Symbol::start)
              .filter(first -> offset - first <= 8192)
              .orElse(crash.isX86() ? offset : offset - 4 * SHOWN_BEFORE);
      for (Instruction i :
          disassembler.library(file.get(), start, offset + 48, crash.isa(), isOurs(file.get()))) {
        found.add(new Instruction(i.offset() + base, i.bytes(), i.text(), i.source()));
      }
    }
    if (found.stream().noneMatch(i -> i.offset() == at)) {
      byte[] code = crash.report().bytes(at, 48);
      found.clear();
      found.addAll(disassembler.bytes(code, at, crash.isa()));
      if (found.isEmpty() && code.length > 0) {
        int length = crash.isX86() ? Math.min(15, code.length) : Math.min(4, code.length);
        found.add(Disassembler.raw(java.util.Arrays.copyOf(code, length), at));
      }
    }
    frame = Frame.before(at, found, crash.isX86());
    int index = 0;
    while (index < found.size() && found.get(index).offset() != at) {
      index++;
    }
    String function = functionName(at);
    return found
        .subList(Math.max(0, index - SHOWN_BEFORE), Math.min(found.size(), index + SHOWN_AFTER + 1))
        .stream()
        .filter(i -> functionName(i.offset()).equals(function))
        .toList();
  }

  private String functionName(long address) {
    return space.function(address).orElse("").replaceFirst("\\+0x.*", "");
  }

  /** Whether it is the library that was called, as against one of the system's. */
  private boolean isOurs(Path file) {
    return file.getFileName().equals(crash.details().library().getFileName());
  }

  /** Whether the process was in the operating system's kernel: waiting, or about to return. */
  boolean isInSystemCall() {
    if (pc.isEmpty()) {
      return false;
    }
    int length = crash.isX86() ? 2 : 4;
    byte[] before = report().bytes(pc.getAsLong() - length, length);
    if (before.length < length) {
      return false;
    }
    return crash.isX86()
        ? before[0] == 0x0f && before[1] == 0x05 // syscall
        : (before[3] & 0xff) == 0xd4 && before[2] == 0 && (before[0] & 0x1f) == 1; // svc
  }

  HostReport report() {
    return crash.report();
  }

  Optional<Instruction> instruction() {
    return instructions.stream()
        .filter(i -> pc.isPresent() && i.offset() == pc.getAsLong())
        .findFirst();
  }

  String mnemonic() {
    return instruction().map(Instruction::mnemonic).orElse("");
  }

  Optional<Operand> operand() {
    return instruction().flatMap(i -> Operand.of(i, crash));
  }

  /** The machine code at the instruction, as far as it could be read. */
  byte[] code(int count) {
    return pc.isEmpty() ? new byte[0] : report().bytes(pc.getAsLong(), count);
  }

  boolean is(String signal) {
    return crash.signal().equals(signal);
  }

  /** The signal's reason as the system gives it: SEGV_MAPERR, SI_KERNEL. */
  String code() {
    String[] words = report().word("code").split(" ");
    return words[words.length - 1];
  }

  /** x86-64: a general protection fault, which names no address. */
  boolean isGeneralProtection() {
    return crash.isX86()
        && (report().number("trap", 0).orElse(0) == 13
            || is("SIGSEGV") && code().equals("SI_KERNEL"));
  }

  /** The address that could not be accessed; empty if it is not known. */
  OptionalLong faultAddress() {
    boolean fault = is("SIGSEGV") || is("SIGBUS");
    return fault && !isGeneralProtection() ? crash.address() : OptionalLong.empty();
  }

  Optional<Place> faultPlace() {
    return faultAddress().isPresent()
        ? Optional.of(space.place(faultAddress().getAsLong()))
        : Optional.empty();
  }

  /** Whether the processor failed to fetch an instruction, as against to read or write data. */
  boolean isFetch() {
    if (pc.isEmpty() || !(is("SIGSEGV") || is("SIGBUS"))) {
      return false;
    }
    if (crash.isX86()) {
      OptionalLong error = report().number("trap", 1);
      boolean pageFault = report().number("trap", 0).orElse(0) == 14;
      if (pageFault && error.isPresent()) {
        return (error.getAsLong() & 16) != 0
            || faultAddress().isPresent() && faultAddress().getAsLong() == pc.getAsLong();
      }
      return !space.isExecutable(pc.getAsLong());
    }
    return faultAddress().isPresent() && faultAddress().getAsLong() == pc.getAsLong()
        || !space.isExecutable(pc.getAsLong());
  }

  /** What the instruction did to the address, as a verb. */
  String verb() {
    return isWrite().map(write -> write ? "writes" : "reads").orElse("accesses");
  }

  /** The same with its preposition: "the code writes to" an address. */
  String access() {
    return isWrite().map(write -> write ? "writes to" : "reads from").orElse("accesses");
  }

  Optional<Boolean> isWrite() {
    OptionalLong esr = report().number("esr", 0);
    if (esr.isPresent() && (esr.getAsLong() >> 26 & 0x3e) == 0x24) {
      return Optional.of((esr.getAsLong() >> 6 & 1) != 0);
    }
    if (crash.isX86()) {
      return report().number("trap", 0).orElse(0) == 14
          ? Optional.of((report().number("trap", 1).orElse(0) & 2) != 0)
          : Optional.empty();
    }
    String mnemonic = mnemonic();
    return mnemonic.startsWith("st") || mnemonic.startsWith("ld")
        ? Optional.of(mnemonic.startsWith("st"))
        : Optional.empty();
  }

  /** The host's mark in a register: nobody has written to it since the call began. */
  Optional<String> registerLeftByHost(Operand operand) {
    return operand.registers().stream()
        .filter(name -> crash.register(name).orElse(0) >>> 8 == PLACED >>> 8)
        .findFirst();
  }

  /** Whether the library refers to one of these symbols. */
  boolean libraryNames(String... symbols) {
    try {
      String text = Files.readString(crash.details().library(), StandardCharsets.ISO_8859_1);
      return Arrays.stream(symbols).anyMatch(name -> text.contains("\0" + name + "\0"));
    } catch (IOException e) {
      return false;
    }
  }

  /** {@code f+0x1c in x.so}, or where the call came from, if it is in no named function. */
  String where() {
    if (pc.isEmpty()) {
      return "an unknown place";
    }
    return space
        .code(pc.getAsLong())
        .orElseGet(() -> "0x%x, which is no code".formatted(pc.getAsLong()));
  }

  /** The functions that led here, as far as the stack still tells: the innermost first. */
  List<String> callers() {
    var all = new ArrayList<String>();
    for (long caller : report().callers()) {
      Optional<String> name = space.function(caller - 1);
      Optional<Path> file = space.file(caller - 1);
      if (name.isPresent() && file.isPresent() && all.size() < 4) {
        long offset = caller - 1 - space.base(file.get().toString());
        String source = source(file.get(), offset);
        String line =
            name.get().replaceFirst("\\+0x.*", "") + (source.isEmpty() ? "" : " (" + source + ")");
        if (!all.contains(line)) {
          all.add(line);
        }
      }
    }
    return all;
  }

  /** The line that a call is on, found by the instructions from its function's start. */
  private String source(Path file, long offset) {
    long start = space.symbols(file).at(offset).map(Symbols.Symbol::start).orElse(offset);
    return disassembler.library(file, start, offset + 1, crash.isa(), isOurs(file)).stream()
        .reduce((first, second) -> second)
        .map(Instruction::source)
        .orElse("");
  }

  String source() {
    return instruction().map(Instruction::source).orElse("");
  }
}
