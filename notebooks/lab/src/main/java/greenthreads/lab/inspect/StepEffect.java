package greenthreads.lab.inspect;

import greenthreads.lab.binary.CodePlace;
import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.isolate.TraceLog;
import greenthreads.lab.machine.Abi;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Says what an instruction did, by what differs in the step behind it. */
final class StepEffect {
  /** A move of a whole register to memory, as the disassembler writes it. */
  private static final Pattern STORE =
      Pattern.compile(
          "mov\\s+(?:QWORD PTR )?\\[(?<base>r\\w+)(?<offset>[+-]0x[0-9a-f]+)?\\],(?<from>r\\w+)");

  private final Steps.Origin origin;
  private final List<TraceLog.State> states;
  private final StepMemory memory;
  private final WordMeanings meanings;
  private final Abi abi;

  StepEffect(
      Steps.Origin origin,
      List<TraceLog.State> states,
      StepMemory memory,
      WordMeanings meanings,
      Abi abi) {
    this.origin = origin;
    this.states = states;
    this.memory = memory;
    this.meanings = meanings;
    this.abi = abi;
  }

  private long sp(int i) {
    return states.get(i).registers().getOrDefault(abi.sp(), 0L);
  }

  private long pc(int i) {
    return states.get(i).registers().getOrDefault(abi.pc(), 0L);
  }

  /** What the instruction of a step did, as a sentence; it is not the last. */
  String of(int i, Disassembler.Instruction instruction, boolean returns) {
    if (states.get(i).through()) {
      return "Other code runs, at full speed and not recorded, up to %s."
          .formatted(where(pc(i + 1)));
    }
    var said = new ArrayList<String>();
    if (returns) {
      said.add(
          "takes %s from the %s: %s"
              .formatted(abi.pc(), onStack(sp(i)), meanings.of(pc(i + 1)).text()));
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
    Optional<StepMemory.Column> from = memory.stackAt(sp(i));
    Optional<StepMemory.Column> to = memory.stackAt(sp(i + 1));
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
                memory.word(i, address).isPresent() ? ", where it already was" : ""));
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

  private String where(long address) {
    return origin
        .place(address)
        .map(CodePlace::toString)
        .orElseGet(() -> meanings.of(address).text());
  }

  private String onStack(long address) {
    return memory
        .stackAt(address)
        .map(found -> "%s, %s".formatted(found.memory().name(), found.label(address)))
        .orElse("stack");
  }

  private String slot(long address) {
    return memory
        .around(address)
        .map(found -> "the " + found.at(address))
        .or(() -> origin.variable(address).map(CodePlace::toString))
        .orElseGet(() -> "memory at 0x%x".formatted(address));
  }
}
