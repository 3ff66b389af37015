package greenthreads.lab.isolate;

import greenthreads.lab.base.Platform;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;

/**
 * Puts together what is known of a call that did not come back.
 *
 * @param library the library's file
 * @param function the function that was called
 * @param limit how long it might have taken
 * @param printed how many bytes it printed, as far as that was seen
 * @param errors the end of what it wrote to standard error, as far as that was seen
 * @param kernelMemory where the arguments' memory lies in this process, by index
 * @param copies the arguments' memory as it was sent, by index
 */
public record RunEnd(
    Path library,
    String function,
    Duration limit,
    long printed,
    String errors,
    Map<Integer, HostReport.Argument> kernelMemory,
    Map<Integer, byte[]> copies) {
  private static final List<String> SAVED_X86 =
      List.of("rbx", "r12", "r13", "r14", "r15", "rbp", "rsp");
  private static final List<String> SAVED_ARM =
      List.of(
          "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "d8", "d9", "d10",
          "d11", "d12", "d13", "d14", "d15", "x29", "sp");

  /**
   * @param host what the process said of itself
   * @param end what the watcher says of its end
   * @param took how long the call took
   */
  public Crash crash(HostReport host, HostReport end, Duration took) {
    host.add("reached", end.word("phase"));
    for (String word : List.of("copies", "program", "blocked", "caught", "seccomp", "system")) {
      if (end.has(word)) {
        host.add(word, end.word(word));
      }
    }
    boolean signalled = end.has("signal");
    String[] status = (signalled ? end.word("signal") : end.word("exit")).split(" ");
    boolean limited = end.word("limit").equals("1");
    var kind =
        limited
            ? Crash.Kind.TIME_LIMIT
            : signalled || !end.has("exit") ? Crash.Kind.SIGNAL : Crash.Kind.EXIT;
    String signal =
        limited || kind == Crash.Kind.EXIT
            ? ""
            : host.has("signal") ? host.word("signal") : signalled ? status[1] : "";
    return new Crash(
        kind,
        String.valueOf(library.getFileName()),
        function,
        signal,
        signal.isEmpty() ? OptionalLong.empty() : address(host),
        kind == Crash.Kind.EXIT ? Integer.parseInt(status[0]) : 0,
        took,
        host.registers(),
        new Crash.Details(
            host,
            library,
            millis(end, "busy"),
            limit,
            printed,
            errors,
            Map.copyOf(kernelMemory),
            storedPointer(address(host)),
            (int) end.decimal("left")));
  }

  /** The fault's address; a signal that somebody sent has none. */
  private static OptionalLong address(HostReport host) {
    boolean sent = host.word("code").startsWith("0 ") || host.word("code").startsWith("-");
    return sent || host.word("code").endsWith("SI_KERNEL")
        ? OptionalLong.empty()
        : host.number("address", 0);
  }

  /** Looks in the arguments, as they were sent, for a pointer to (or right before) an address. */
  private Crash.Stored storedPointer(OptionalLong address) {
    if (address.isEmpty() || Long.compareUnsigned(address.getAsLong(), 4096) < 0) {
      return null;
    }
    for (var copy : copies.entrySet()) {
      ByteBuffer bytes = ByteBuffer.wrap(copy.getValue()).order(ByteOrder.nativeOrder());
      for (int at = 0; at + 8 <= bytes.limit(); at += 8) {
        long distance = address.getAsLong() - bytes.getLong(at);
        if (distance >= 0 && distance <= 4096) {
          return new Crash.Stored(copy.getKey(), at);
        }
      }
    }
    return null;
  }

  static Duration millis(HostReport end, String word) {
    return Duration.ofMillis(end.decimal(word));
  }

  /** The callee-saved register of a number; call.c has the same list. */
  public static String savedRegister(int number) {
    List<String> names = Platform.IS_X86_64 ? SAVED_X86 : SAVED_ARM;
    return number >= 0 && number < names.size() ? names.get(number) : "a register";
  }

  /** What is to be said of a function that left so many processes running, all ended by now. */
  public static String leftRunning(String function, long count) {
    return "%s left %s running; %s ended."
        .formatted(
            function,
            count == 1 ? "1 process" : count + " processes",
            count == 1 ? "it was" : "they were");
  }

  /** What is to be said if there are some that could not be ended. */
  public static String notEnded(String function) {
    return "%s left processes running that the system does not let go: they are still there."
        .formatted(function);
  }

  /** What is to be said of a function that returned with callee-saved registers changed. */
  public static Optional<String> notRestored(String function, List<HostReport.Changed> changed) {
    if (changed.isEmpty()) {
      return Optional.empty();
    }
    String names =
        changed.stream().map(HostReport.Changed::register).collect(Collectors.joining(", "));
    String values =
        changed.stream()
            .map(c -> "%s was 0x%x, is 0x%x".formatted(c.register(), c.before(), c.after()))
            .collect(Collectors.joining("; "));
    return Optional.of(
        "%s did not restore %s: callee-saved, so its caller relies on %s (%s)."
            .formatted(function, names, changed.size() == 1 ? "it" : "them", values));
  }
}
