package greenthreads.lab.crash;

import greenthreads.lab.binary.Symbols;
import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.compile.Disassembler.Instruction;
import greenthreads.lab.crash.AddressSpace.Place;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.isolate.HostReport;
import greenthreads.lab.machine.Abi;
import greenthreads.lab.machine.Isa;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A crash with everything that can be worked out from it: what the rules for its cause look at. */
final class CrashScene {
  private static final int SHOWN_BEFORE = 6;
  private static final int SHOWN_AFTER = 4;

  /** The host puts these values, and those right above, into callee-saved registers. */
  private static final long PLACED = 0x5afe5afe5afe5a00L;

  private static final Pattern JUMP =
      Pattern.compile("(?:notrack\\s+)?(?:jmp|call|br|blr)\\s+(r\\w+|x\\d+)\\b.*");

  final Crash crash;
  final AddressSpace space;
  final Isa isa;

  /** Around the place where it happened; addresses are those of the process. */
  final List<Instruction> instructions;

  /** The address of the instruction that the signal is about. */
  final OptionalLong pc;

  private final Disassembler disassembler;

  /** What the function has done to the stack before. */
  private final Frame frame;

  CrashScene(Crash crash, Disassembler disassembler) {
    this(crash, disassembler, null);
  }

  /** For tests: the instructions are given. */
  CrashScene(Crash crash, List<Instruction> instructions) {
    this(crash, Disassembler.none(), instructions);
  }

  private CrashScene(Crash crash, Disassembler disassembler, List<Instruction> given) {
    this.crash = crash;
    this.space = new AddressSpace(crash);
    this.isa = crash.isa();
    this.disassembler = disassembler;
    this.pc = instructionAddress(crash);
    long at = pc.orElse(0);
    List<Instruction> all = given != null ? given : pc.isPresent() ? disassemble(at) : List.of();
    boolean whole =
        given != null || !all.isEmpty() && space.startsFunction(all.getFirst().offset());
    Frame known = Frame.before(at, all, isa);
    this.frame = whole ? known : new Frame(known.taken(), OptionalLong.empty(), known.variable());
    this.instructions = given != null ? given : around(at, all);
  }

  /** After int3 the processor has already moved on by its one byte. */
  private static OptionalLong instructionAddress(Crash crash) {
    OptionalLong pc = crash.pc();
    if (pc.isPresent() && crash.isX86() && crash.signal().equals("SIGTRAP")) {
      long before = pc.getAsLong() - 1;
      return crash.isa().isBreakpoint(crash.report().bytes(before, 1))
          ? OptionalLong.of(before)
          : pc;
    }
    return pc;
  }

  /** The function's instructions, from its start if that is near enough. */
  private List<Instruction> disassemble(long at) {
    if (!space.isExecutable(at)) {
      return List.of();
    }
    var found = new ArrayList<Instruction>();
    Optional<Path> file = space.file(at);
    if (file.isPresent()) {
      long base = space.base(file.get().toString());
      long offset = at - base;
      long start =
          space
              .symbols(file.get())
              .at(offset)
              .map(Symbols.Symbol::start)
              .filter(first -> offset - first <= 8192)
              .orElse(isa == Isa.X86_64 ? offset : offset - 4 * SHOWN_BEFORE);
      for (Instruction i :
          disassembler.library(file.get(), start, offset + 48, isa, isOurs(file.get()))) {
        found.add(new Instruction(i.offset() + base, i.bytes(), i.text(), i.source()));
      }
    }
    if (found.stream().noneMatch(i -> i.offset() == at)) {
      byte[] code = report().bytes(at, 48);
      found.clear();
      found.addAll(disassembler.bytes(code, at, isa));
      if (found.isEmpty() && code.length > 0) {
        found.add(Disassembler.raw(Arrays.copyOf(code, Math.min(isa.longest, code.length)), at));
      }
    }
    return found;
  }

