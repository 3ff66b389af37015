package greenthreads.lab.show;

import java.util.Map;

/**
 * A value that a cell shows.
 *
 * <p>As the last expression of a cell it is shown by itself; {@link #show()} shows it earlier.
 */
public sealed interface Shown permits Figure, Listing, Chart, Measured {
  /** The same content as plain text: for screen readers, for terminals, and for tests. */
  String text();

  /**
   * The representations a front end may choose from.
   *
   * @return MIME type to content; always has {@code text/plain}
   */
  Map<String, Object> representations();

  /** Shows this value under the running cell. */
  default void show() {
    Cell.display(this);
  }
}
