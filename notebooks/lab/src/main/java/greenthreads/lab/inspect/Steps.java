package greenthreads.lab.inspect;

import greenthreads.lab.binary.CodePlace;
import greenthreads.lab.binary.Symbols;
import greenthreads.lab.call.Mapping;
import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.isolate.TraceLog;
import greenthreads.lab.machine.Abi;
import greenthreads.lab.machine.Isa;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Html;
import greenthreads.lab.show.Picture;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BiFunction;
import java.util.stream.IntStream;

/**
 * Functions recorded instruction by instruction while they really ran, each of which can be looked
 * at: the registers, and every stack that the stack pointer was on.
 *
 * <pre>{@code Lab.step(chapter, c -> c.swap_on(stack, SIZE, report), "swap")}</pre>
 */
public final class Steps implements Picture {
  /** What was recorded, and where. */
  record Origin(
      List<String> functions, Path library, Symbols symbols, long base, List<Mapping> memory) {
    Optional<CodePlace> place(long address) {
      return place(address, Symbols::at);
    }

    /** The library's global variable that an address lies in. */
    Optional<CodePlace> variable(long address) {
      return place(address, Symbols::variable);
    }

    private Optional<CodePlace> place(
        long address, BiFunction<Symbols, Long, Optional<Symbols.Symbol>> look) {
      long offset = address - base;
      return offset < 0 || base == 0
          ? Optional.empty()
          : look.apply(symbols, offset).map(found -> found.place(offset));
    }
  }

  private final Origin origin;
  private final Abi abi;
  private final List<TraceLog.State> states;
  private final StepMemory memory;
  private final WordMeanings meanings;
  private final List<Step> steps;
  private final String ending;
  private final Figure instead;

  private Steps(TraceLog log, Origin origin, Disassembler disassembler, String ending) {
    this.origin = origin;
    this.states = log.states();
    this.abi = Abi.of(states.getFirst().registers().keySet());
    this.memory = new StepMemory(log, abi);
    this.meanings = new WordMeanings(origin.memory(), origin::place, origin::variable);
    memory.named().forEach(meanings::with);
    this.ending = ending;
    this.instead = null;
    var code = new StepCode(origin, disassembler, abi.isa());
    var effect = new StepEffect(origin, states, memory, meanings, abi);
    this.steps = IntStream.range(0, states.size()).mapToObj(i -> step(i, code, effect)).toList();
  }

  private Steps(Figure instead, List<String> functions) {
    this.origin = new Origin(functions, Path.of(""), Symbols.of(Path.of("")), 0, List.of());
    this.states = List.of();
    this.abi = Abi.here();
    this.memory = new StepMemory(new TraceLog(List.of(), List.of(), List.of(), ""), abi);
    this.meanings = WordMeanings.here();
    this.steps = List.of();
    this.ending = "";
    this.instead = instead;
  }

  static Steps of(TraceLog log, Origin origin, Disassembler disassembler, String crash) {
    String cut =
        switch (log.cut()) {
          case "" -> "";
          case "limit" -> "The recording ends after %d instructions.".formatted(Stepper.MOST_STEPS);
          default -> "The recording ends at a " + log.cut() + ".";
        };
    return new Steps(log, origin, disassembler, (cut + " " + crash).strip());
  }

  /** Where nothing could be stepped: what is known is the memory before and after. */
  static Steps withoutSteps(
      List<String> functions, String why, Optional<StackView> before, Optional<StackView> after) {
    String sentence =
        why
            + ": this shows "
            + (before.isPresent() && after.isPresent()
                ? "the stack before and after the whole call."
                : "nothing, since the call was given no stack.");
    Figure picture =
        before.isPresent() && after.isPresent()
            ? before.get().to(after.get())
            : new Figure("", "", "", "");
    var figure =
        new Figure(
            "<p>" + Html.escape(sentence) + "</p>" + picture.html(),
            (sentence + " " + picture.alt()).strip(),
            picture.caption(),
            (sentence + "\n\n" + picture.text()).strip());
    return new Steps(figure, functions);
  }

  private Step step(int i, StepCode code, StepEffect effect) {
    TraceLog.State state = states.get(i);
    long pc = state.registers().getOrDefault(abi.pc(), 0L);
    Disassembler.Instruction instruction = code.at(pc, state.code());
    boolean last = state.leave() || i + 1 == states.size();
    return new Step(
        i,
        origin.place(pc).map(CodePlace::toString).orElse("elsewhere"),
        instruction.text().isEmpty() ? instruction.bytes() : instruction.text(),
        instruction.source(),
        last ? "" : effect.of(i, instruction, returns(i)),
        state.registers(),
        last);
  }

  /** The recorded instructions in order; empty where this system cannot step. */
  public List<Step> steps() {
    return steps;
  }

  /** How many instructions ran. */
  public int size() {
    return (int) steps.stream().filter(step -> !step.last()).count();
  }

  /**
   * A word of memory as a step found it.
   *
   * @param step the step's number
   * @param address a multiple of 8
   * @return empty if that memory was not watched
   */
  public OptionalLong word(int step, long address) {
    return memory.word(step, address);
  }

  @Override
  public Figure figure() {
    return instead != null ? instead : new StepDrawing(this).figure();
  }

  @Override
  public String toString() {
    return text();
  }

  // ----- for the drawing -----------------------------------------------------------------------

  /** Whether an instruction read the next one's address from the stack. */
  boolean returns(int i) {
    if (i + 1 >= states.size() || abi.isa() != Isa.X86_64 || states.get(i).leave()) {
      return false;
    }
    long sp = states.get(i).registers().getOrDefault(abi.sp(), 0L);
    long next = states.get(i + 1).registers().getOrDefault(abi.pc(), 0L);
    return abi.isa().isReturn(states.get(i).code()) && word(i, sp).orElse(0) == next;
  }

  String meaning(long value) {
    return meanings.of(value).text();
  }

  WordMeanings.Meaning meaningOf(long value) {
    return meanings.of(value);
  }

  /** The number of the stack that a step's stack pointer is on, or -1. */
  int stackOf(int step) {
    long sp = states.get(step).registers().getOrDefault(abi.sp(), 0L);
    return memory.stackAt(sp).map(memory.stacks()::indexOf).orElse(-1);
  }

  /** Whether other code ran at full speed in a step. */
  boolean runsThrough(int step) {
    return states.get(step).through();
  }

  boolean isEntry(int step) {
    return states.get(step).enter() >= 0;
  }

  Abi abi() {
    return abi;
  }

  List<StepMemory.Column> stacks() {
    return memory.stacks();
  }

  List<String> functions() {
    return origin.functions();
  }

  String ending() {
    return ending;
  }

  /** Every register of a step, in order. */
  Map<String, Long> registers(int step) {
    return states.get(step).registers();
  }
}
