package greenthreads.lab.inspect;

import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.machine.Isa;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The instructions at the recorded addresses: a whole function is read at once. */
final class StepCode {
  private final Steps.Origin origin;
  private final Disassembler tool;
  private final Isa isa;
  private final Map<Long, Disassembler.Instruction> known = new HashMap<>();
  private final Set<String> seen = new HashSet<>();

  StepCode(Steps.Origin origin, Disassembler tool, Isa isa) {
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
            tool.library(origin.library(), symbol.start(), origin.symbols().end(symbol), isa, true)
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
