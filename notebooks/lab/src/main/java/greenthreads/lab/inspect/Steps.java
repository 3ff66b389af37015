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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Functions recorded instruction by instruction while they really ran, each of which can be looked
 * at: the registers, and every stack that the stack pointer was on.
 *
 * <pre>{@code Lab.step(chapter, c -> c.swap_on(stack, SIZE, report), "swap")}</pre>
 */
public final class Steps implements Picture {
  /** So many rows of a stack are shown as they are. */
  private static final int FEW_ROWS = 12;

  /** More than this nobody looks through; the stack pointer rarely comes by so many. */
  private static final int MOST_ROWS = 400;

  /** A move of a whole register to memory, as the disassembler writes it. */
  private static final Pattern STORE =
      Pattern.compile(
          "mov\\s+(?:QWORD PTR )?\\[(?<base>r\\w+)(?<offset>[+-]0x[0-9a-f]+)?\\],(?<from>r\\w+)");

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

  /**
   * A stack that the stack pointer was on.
   *
   * @param memory its name, and the address that its words are counted from
   * @param addresses of the words that are shown, the highest first
   */
  record Column(
      WordMeanings.NamedMemory memory, TraceLog.WatchedMemory piece, List<Long> addresses) {
    String label(long address) {
      return memory.distance(address);
    }
  }

  private final Abi abi;
  private final Origin origin;
  private final List<TraceLog.State> states;
  private final List<Map<Long, Long>> written = new ArrayList<>();
  private final List<TraceLog.WatchedMemory> watched;
  private final List<Column> stacks = new ArrayList<>();
  private final List<WordMeanings.NamedMemory> besides = new ArrayList<>();
  private final List<Step> steps = new ArrayList<>();
  private final WordMeanings meanings;
  private final String ending;
  private final Figure instead;

  private Steps(TraceLog log, Origin origin, Disassembler disassembler, String crash) {
    this.origin = origin;
    this.states = log.states();
    this.watched = joined(log.watched());
    this.abi = Abi.of(states.getFirst().registers().keySet());
    this.meanings = new WordMeanings(origin.memory(), origin::place, origin::variable);
    this.instead = null;
    String cut =
        switch (log.cut()) {
          case "" -> "";
          case "limit" -> "The recording ends after %d instructions.".formatted(Stepper.MOST_STEPS);
          default -> "The recording ends at a " + log.cut() + ".";
        };
    this.ending = crash.isEmpty() ? cut : (cut + " " + crash).strip();
    accumulate();
    findStacks(log.stacks());
    var code = new Code(origin, disassembler, abi.isa());
    for (int i = 0; i < states.size(); i++) {
      steps.add(step(i, code));
    }
  }

  private Steps(Figure instead, Origin origin) {
    this.origin = origin;
    this.states = List.of();
    this.watched = List.of();
    this.abi = Abi.here();
    this.meanings = WordMeanings.here();
    this.ending = "";
    this.instead = instead;
  }

  static Steps of(TraceLog log, Origin origin, Disassembler disassembler, String crash) {
    return new Steps(log, origin, disassembler, crash);
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
    var origin = new Origin(functions, Path.of(""), Symbols.of(Path.of("")), 0, List.of());
    return new Steps(figure, origin);
  }

  /** The recorded instructions in order; empty where this system cannot step. */
  public List<Step> steps() {
    return List.copyOf(steps);
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
    Long changed = written.get(step).get(address);
    if (changed != null) {
      return OptionalLong.of(changed);
    }
    for (TraceLog.WatchedMemory piece : watched) {
      if (piece.contains(address)) {
        return piece.word(address);
      }
    }
    return OptionalLong.empty();
  }

  @Override
  public Figure figure() {
    return instead != null ? instead : new StepDrawing(this).figure();
  }

  @Override
  public String toString() {
    return text();
  }

  // ----- the memory ----------------------------------------------------------------------------

  private void accumulate() {
    Map<Long, Long> all = Map.of();
    for (TraceLog.State state : states) {
      if (!state.writes().isEmpty()) {
        all = new HashMap<>(all);
        all.putAll(state.writes());
      }
      written.add(all);
    }
  }

