package greenthreads.lab.isolate;

import greenthreads.lab.base.Internal;
import greenthreads.lab.machine.Isa;
import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.OptionalLong;

/**
 * The end of an isolated call that did not come back, in facts.
 *
 * @param kind what ended it
 * @param library the library's file name
 * @param function the function that was called
 * @param signal the signal's name, as SIGSEGV; empty if none ended it
 * @param address the address that the signal is about; empty where the processor names none
 * @param exitStatus what it gave to exit() or _exit(); 0 if a signal ended it
 * @param took how long it ran
 * @param registers the registers at that moment, by name; empty if they could not be recorded
 * @param details everything else that the host wrote down
 */
public record Crash(
    Kind kind,
    String library,
    String function,
    String signal,
    OptionalLong address,
    int exitStatus,
    Duration took,
    Map<String, Long> registers,
    @Internal Details details) {

  /** What ended a call. */
  public enum Kind {
    /** A signal, from the processor or from the code itself. */
    SIGNAL,
    /** The time limit. */
    TIME_LIMIT,
    /** The code ended its own process. */
    EXIT
  }

  /**
   * The rest, for the lab's own use.
   *
   * @param report the host's report
   * @param library the library's file
   * @param busy the processor time used
   * @param limit the time limit
   * @param printed how many bytes were printed
   * @param errors the end of what was written to standard error
   * @param kernelMemory where the arguments' memory lies in the calling process, by index
   * @param stored a pointer in an argument's memory that leads to the address; null if there is
   *     none
   * @param left how many other processes were still running
   */
  public record Details(
      HostReport report,
      java.nio.file.Path library,
      Duration busy,
      Duration limit,
      long printed,
      String errors,
      Map<Integer, HostReport.Argument> kernelMemory,
      Stored stored,
      int left) {}

  /** A pointer that the caller has put into the memory of an argument. */
  public record Stored(int index, long offset) {}

  /** Makes the map of registers unmodifiable. */
  @Internal
  public Crash {
    registers = Collections.unmodifiableMap(registers);
  }

  @Internal
  public HostReport report() {
    return details.report();
  }

  /** The instruction set of the process. */
  public Isa isa() {
    return Isa.of(registers.keySet());
  }

  @Internal
  public boolean isX86() {
    return isa() == Isa.X86_64;
  }

  /** The address of the instruction; empty if the registers could not be recorded. */
  public OptionalLong pc() {
    return register(isa().pc);
  }

  /** The stack pointer; empty if the registers could not be recorded. */
  public OptionalLong sp() {
    return register(isa().sp);
  }

  /**
   * A register's value.
   *
   * @param name as the machine's manual has it, in small letters: rax, x0, sp
   * @return empty if there is no such register, or it could not be recorded
   */
  public OptionalLong register(String name) {
    Long value = registers.get(name);
    return value == null ? OptionalLong.empty() : OptionalLong.of(value);
  }
}
