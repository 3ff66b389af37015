package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.crash.NativeCrash;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.util.HashMap;
import java.util.Map;

/**
 * What a cell's function writes into its report. Each way of calling it is tried once in a check,
 * when the first point asks for it, however many points look at what came of it.
 *
 * <p>Once a call had to be ended at its time limit, no other one is made: nobody wants to wait for
 * all of them. The points see that same end in place of what they asked for.
 */
final class Reports {
  private final StructLayout layout;
  private final Map<Object, Object> known = new HashMap<>();
  private NativeCrash endless;

  /** A call that fills in a report. */
  @FunctionalInterface
  interface Filling {
    void fill(MemorySegment report);
  }

  /** What one way of calling it has written. */
  @FunctionalInterface
  interface Report {
    /** A member, as a number of 64 bits; or the crash that came instead. */
    Object member(String name);
  }

  Reports(String cell, String struct) {
    this.layout = Lab.load(cell).layout(struct);
  }

  /**
   * @param how what tells this way of calling it from others
   */
  Report of(Object how, Filling call) {
    return name -> {
      Object seen = known.computeIfAbsent(how, _ -> endless != null ? endless : made(call));
      return seen instanceof MemorySegment report
          ? (Object) Chapter.member(layout, report, name)
          : seen;
    };
  }

  private Object made(Filling call) {
    MemorySegment report = Arena.ofAuto().allocate(layout);
    try {
      call.fill(report);
      return report;
    } catch (NativeCrash crash) {
      if (Chapter.TOO_LONG.test(crash)) {
        endless = crash;
      }
      return crash;
    }
  }
}
