package greenthreads.lab.base;

/** A C source the compiler refuses. The message holds what the compiler said, as it said it. */
public final class CompileError extends LabException {
  private static final long serialVersionUID = 1L;

  public CompileError(String message) {
    super(message);
  }
}
