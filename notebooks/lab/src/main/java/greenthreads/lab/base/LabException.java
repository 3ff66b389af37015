package greenthreads.lab.base;

/**
 * Something a reader can put right: bad C, a symbol that is not there, no compiler.
 *
 * <p>The message is written for the cell it appears under. It says what happened, why, and what to
 * do, and it stands alone: the kernel shows it without a stack trace.
 */
public class LabException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message what happened, why, and what to do; may have several lines
   */
  public LabException(String message) {
    super(message);
  }

  /**
   * @param message what happened, why, and what to do; may have several lines
   * @param cause the failure underneath, kept for tests and for other kernels
   */
  public LabException(String message, Throwable cause) {
    super(message, cause);
  }
}