  /** Windows that touch are one piece of memory. */
  private static List<TraceLog.WatchedMemory> joined(List<TraceLog.WatchedMemory> watched) {
    var sorted = new ArrayList<>(watched);
    sorted.sort((a, b) -> Long.compareUnsigned(a.low(), b.low()));
    var all = new ArrayList<TraceLog.WatchedMemory>();
    for (TraceLog.WatchedMemory piece : sorted) {
      TraceLog.WatchedMemory last = all.isEmpty() ? null : all.getLast();
      if (last != null
          && last.high() == piece.low()
          && last.argument() < 0
          && piece.argument() < 0) {
        long[] words = Arrays.copyOf(last.words(), last.words().length + piece.words().length);
        System.arraycopy(piece.words(), 0, words, last.words().length, piece.words().length);
        all.set(all.size() - 1, new TraceLog.WatchedMemory(last.low(), -1, words));
      } else {
        all.add(piece);
      }
    }
    return List.copyOf(all);
  }

  private long sp(int i) {
    return states.get(i).registers().getOrDefault(abi.sp(), 0L);
  }

  private long pc(int i) {
    return states.get(i).registers().getOrDefault(abi.pc(), 0L);
  }

  private Optional<TraceLog.WatchedMemory> watchedAt(long sp) {
    return watched.stream()
        .filter(piece -> piece.contains(sp))
        .findFirst()
        .or(() -> watched.stream().filter(piece -> piece.high() == sp).findFirst());
  }

  /**
   * The stacks in the order in which the stack pointer came by. Where one of them is known to end,
   * what is watched above it is told from it.
   */
  private void findStacks(List<TraceLog.Stack> known) {
    var visited = new LinkedHashSet<TraceLog.WatchedMemory>();
    for (int i = 0; i < states.size(); i++) {
      watchedAt(sp(i)).ifPresent(visited::add);
    }
    int number = 0;
    for (TraceLog.WatchedMemory piece : visited) {
      String name =
          visited.size() == 1
              ? "the stack"
              : visited.size() > 2
                  ? "stack " + (number + 1)
                  : number == 0 ? "old stack" : "new stack";
      number++;
      long mark = piece.high() & -16;
      String markName = "top";
      if (piece.argument() < 0) {
        for (int i = states.size() - 1; i >= 0; i--) {
          mark = piece.contains(sp(i)) ? sp(i) : mark;
        }
        markName = "entry";
      }
      long end = end(piece, known);
      var memory = new WordMeanings.NamedMemory(name, piece.low(), end, mark, markName);
      if (end != piece.high()) {
        long first = IntStream.range(0, states.size()).anyMatch(i -> sp(i) == end) ? end + 1 : end;
        var above =
            new WordMeanings.NamedMemory(
                "memory above the " + name,
                first,
                piece.high(),
                end,
                "its end",
                WordMeanings.Kind.DATA);
        meanings.with(above);
        besides.add(above);
      }
      meanings.with(memory);
      stacks.add(new Column(memory, piece, addresses(piece, end)));
    }
  }

  /** The end of the stack that lies in watched memory, or of that memory. */
  private long end(TraceLog.WatchedMemory piece, List<TraceLog.Stack> known) {
    return IntStream.range(0, states.size())
        .mapToLong(this::sp)
        .filter(sp -> watchedAt(sp).filter(piece::equals).isPresent())
        .mapToObj(sp -> known.stream().filter(stack -> stack.contains(sp)).findFirst())
        .flatMap(Optional::stream)
        .map(TraceLog.Stack::high)
        .filter(high -> Long.compareUnsigned(high, piece.high()) < 0)
        .findFirst()
        .orElse(piece.high());
  }

  /**
   * From a little above the highest stack pointer to a little below the lowest. Where that is much,
   * only what the steps touch is left.
   */
  private List<Long> addresses(TraceLog.WatchedMemory piece, long end) {
    var near = new TreeSet<Long>(Long::compareUnsigned);
    for (int i = 0; i < states.size(); i++) {
      if (watchedAt(sp(i)).filter(piece::equals).isPresent()) {
        near.add(sp(i) & -8);
      }
    }
    long high = Math.min(end, near.last() + 32);
    if (piece.argument() >= 0 && end - near.last() <= 80) {
      high = end;
    }
    long low = Math.max(piece.low(), near.first() - 16);
    var addresses = new ArrayList<Long>();
    for (long address = high - 8; address >= low; address -= 8) {
      addresses.add(address);
    }
    return addresses.size() <= FEW_ROWS ? addresses : touched(addresses, near);
  }