  private List<Instruction> around(long at, List<Instruction> all) {
    int index = 0;
    while (index < all.size() && all.get(index).offset() != at) {
      index++;
    }
    String function = space.functionName(at);
    return all
        .subList(Math.max(0, index - SHOWN_BEFORE), Math.min(all.size(), index + SHOWN_AFTER + 1))
        .stream()
        .filter(i -> space.functionName(i.offset()).equals(function))
        .toList();
  }

  /** Whether it is the library that was called, as against one of the system's. */
  private boolean isOurs(Path file) {
    return file.getFileName().equals(crash.details().library().getFileName());
  }

  HostReport report() {
    return crash.report();
  }

  // ----- the signal ------------------------------------------------------------------------------

  boolean is(String... signals) {
    return List.of(signals).contains(crash.signal());
  }

  /** The signal's reason as the system gives it: SEGV_MAPERR, SI_KERNEL. */
  String code() {
    String[] words = report().word("code").split(" ");
    return words[words.length - 1];
  }

  /** Who sent it: {@code self}, {@code other}, or the {@code system}, for a fault too. */
  String sender() {
    return report().word("sender");
  }

  /** Whether an instruction could not be carried out, in a way that these signals tell of. */
  boolean isFault() {
    return is("SIGSEGV", "SIGBUS", "SIGILL") && sender().equals("system");
  }

  /**
   * x86-64: the processor's own number for what went wrong; that of an old fault if nothing did.
   */
  long trap() {
    return report().number("trap", 0).orElse(0);
  }

  /** x86-64: whether a bit of the flags is set. */
  boolean flag(int bit) {
    return (crash.register("rflags").orElse(0) >>> bit & 1) != 0;
  }

  /** x86-64: a general protection fault, which names no address. */
  boolean isGeneralProtection() {
    return isa == Isa.X86_64 && is("SIGSEGV") && (trap() == 13 || code().equals("SI_KERNEL"));
  }

  /** x86-64: that, or a stack fault: the same of an access by way of rsp or rbp. */
  boolean hasNoAddress() {
    return isGeneralProtection()
        || isa == Isa.X86_64 && is("SIGBUS") && (trap() == 12 || code().equals("SI_KERNEL"));
  }

  /** The address that could not be accessed; empty if it is not known. */
  OptionalLong faultAddress() {
    return is("SIGSEGV", "SIGBUS") && !hasNoAddress() ? crash.address() : OptionalLong.empty();
  }

  Optional<Place> faultPlace() {
    return faultAddress().isPresent()
        ? Optional.of(space.place(faultAddress().getAsLong()))
        : Optional.empty();
  }

  String place() {
    return faultPlace().map(Place::text).orElse("");
  }

  /** Whether what could not be accessed is what a pointer leads to. */
  boolean isFaultNear(long pointer) {
    long distance = faultAddress().orElse(pointer - 1) - pointer;
    return pointer != 0
        && (distance >= 0 && distance < 1 << 20 || hasNoAddress() && space.isNonCanonical(pointer));
  }

  /** Whether it is at the very beginning of a mapping, and what lies below can be written to. */
  boolean isRightAboveWritable() {
    long address = faultAddress().orElse(0);
    return space
        .mapping(address)
        .map(m -> address - m.low() < 64 && space.isWritable(m.low() - 1))
        .orElse(false);
  }

  boolean isInFile() {
    return faultAddress().isPresent()
        && space
            .mapping(faultAddress().getAsLong())
            .map(m -> m.name().startsWith("/"))
            .orElse(false);
  }

  /** Whether the processor failed to fetch an instruction, as against to read or write data. */
  boolean isFetch() {
    if (pc.isEmpty() || !is("SIGSEGV", "SIGBUS") || hasNoAddress()) {
      return false;
    }
    boolean atAddress = faultAddress().isPresent() && faultAddress().getAsLong() == pc.getAsLong();
    OptionalLong error = report().number("trap", 1);
    return isa == Isa.X86_64 && trap() == 14 && error.isPresent()
        ? (error.getAsLong() & 16) != 0 || atAddress
        : atAddress || !space.isExecutable(pc.getAsLong());
  }

