package greenthreads.lab.show;

/**
 * Something that was seen in memory or in a run, and can be drawn.
 *
 * <p>As the last expression of a cell it is shown by itself; {@link #show()} shows it earlier.
 */
public interface Picture {
  /** The drawing, with a caption, a sentence that says what it shows, and the same as text. */
  Figure figure();

  /** Shows the drawing under the running cell. */
  default void show() {
    figure().show();
  }

  /** The same content as plain text. */
  default String text() {
    return figure().text();
  }
}
