package greenthreads.lab.isolate;

import greenthreads.lab.call.Mapping;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * What the host wrote down about a run: lines of a word and its values, and after some of them a
 * block of bytes.
 *
 * <p>A report may end anywhere, since the process that wrote it may have. What is there is used.
 */
public final class HostReport {
  /** A stack that somebody named; the guard lies below {@code low}. */
  public record Stack(String name, long low, long high, long guard) {}

  /** The memory that a pointer argument got in the process. */
  public record Argument(int index, long address, long size) {}

  /** A callee-saved register that a function did not restore. */
  public record Changed(String register, long before, long after) {}

  private final Map<String, String> words = new HashMap<>();
  private final Map<String, Long> registers = new LinkedHashMap<>();
  private final List<Mapping> mappings = new ArrayList<>();
  private final List<Stack> stacks = new ArrayList<>();
  private final List<Argument> arguments = new ArrayList<>();
  private final List<Changed> changed = new ArrayList<>();
  private final List<Long> callers = new ArrayList<>();
  private final TreeMap<Long, byte[]> dumps = new TreeMap<>(Long::compareUnsigned);
  private final Map<Integer, byte[]> memory = new HashMap<>();
  private byte[] string;

  private HostReport() {}

  public static HostReport parse(byte[] bytes) {
    var report = new HostReport();
    int at = 0;
    while (at < bytes.length) {
      int end = at;
      while (end < bytes.length && bytes[end] != '\n') {
        end++;
      }
      String line = new String(bytes, at, end - at, StandardCharsets.UTF_8);
      at = Math.min(end + 1, bytes.length);
      String[] parts = line.strip().split("\\s+");
      try {
        int block = report.take(line, parts);
        if (block > 0) {
          byte[] content = Arrays.copyOfRange(bytes, at, Math.min(at + block, bytes.length));
          report.block(parts, content);
          at += content.length;
        }
      } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
        // A line cut short by the end of the process: the rest of the report stands.
      }
    }
    return report;
  }

  /** Takes a line; the number of bytes that follow it as a block. */
  private int take(String line, String[] parts) {
    switch (parts[0]) {
      case "crash" -> { // what was told of the memory when the library was loaded, is old
        mappings.clear();
        words.put("crash", "");
      }
      case "reg" -> registers.put(parts[1], hex(parts[2]));
      case "map" -> mappings.add(Mapping.parse(line.strip().substring(4)));
      case "stack" ->
          stacks.add(
              new Stack(
                  line.strip().split(" ", 5)[4], hex(parts[1]), hex(parts[2]), hex(parts[3])));
      case "argument" ->
          arguments.add(new Argument((int) hex(parts[1]), hex(parts[2]), hex(parts[3])));
      case "changed" -> changed.add(new Changed(parts[1], hex(parts[2]), hex(parts[3])));
      case "caller" -> callers.add(hex(parts[1]));
      case "dump" -> dumps.put(hex(parts[2]), HexFormat.of().parseHex(parts[3]));
      case "string" -> {
        string = new byte[0];
        return Integer.parseInt(parts[1]);
      }
      case "memory" -> {
        return Integer.parseInt(parts[2]);
      }
      default -> words.put(parts[0], line.strip().substring(parts[0].length()).strip());
    }
    return 0;
  }

  private void block(String[] parts, byte[] content) {
    if (parts[0].equals("string")) {
      string = content;
    } else {
      memory.put(Integer.parseInt(parts[1]), content);
    }
  }

  private static long hex(String digits) {
    return Long.parseUnsignedLong(digits, 16);
  }

  /** Whether the report has a line that begins with this word. */
  public boolean has(String word) {
    return words.containsKey(word);
  }

  /** What follows the word on its line; empty if there is no such line. */
  public String word(String word) {
    return words.getOrDefault(word, "");
  }

  /** The n-th value on the word's line, a hexadecimal number. */
  public OptionalLong number(String word, int n) {
    String[] values = word(word).split(" ");
    return n < values.length && !values[n].isEmpty()
        ? OptionalLong.of(hex(values[n]))
        : OptionalLong.empty();
  }

  /** The word's value as a decimal number; 0 if there is none. */
  public long decimal(String word) {
    return word(word).isEmpty() ? 0 : Long.parseLong(word(word));
  }

  public Map<String, Long> registers() {
    return registers;
  }

  public List<Mapping> mappings() {
    return mappings;
  }

  public List<Stack> stacks() {
    return stacks;
  }

  /** Adds what the caller knows besides. */
  void add(String word, String value) {
    words.put(word, value);
  }

  /** Adds what the caller knows of an argument. */
  public void add(Argument argument) {
    arguments.add(argument);
  }

  public List<Argument> arguments() {
    return arguments;
  }

  List<Changed> changed() {
    return changed;
  }

  /** Addresses on the stack that follow a call in the library, the innermost first. */
  public List<Long> callers() {
    return callers;
  }

  /** The string that the function returned, without its final zero; null if there is none. */
  byte[] string() {
    return string;
  }

  /** The memory of arguments as the function left it, by the argument's index. */
  Map<Integer, byte[]> memory() {
    return memory;
  }

  /** Memory that was read around the instruction and the stack pointer; shorter where it ends. */
  public byte[] bytes(long address, int count) {
    byte[] bytes = new byte[count];
    int done = 0;
    while (done < count) {
      long next = address + done;
      Map.Entry<Long, byte[]> piece = dumps.floorEntry(next);
      long offset = piece == null ? 0 : next - piece.getKey();
      if (piece == null || offset < 0 || offset >= piece.getValue().length) {
        break;
      }
      bytes[done++] = piece.getValue()[(int) offset];
    }
    return Arrays.copyOf(bytes, done);
  }

  public OptionalLong wordAt(long address) {
    byte[] bytes = bytes(address, 8);
    return bytes.length < 8
        ? OptionalLong.empty()
        : OptionalLong.of(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong());
  }
}