  /** Whether the access was a write; empty if that is not known. */
  Optional<Boolean> isWrite() {
    OptionalLong esr = report().number("esr", 0);
    if (esr.isPresent() && (esr.getAsLong() >> 26 & 0x3e) == 0x24) {
      return Optional.of((esr.getAsLong() >> 6 & 1) != 0);
    }
    if (isa == Isa.X86_64) {
      return trap() == 14
          ? Optional.of((report().number("trap", 1).orElse(0) & 2) != 0)
          : Optional.empty();
    }
    return mnemonic().startsWith("st") || mnemonic().startsWith("ld")
        ? Optional.of(mnemonic().startsWith("st"))
        : Optional.empty();
  }

  /** What the instruction did to the address, as a verb. */
  String verb() {
    return isWrite().map(write -> write ? "writes" : "reads").orElse("accesses");
  }

  /** The same with its preposition: "the code writes to" an address. */
  String access() {
    return isWrite().map(write -> write ? "writes to" : "reads from").orElse("accesses");
  }

  // ----- the instruction -------------------------------------------------------------------------

  Optional<Instruction> instruction() {
    return instructions.stream()
        .filter(i -> pc.isPresent() && i.offset() == pc.getAsLong())
        .findFirst();
  }

  String line() {
    return instruction().map(Instruction::text).orElse("");
  }

  String mnemonic() {
    return instruction().map(Instruction::mnemonic).orElse("");
  }

  String source() {
    return instruction().map(Instruction::source).orElse("");
  }

  /** The machine code at the instruction, as far as it could be read. */
  byte[] code(int count) {
    return pc.isEmpty() ? new byte[0] : report().bytes(pc.getAsLong(), count);
  }

  boolean isCode() {
    return space.isExecutable(pc.orElse(0));
  }

  boolean isReturn() {
    return mnemonic().startsWith("ret") || isa.isReturn(code(4));
  }

  Optional<Operand> operand() {
    return instruction().flatMap(i -> Operand.of(i, crash));
  }

  OptionalLong operandAddress() {
    return operand().map(Operand::address).orElse(OptionalLong.empty());
  }

  /** The registers that the operand's address is made of. */
  String[] registers() {
    return operand().map(Operand::registers).orElse(List.of()).toArray(String[]::new);
  }

  /** The register that a jump or a call goes by; empty if it is none. */
  String jumpRegister() {
    Matcher jump = JUMP.matcher(line());
    return jump.matches() ? jump.group(1) : "";
  }

  /** Whether it is the host's mark: where it is, nobody has written since the call began. */
  static boolean isMark(long value) {
    return value >>> 8 == PLACED >>> 8;
  }

  /**
   * The register with the host's mark that the code went on at or made an address from; or empty.
   */
  String markedRegister() {
    boolean jumped = isFetch() && isMark(pc.orElse(0));
    var used =
        jumped
            ? new ArrayList<>(crash.registers().keySet())
            : new ArrayList<>(List.of(registers()));
    used.remove(isa.pc);
    used.addFirst(jumpRegister());
    boolean matters = jumped || !isFetch() && (hasNoAddress() || isMark(faultAddress().orElse(0)));
    return used.stream()
        .filter(name -> matters && isMark(crash.register(name).orElse(0)))
        .filter(name -> !jumped || crash.register(name).equals(pc))
        .findFirst()
        .orElse("");
  }

  /** Whether the process was in the operating system's kernel: waiting, or about to return. */
  boolean isInSystemCall() {
    int length = isa.systemCallBytes();
    return pc.isPresent() && isa.isSystemCall(report().bytes(pc.getAsLong() - length, length));
  }

  /** What the system call returns that was under way when the signal came. */
  OptionalLong systemCallResult() {
    return isInSystemCall() ? crash.register(isa.result) : OptionalLong.empty();
  }

