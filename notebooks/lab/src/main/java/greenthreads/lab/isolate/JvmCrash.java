package greenthreads.lab.isolate;

import greenthreads.lab.show.Figure;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a JVM that crashed has written down about itself: its hs_err log.
 *
 * @param error what it ran into: a signal such as {@code SIGSEGV}, or something that its own code
 *     holds for impossible, such as {@code ShouldNotReachHere()}
 * @param frame the function that it stood in
 * @param thread the OS thread of the JVM that this was, such as {@code VMThread "VM Thread"}
 * @param operation what the JVM did just then at a safepoint, such as {@code G1PauseFull}; empty if
 *     nothing
 * @param javaFrames the frames of Java that it found on the stack, the innermost first
 * @param walkFailed whether it crashed again while it wrote these down
 */
public record JvmCrash(
    String error,
    String frame,
    String thread,
    String operation,
    List<String> javaFrames,
    boolean walkFailed) {
  private static final Pattern SIGNAL = Pattern.compile("(?m)^#  (SIG[A-Z]+) \\(");
  private static final Pattern INTERNAL = Pattern.compile("(?m)^#  (Internal Error) \\(");
  private static final Pattern REASON =
      Pattern.compile("(?m)^#  (?:Error: )?(?!Internal Error|SIG)(\\S.*)$");
  private static final Pattern FRAME =
      Pattern.compile("(?m)^# Problematic frame:\\R# \\w\\s+(?:\\[(\\S+)\\+0x\\w+]\\s*)?(.*)$");
  private static final Pattern THREAD =
      Pattern.compile("(?m)^Current thread \\(\\w+\\):\\s+(\\w+ \"[^\"]*\")");
  private static final Pattern OPERATION =
      Pattern.compile("(?m)^VM_Operation \\(\\w+\\): (\\w+), mode: safepoint");
  private static final Pattern JAVA_FRAMES = Pattern.compile("(?m)^Java frames: .*\\R");

  /**
   * Reads a log.
   *
   * @return empty if this is none
   */
  static Optional<JvmCrash> read(String log) {
    Optional<String> signal = group(SIGNAL, log);
    Optional<String> error =
        signal.isPresent()
            ? signal
            : group(INTERNAL, log).map(internal -> group(REASON, log).orElse(internal));
    return error.map(what -> {
      List<String> frames = javaFrames(log);
      List<String> behind = behindJavaFrames(log).skip(frames.size()).limit(2).toList();
      return new JvmCrash(
          what,
          frame(log),
          group(THREAD, log).orElse("unknown"),
          group(OPERATION, log).orElse(""),
          frames,
          behind.stream().anyMatch(line -> line.startsWith("[error occurred")));
    });
  }

  /** The lines from the first frame of Java on; none if the log has none. */
  private static Stream<String> behindJavaFrames(String log) {
    Matcher head = JAVA_FRAMES.matcher(log);
    return head.find() ? log.substring(head.end()).lines() : Stream.empty();
  }

  /** A walk that goes in a circle writes very many: so no pattern spans them all. */
  private static List<String> javaFrames(String log) {
    return behindJavaFrames(log).takeWhile(line -> line.matches("[jJvVC] .*")).toList();
  }

  private static Optional<String> group(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    return matcher.find() ? Optional.of(matcher.group(1).strip()) : Optional.empty();
  }

  /** The function's name, without parameters and what the compiler adds; else the file. */
  private static String frame(String log) {
    Matcher matcher = FRAME.matcher(log);
    if (!matcher.find()) {
      return "unknown";
    }
    String function = plain(matcher.group(2).strip());
    return function.isEmpty() && matcher.group(1) != null ? matcher.group(1) : function;
  }

  private static String plain(String function) {
    String name = function.replaceAll("\\+0x\\w+$", "").replaceAll(" \\[clone [^]]*]", "");
    while (name.matches(".*<[^<>]*>.*")) {
      name = name.replaceAll("<[^<>]*>", "");
    }
    name = name.replaceAll("\\(.*", "");
    return name.contains("::") ? name.substring(name.lastIndexOf(' ') + 1) : name;
  }

  /** What it says, as a table. */
  public Figure figure() {
    var rows = new ArrayList<List<String>>();
    rows.add(List.of("error", error));
    rows.add(List.of("in the function", frame));
    rows.add(List.of("of the JVM's thread", thread));
    rows.add(List.of("while it did", operation.isEmpty() ? "nothing at a safepoint" : operation));
    rows.add(
        List.of(
            "frames of Java found",
            javaFrames.size() + (walkFailed ? ", then it crashed again" : "")));
    return Figure.table("From the JVM's own log", List.of("what", "the log says"), rows);
  }
}
