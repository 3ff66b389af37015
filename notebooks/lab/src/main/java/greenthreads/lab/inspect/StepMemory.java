package greenthreads.lab.inspect;

import greenthreads.lab.isolate.TraceLog;
import greenthreads.lab.machine.Abi;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/** The memory that a recording watched: what each step found in it, and which stacks lie in it. */
final class StepMemory {
  /** So many rows of a stack are shown as they are. */
  private static final int FEW_ROWS = 12;

  /** More than this nobody looks through; the stack pointer rarely comes by so many. */
  private static final int MOST_ROWS = 400;

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
  private final List<TraceLog.State> states;
  private final List<TraceLog.WatchedMemory> watched;
  private final List<Map<Long, Long>> written = new ArrayList<>();
  private final List<Column> stacks = new ArrayList<>();
  private final List<WordMeanings.NamedMemory> besides = new ArrayList<>();
  private final List<WordMeanings.NamedMemory> named = new ArrayList<>();

  StepMemory(TraceLog log, Abi abi) {
    this.abi = abi;
    this.states = log.states();
    this.watched = joined(log.watched());
    Map<Long, Long> all = Map.of();
    for (TraceLog.State state : states) {
      if (!state.writes().isEmpty()) {
        all = new HashMap<>(all);
        all.putAll(state.writes());
      }
      written.add(all);
    }
    findStacks(log.stacks());
  }

  /** The stacks in the order in which the stack pointer came by. */
  List<Column> stacks() {
    return stacks;
  }

  /** All memory that has a name: the stacks, and before each what lies above it. */
  List<WordMeanings.NamedMemory> named() {
    return named;
  }

  /** What a step found in a word; empty if that memory was not watched. */
  OptionalLong word(int step, long address) {
    Long changed = written.get(step).get(address);
    if (changed != null) {
      return OptionalLong.of(changed);
    }
    return watched.stream()
        .filter(piece -> piece.contains(address))
        .findFirst()
        .map(piece -> piece.word(address))
        .orElse(OptionalLong.empty());
  }

  /** The stack that a stack pointer stands on. */
  Optional<Column> stackAt(long sp) {
    return watchedAt(sp)
        .flatMap(
            piece -> stacks.stream().filter(column -> column.piece().equals(piece)).findFirst());
  }

  /** The stack or other named memory that a word lies in. */
  Optional<WordMeanings.NamedMemory> around(long address) {
    return stacks.stream()
        .map(Column::memory)
        .filter(memory -> address != memory.high() && memory.contains(address))
        .findFirst()
        .or(() -> besides.stream().filter(memory -> memory.contains(address)).findFirst());
  }

  private long sp(int i) {
    return states.get(i).registers().getOrDefault(abi.sp(), 0L);
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
              ? "stack"
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
        besides.add(
            new WordMeanings.NamedMemory(
                "memory above the " + name,
                first,
                piece.high(),
                end,
                "its end",
                WordMeanings.Kind.DATA));
        named.add(besides.getLast());
      }
      named.add(memory);
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
}
