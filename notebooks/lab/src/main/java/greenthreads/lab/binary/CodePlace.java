package greenthreads.lab.binary;

/**
 * A place in a function.
 *
 * @param function the function's name
 * @param offset how many bytes after its first instruction
 */
public record CodePlace(String function, long offset) {
  @Override
  public String toString() {
    return offset == 0 ? function : "%s+0x%x".formatted(function, offset);
  }
}