  /** Those that the stack pointer stood at or that were written, and their neighbours. */
  private List<Long> touched(List<Long> addresses, Set<Long> near) {
    var written = new HashSet<Long>();
    for (int i = 1; i < states.size(); i++) {
      if (!states.get(i - 1).through() && states.get(i).enter() < 0) {
        written.addAll(states.get(i).writes().keySet());
      }
    }
    boolean[] keep = new boolean[addresses.size()];
    for (int i = 0; i < keep.length; i++) {
      boolean wanted = near.contains(addresses.get(i)) || written.contains(addresses.get(i));
      for (int j = Math.max(0, i - 1); wanted && j <= Math.min(keep.length - 1, i + 1); j++) {
        keep[j] = true;
      }
    }
    keep[0] = true;
    for (int i = 1; i < keep.length - 1; i++) {
      keep[i] |= keep[i - 1] && keep[i + 1]; // to leave out one word saves no line
    }
    return IntStream.range(0, keep.length)
        .filter(i -> keep[i])
        .mapToObj(addresses::get)
        .limit(MOST_ROWS)
        .toList();
  }

  // ----- one step ------------------------------------------------------------------------------

  private Step step(int i, Code code) {
    TraceLog.State state = states.get(i);
    Disassembler.Instruction instruction = code.at(pc(i), state.code());
    boolean last = state.leave() || i + 1 == states.size();
    return new Step(
        i,
        origin.place(pc(i)).map(CodePlace::toString).orElse("elsewhere"),
        instruction.text().isEmpty() ? instruction.bytes() : instruction.text(),
        instruction.source(),
        last ? "" : effect(i, instruction),
        state.registers(),
        last);
  }

  private String effect(int i, Disassembler.Instruction instruction) {
    if (states.get(i).through()) {
      return "Other code runs, at full speed and not recorded, up to %s."
          .formatted(where(pc(i + 1)));
    }
    var said = new ArrayList<String>();
    if (returns(i)) {
      said.add("takes %s from the %s: %s".formatted(abi.pc(), onStack(sp(i)), meaning(pc(i + 1))));
    } else if (pc(i + 1) != pc(i) + Math.max(1, instruction.length())) {
      said.add("goes on at " + where(pc(i + 1)));
    }
    new TreeMap<>(states.get(i + 1).writes())
        .descendingMap()
        .forEach((address, value) ->
            said.add(
                "stores %s in %s".formatted(stored(i, value, instruction.text()), slot(address))));
    unrecordedStore(i, instruction.text()).ifPresent(said::add);
    stackPointer(i).ifPresent(said::add);
    states
        .get(i + 1)
        .registers()
        .forEach((name, value) -> register(i, name, value).ifPresent(said::add));
    return said.isEmpty()
        ? "Nothing that is shown here changes but %s.".formatted(abi.pc())
        : String.join("; ", said) + ".";
  }

  private Optional<String> stackPointer(int i) {
    long distance = sp(i + 1) - sp(i);
    Optional<Column> from = column(sp(i));
    Optional<Column> to = column(sp(i + 1));
    if (distance == 0) {
      return Optional.empty();
    }
    String where = to.map(found -> found.label(sp(i + 1))).orElse("");
    return Optional.of(
        from.equals(to) && to.isPresent()
            ? "%s moves %s by %d, to %s"
                .formatted(abi.sp(), distance < 0 ? "down" : "up", Math.abs(distance), where)
            : "%s jumps from the %s to the %s, %s"
                .formatted(
                    abi.sp(),
                    from.map(found -> found.memory().name()).orElse("unknown"),
                    to.map(found -> found.memory().name()).orElse("unknown"),
                    where));
  }

  private Optional<String> register(int i, String name, long value) {
    if (name.equals(abi.sp())
        || name.equals(abi.pc())
        || states.get(i).registers().get(name) == value) {
      return Optional.empty();
    }
    return Optional.of(
        abi.isFlags(name)
            ? "flags: " + abi.flagNames(value)
            : "%s becomes %s".formatted(name, inWords(value)));
  }

  /** Whether an instruction read the next one's address from the stack. */
  boolean returns(int i) {
    return i + 1 < states.size()
        && abi.isa() == Isa.X86_64
        && !states.get(i).leave()
        && abi.isa().isReturn(states.get(i).code())
        && word(i, sp(i)).orElse(0) == pc(i + 1);
  }

