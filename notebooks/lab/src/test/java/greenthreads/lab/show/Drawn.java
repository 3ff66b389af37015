package greenthreads.lab.show;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.util.function.Supplier;

/** What every picture has to be, however long its subject. */
public final class Drawn {
  private static final int MOST_CHARACTERS = 1_000_000;

  /**
   * Some ten times what it takes: this is to find work that grows with the square of the subject.
   */
  private static final int MOST_MILLIS = 1_000;

  private static final int TRIES = 8;

  private Drawn() {}

  /**
   * Draws a few times, since the first times load classes, and holds size and time against the
   * limits. The time is the processor's: other programs do not count.
   *
   * @return the picture
   */
  public static Figure smallAndQuick(Supplier<Figure> draw) {
    var threads = ManagementFactory.getThreadMXBean();
    Figure figure = null;
    long millis = Long.MAX_VALUE;
    for (int i = 0; i < TRIES && millis >= MOST_MILLIS; i++) {
      long start = threads.getCurrentThreadCpuTime();
      figure = draw.get();
      millis = (threads.getCurrentThreadCpuTime() - start) / 1_000_000;
    }
    assertTrue(figure.html().length() < MOST_CHARACTERS, figure.html().length() + " characters");
    assertTrue(millis < MOST_MILLIS, millis + " ms");
    return figure;
  }
}
