package greenthreads.lab.isolate;

import greenthreads.lab.show.Figure;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How a JVM of its own has ended, and how far its program had come.
 *
 * @param collector its garbage collector
 * @param exit its exit status; 128 and the signal's number if a signal ended it
 * @param tookTooLong whether it was ended at its time limit
 * @param counts what the program has counted, as far as it came
 * @param printed what the program printed, without the JVM's report of a crash
 * @param crash what the JVM's log says; empty if it wrote none
 */
public record JvmEnd(
    String collector,
    int exit,
    boolean tookTooLong,
    List<Long> counts,
    String printed,
    Optional<JvmCrash> crash) {
  private static final int SIGABRT = 6;

  /** Whether the program has come to its end, and the JVM too. */
  public boolean cameHome() {
    return exit == 0 && !tookTooLong && printed.endsWith("came home\n");
  }

  /** What ended it, in a few words. */
  public String endedBy() {
    if (tookTooLong) {
      return "its time limit";
    }
    if (printed.contains("StackOverflowError")) {
      return "StackOverflowError";
    }
    if (crash.isPresent()) {
      return crash.get().error();
    }
    if (printed.contains("OutOfMemoryError")) {
      return "OutOfMemoryError";
    }
    return switch (exit) {
      case 0 -> cameHome() ? "nothing: it came home" : "the program";
      case 128 + SIGABRT ->
          "abort()" + (printed.contains("came home") ? ", after it came home" : "");
      default -> exit > 128 ? "signal " + (exit - 128) : "exit status " + exit;
    };
  }

  /**
   * Several, a row each.
   *
   * @param caption one sentence saying what ran
   * @param counted what the program counts, in words
   */
  public static Figure table(String caption, List<String> counted, List<JvmEnd> ends) {
    var head = new ArrayList<>(List.of("collector"));
    head.addAll(counted);
    head.addAll(List.of("ended by", "in"));
    var rows = new ArrayList<List<String>>();
    for (JvmEnd end : ends) {
      var row = new ArrayList<>(List.of(end.collector));
      end.counts.subList(0, counted.size()).forEach(count -> row.add(count.toString()));
      row.add(end.endedBy());
      row.add(end.crash.map(JvmCrash::frame).orElse(""));
      rows.add(row);
    }
    return Figure.table(caption, head, rows);
  }
}
