package greenthreads.lab.machine;

import greenthreads.lab.base.Platform;
import greenthreads.lab.show.Figure;
import java.util.List;

/**
 * What this machine offers for the chapters.
 *
 * @param system the operating system and its version
 * @param architecture {@code x86-64}, {@code AArch64} or what the JDK calls it
 * @param processors how many the JVM may use
 * @param pageBytes the size of a page of memory
 * @param jdk the Java runtime's version and vendor
 * @param compiler the C compiler's name and version
 */
public record Machine(
    String system,
    String architecture,
    int processors,
    long pageBytes,
    String jdk,
    String compiler) {

  /**
   * @param compiler the C compiler's name and version
   */
  public static Machine here(String compiler) {
    return new Machine(
        System.getProperty("os.name") + " " + System.getProperty("os.version"),
        Platform.ARCHITECTURE,
        Runtime.getRuntime().availableProcessors(),
        Platform.pageBytes(),
        Runtime.version() + " (" + System.getProperty("java.vendor") + ")",
        compiler);
  }

  /** One line: what a chapter says when it starts. */
  public String line() {
    return "The lab is ready: JDK %s, %s, %s on %s."
        .formatted(
            Runtime.version().feature(), compiler, System.getProperty("os.name"), architecture);
  }

  /** The same as a table. */
  public Figure figure() {
    return Figure.table(
        "This machine, as the chapters see it",
        List.of("what", "here"),
        List.of(
            List.of("operating system", system),
            List.of("architecture", architecture),
            List.of("processors", processors),
            List.of("page of memory", pageBytes + " bytes"),
            List.of("Java", jdk),
            List.of("C compiler", compiler)));
  }
}
