package greenthreads.lab.inspect;

import java.util.Map;
import java.util.NoSuchElementException;

/**
 * One instruction that was recorded, and the machine as it found it. Each stands alone.
 *
 * @param number its place in the recording, from 0
 * @param place the function it lies in, and where
 * @param instruction the instruction in the assembler's words; in the Intel dialect on x86-64
 * @param source file and line where the compiler said them, else empty
 * @param effect what it did, in words; empty for the last one, which has not run
 * @param registers every register before it ran
 * @param last whether it is the first instruction outside of what was stepped: it has not run
 */
public record Step(
    int number,
    String place,
    String instruction,
    String source,
    String effect,
    Map<String, Long> registers,
    boolean last) {

  /**
   * A register's value before the instruction ran.
   *
   * @param name the register's name
   */
  public long register(String name) {
    Long value = registers.get(name);
    if (value == null) {
      throw new NoSuchElementException(
          "there is no register `%s` here: %s".formatted(name, registers.keySet()));
    }
    return value;
  }
}