  /** What an operand holds: a register or a part of one, or memory that was recorded. */
  OptionalLong value(String operand) {
    OptionalLong register = crash.register(Abi.X86_64.whole(operand));
    if (register.isPresent()) {
      return Abi.X86_64.parts(Abi.X86_64.whole(operand)).stream()
          .filter(part -> part.name().equals(operand))
          .mapToLong(part -> register.getAsLong() >>> 8 * part.low() & minusOne(operand))
          .findFirst();
    }
    int width = width(operand);
    byte[] bytes =
        operandAddress().isPresent()
            ? report().bytes(operandAddress().getAsLong(), width)
            : new byte[0];
    return bytes.length < width
        ? OptionalLong.empty()
        : OptionalLong.of(
            ByteBuffer.wrap(Arrays.copyOf(bytes, 8)).order(ByteOrder.LITTLE_ENDIAN).getLong());
  }

  /** How many bytes an operand has. */
  private static int width(String operand) {
    return operand.matches("r\\d+|r[a-z]{2}|QWORD .*")
        ? 8
        : operand.matches("e[a-z]{2}|r\\d+d|DWORD .*")
            ? 4
            : operand.matches("[abcd][lh]|[a-z]{2}l|r\\d+b|BYTE .*") ? 1 : 2;
  }

  /** -1 as an operand holds it: all of its bits. */
  static long minusOne(String operand) {
    return -1L >>> 64 - 8 * width(operand);
  }

  /** x86-64: whether what is divided is the smallest integer of an operand's width. */
  boolean isSmallestDividend(String operand) {
    long all = minusOne(operand);
    return (crash.register("rax").orElse(0) & all) == (all >>> 1) + 1
        && (crash.register("rdx").orElse(0) & all) == all;
  }

  /** x86-64: the registers that hold what is divided by an operand. */
  static String dividend(String operand) {
    return switch (width(operand)) {
      case 8 -> "rdx and rax";
      case 4 -> "edx and eax";
      case 2 -> "dx and ax";
      default -> "ah and al";
    };
  }

  /** An operand as a sentence names it. */
  String shown(String operand) {
    return operand.contains("[") ? "[" + operand().map(Operand::text).orElse("") + "]" : operand;
  }

  // ----- the stack and the thread ----------------------------------------------------------------

  long sp() {
    return crash.sp().orElse(0);
  }

  /** How many bytes of stack the running function takes for its variables. */
  long frame() {
    return frame.taken();
  }

  boolean hasVariableFrame() {
    return frame.variable();
  }

  /**
   * x86-64: whether functions find the stack as the ABI has it: a return address lies 8 above a
   * multiple of 16. Empty if it is not clear where one lies.
   */
  Optional<Boolean> isStackAligned() {
    long slot = sp() + frame.sinceEntry().orElse(0);
    if (frame.sinceEntry().isEmpty()) {
      slot = sp() + 7 & -8;
      while (report().wordAt(slot).isPresent()
          && !report().callers().contains(report().wordAt(slot).getAsLong())) {
        slot += 8;
      }
    }
    return frame.sinceEntry().isPresent() || report().wordAt(slot).isPresent()
        ? Optional.of((slot & 15) == 8)
        : Optional.empty();
  }

  private String framePointer() {
    return isa == Isa.X86_64 ? "rbp" : "x29";
  }

  /** Whether the instruction uses the stack, by its pointer or by a frame pointer that is near. */
  boolean usesStack() {
    boolean frames =
        operand().map(o -> o.uses(framePointer())).orElse(false)
            && (hasNoAddress() || isNearStack(crash.register(framePointer()).orElse(0)));
    return frames
        || Set.of("push", "pop", "call", "ret", "leave", "enter", "pushf", "popf")
            .contains(mnemonic())
        || operand().map(o -> o.uses(isa.sp)).orElse(false);
  }

