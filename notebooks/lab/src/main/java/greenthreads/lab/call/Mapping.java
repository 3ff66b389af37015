package greenthreads.lab.call;

/**
 * A mapping of a process's memory.
 *
 * @param low its lowest address
 * @param high the first address above it
 * @param access what may be done there: {@code r-xp}
 * @param offset where in its file it begins
 * @param name its file, or what Linux calls it; empty if it has no name
 */
public record Mapping(long low, long high, String access, long offset, String name) {
  /** Reads a line in the form of Linux's /proc/self/maps. */
  public static Mapping parse(String line) {
    String[] parts = line.split("\\s+", 6);
    String[] range = parts[0].split("-");
    String name = parts.length > 5 ? parts[5] : "";
    return new Mapping(hex(range[0]), hex(range[1]), parts[1], hex(parts[2]), name);
  }

  private static long hex(String digits) {
    return Long.parseUnsignedLong(digits, 16);
  }

  public boolean contains(long address) {
    return Long.compareUnsigned(low, address) <= 0 && Long.compareUnsigned(address, high) < 0;
  }

  public boolean readable() {
    return access.startsWith("r");
  }

  public boolean writable() {
    return access.startsWith("w", 1);
  }

  public boolean executable() {
    return access.startsWith("x", 2);
  }
}
