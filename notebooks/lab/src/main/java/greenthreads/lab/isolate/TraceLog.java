package greenthreads.lab.isolate;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * A trace as the host wrote it down; host/tracer.c says what the lines mean. A trace may end
 * anywhere.
 *
 * @param states every recorded state, in order
 * @param watched the memory that was watched
 * @param stacks the bounds of those stacks that the code has named, as sp came to them
 * @param cut why it ended before its time; empty if it did not
 */
public record TraceLog(
    List<State> states, List<WatchedMemory> watched, List<Stack> stacks, String cut) {
  /** A stack; the address right behind it belongs to it, since an empty one's sp stands there. */
  public record Stack(long low, long high) {
    public boolean contains(long address) {
      return Long.compareUnsigned(low, address) <= 0 && Long.compareUnsigned(address, high) <= 0;
    }
  }

  /**
   * The machine before one instruction.
   *
   * @param enter the number of the traced function that is entered here, or -1
   * @param leave whether this is the first instruction outside
   * @param through whether it runs other code, which was not recorded
   * @param code the instruction's bytes, and some more
   * @param registers by name
   * @param writes words that hold something else than in the state before
   */
  public record State(
      int enter,
      boolean leave,
      boolean through,
      byte[] code,
      Map<String, Long> registers,
      Map<Long, Long> writes) {}

  /**
   * A piece of memory that was watched.
   *
   * @param argument the number of the argument that it belongs to, or -1
   * @param words what it held when watching began
   */
  public record WatchedMemory(long low, int argument, long[] words) {
    public long high() {
      return low + 8L * words.length;
    }

    public boolean contains(long address) {
      return Long.compareUnsigned(low, address) <= 0 && Long.compareUnsigned(address, high()) < 0;
    }

    public OptionalLong word(long address) {
      return contains(address)
          ? OptionalLong.of(words[(int) ((address - low) / 8)])
          : OptionalLong.empty();
    }
  }

  private static final int AROUND_SP = 0xffff;

  /** Builds one state out of the lines that belong to it. */
  private static final class Draft {
    int enter = -1;
    boolean leave;
    boolean through;
    byte[] code = {};
    final Map<String, Long> registers = new LinkedHashMap<>();
    final Map<Long, Long> writes = new HashMap<>();

    State state() {
      return new State(
          enter, leave, through, code, Collections.unmodifiableMap(registers), Map.copyOf(writes));
    }
  }

  public static TraceLog parse(byte[] bytes) {
    var drafts = new ArrayList<Draft>();
    var watched = new ArrayList<WatchedMemory>();
    var stacks = new ArrayList<Stack>();
    String cut = "";
    int enter = -1;
    for (String line : new String(bytes, StandardCharsets.US_ASCII).lines().toList()) {
      String[] parts = line.split(" ");
      try {
        switch (parts[0]) {
          case "enter" -> enter = Integer.parseInt(parts[1], 16);
          case "state" -> {
            var draft = new Draft();
            draft.enter = enter;
            draft.code = parts.length > 1 ? HexFormat.of().parseHex(parts[1]) : draft.code;
            enter = -1;
            drafts.add(draft);
          }
          case "reg" -> drafts.getLast().registers.put(parts[1], hex(parts[2]));
          case "write" -> drafts.getLast().writes.put(hex(parts[1]), hex(parts[2]));
          case "region", "maybe" -> watched.add(watched(parts));
          case "stack" -> stacks.add(new Stack(hex(parts[1]), hex(parts[2])));
          case "through" -> drafts.getLast().through = true;
          case "leave" -> drafts.getLast().leave = true;
          case "cut" -> cut = parts[1];
          default -> {}
        }
      } catch (RuntimeException e) {
        cut = "damage"; // the line was cut short: what came before it stands
      }
    }
    return new TraceLog(
        drafts.stream().map(Draft::state).toList(), List.copyOf(watched), List.copyOf(stacks), cut);
  }

  private static WatchedMemory watched(String[] parts) {
    int owner = Integer.parseInt(parts[3], 16);
    byte[] bytes = HexFormat.of().parseHex(parts[4]);
    long[] words = new long[bytes.length / 8];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(words);
    return new WatchedMemory(hex(parts[1]), owner == AROUND_SP ? -1 : owner, words);
  }

  private static long hex(String digits) {
    return Long.parseUnsignedLong(digits, 16);
  }
}