  /** The register by which it does, and what that holds. */
  String stackRegister() {
    boolean byFrame =
        mnemonic().equals("leave") || operand().map(o -> o.uses(framePointer())).orElse(false);
    return byFrame ? framePointer() : isa.sp;
  }

  long stackBase() {
    return crash.register(stackRegister()).orElse(0);
  }

  boolean isNearStack(long address) {
    return address - sp() >= -65536 && address - sp() < 1 << 20;
  }

  /** Whether the access that failed is one to the stack. */
  boolean isStackAccess(long far) {
    return faultAddress().isPresent()
        && crash.sp().isPresent()
        && usesStack()
        && Math.abs(faultAddress().getAsLong() - sp()) <= far;
  }

  boolean isInArgument(long address, long below) {
    return report().arguments().stream()
        .anyMatch(a -> address - a.address() <= a.size() && address - a.address() >= -below);
  }

  /** Whether a function of this name is among those that may be running. */
  boolean isOnStack(String function) {
    for (long at = sp(); report().wordAt(at).isPresent(); at += 8) {
      if (space.functionName(report().wordAt(at).getAsLong() - 1).equals(function)) {
        return true;
      }
    }
    return space.functionName(pc.orElse(0)).equals(function);
  }

  /** Whether a function would be found on the stack if it were there: the C library's are named. */
  boolean knows(String function) {
    return report().wordAt(sp()).isPresent()
        && space
            .file(pc.orElse(0))
            .flatMap(file -> space.symbols(file).named(function))
            .isPresent();
  }

  /** The call that an address lies right behind. */
  Isa.Call callBefore(long address) {
    return space.isExecutable(address)
        ? isa.callBefore(report().bytes(address - 8, 8))
        : Isa.Call.NONE;
  }

  /** x86-64: fs; AArch64: a register of its own. */
  String threadRegister() {
    return isa == Isa.X86_64 ? "fs" : "tpidr_el0";
  }

  /** The thread pointer, if it is not the thread's own any more. */
  OptionalLong lostThreadPointer() {
    return report().number("threadpointer", 0);
  }

  /**
   * Whether the address counts from the thread pointer, and from nothing else that may be wrong.
   */
  boolean isThreadAccess() {
    return isFault()
        && operand().map(o -> o.segment().equals("fs")).orElse(false)
        && (registers().length == 0 || lostThreadPointer().isPresent());
  }

  // ----- the library and its functions -----------------------------------------------------------

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
    String unknown = report().mappings().isEmpty() ? "0x%x" : "0x%x, which is no code";
    return space.code(pc.getAsLong()).orElseGet(() -> unknown.formatted(pc.getAsLong()));
  }

  /** The functions whose calls repeat on the stack, at most three. */
  List<String> recursion() {
    List<Long> callers = report().callers();
    return callers.stream()
        .distinct()
        .filter(caller -> callers.stream().filter(caller::equals).count() >= 3)
        .map(caller ->
            space.functionName(caller - 1).replaceFirst("\\.(constprop|isra|part)\\..*", ""))
        .filter(name -> !name.isEmpty())
        .distinct()
        .limit(3)
        .toList();
  }

  /** The functions that led here, as far as the stack still tells: the innermost first. */
  List<String> callers() {
    var all = new LinkedHashSet<String>();
    for (long caller : new LinkedHashSet<>(report().callers())) {
      String name = space.functionName(caller - 1);
      if (!name.isEmpty() && all.size() < 4) {
        String source = source(caller - 1);
        all.add(source.isEmpty() ? name : name + " (" + source + ")");
      }
    }
    return List.copyOf(all);
  }

  /** The line that a call is on, found by the instructions from its function's start. */
  private String source(long address) {
    Path file = space.file(address).orElseThrow();
    long offset = address - space.base(file.toString());
    long start = space.symbols(file).at(offset).map(Symbols.Symbol::start).orElse(offset);
    return disassembler.library(file, start, offset + 1, isa, isOurs(file)).stream()
        .reduce((first, second) -> second)
        .map(Instruction::source)
        .orElse("");
  }
}