  /**
   * A store that the recording does not show, for the word had that value already or is in memory
   * that was not watched. The instruction itself says it: x86-64's move of a whole register.
   */
  private Optional<String> unrecordedStore(int i, String instruction) {
    Matcher store = STORE.matcher(instruction);
    Map<String, Long> registers = states.get(i).registers();
    if (!store.matches() || !states.get(i + 1).writes().isEmpty()) {
      return Optional.empty();
    }
    Long base = registers.get(store.group("base"));
    Long value = registers.get(store.group("from"));
    if (base == null || value == null) {
      return Optional.empty();
    }
    long address = base + (store.group("offset") == null ? 0 : Long.decode(store.group("offset")));
    String from = store.group("from");
    return Optional.of(
        "stores %s in %s%s"
            .formatted(
                registerAndValue(from, value),
                slot(address),
                word(i, address).isPresent() ? ", where it already was" : ""));
  }

  /** A stored value by the register that it came from, or else by what it is. */
  private String stored(int i, long value, String instruction) {
    return states.get(i).registers().entrySet().stream()
        .filter(entry -> entry.getValue() == value && value != 0)
        .map(Map.Entry::getKey)
        .filter(instruction::contains)
        .findFirst()
        .map(name -> registerAndValue(name, value))
        .orElseGet(() -> inWords(value));
  }

  private String registerAndValue(String name, long value) {
    return name.equals(abi.sp()) ? name : "%s (%s)".formatted(name, inWords(value));
  }

  /** What a value is, or the value itself where there is no more to say. */
  private String inWords(long value) {
    WordMeanings.Meaning meaning = meanings.of(value);
    return switch (meaning.kind()) {
      case BITS, PAINT -> "0x%x".formatted(value);
      case NUMBER, ZERO -> Long.toString(value);
      case STACK -> "an address on the " + meaning.text();
      case CODE -> meaning.text().replaceFirst("^in ", "an address in ");
      default -> meaning.text();
    };
  }

  String meaning(long value) {
    return meanings.of(value).text();
  }

  WordMeanings.Meaning meaningOf(long value) {
    return meanings.of(value);
  }

  private String where(long address) {
    return origin.place(address).map(CodePlace::toString).orElseGet(() -> meaning(address));
  }

  private String onStack(long address) {
    return column(address)
        .map(found -> "%s, %s".formatted(found.memory().name(), found.label(address)))
        .orElse("stack");
  }

  private String slot(long address) {
    return stacks.stream()
        .map(Column::memory)
        .filter(memory -> address != memory.high() && memory.contains(address))
        .findFirst()
        .or(() -> besides.stream().filter(memory -> memory.contains(address)).findFirst())
        .map(memory -> "the " + memory.at(address))
        .or(() -> origin.variable(address).map(CodePlace::toString))
        .orElseGet(() -> "memory at 0x%x".formatted(address));
  }

  private Optional<Column> column(long sp) {
    return watchedAt(sp)
        .flatMap(
            piece -> stacks.stream().filter(column -> column.piece().equals(piece)).findFirst());
  }

  /** The number of the stack that a step's stack pointer is on, or -1. */
  int stackOf(int step) {
    return column(sp(step)).map(stacks::indexOf).orElse(-1);
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

  List<Column> stacks() {
    return stacks;
  }

  List<String> functions() {
    return origin.functions();
  }

  String ending() {
    return ending;
  }

  /** The instructions at the recorded addresses. */
  private static final class Code {
    private final Origin origin;
    private final Disassembler tool;
    private final Isa isa;
    private final Map<Long, Disassembler.Instruction> known = new HashMap<>();
    private final LinkedHashSet<String> seen = new LinkedHashSet<>();

    Code(Origin origin, Disassembler tool, Isa isa) {
      this.origin = origin;
      this.tool = tool;
      this.isa = isa;
    }

    Disassembler.Instruction at(long pc, byte[] bytes) {
      long offset = pc - origin.base();
      origin
          .place(pc)
          .flatMap(place -> origin.symbols().named(place.function()))
          .filter(symbol -> seen.add(symbol.name()))
          .ifPresent(symbol ->
              tool.library(
                      origin.library(), symbol.start(), origin.symbols().end(symbol), isa, true)
                  .forEach(found -> known.put(found.offset(), found)));
      Disassembler.Instruction found = known.get(offset);
      if (found == null) {
        List<Disassembler.Instruction> alone = tool.bytes(bytes, pc, isa);
        found =
            alone.isEmpty()
                ? Disassembler.raw(Arrays.copyOf(bytes, Math.min(4, bytes.length)), pc)
                : alone.getFirst();
        known.put(offset, found);
      }
      return found;
    }
  }

  /** Every register of a step, in order. */
  Map<String, Long> registers(int step) {
    return new LinkedHashMap<>(states.get(step).registers());
  }
}
