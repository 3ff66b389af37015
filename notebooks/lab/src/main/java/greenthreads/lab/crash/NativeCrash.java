package greenthreads.lab.crash;

import greenthreads.lab.base.Internal;
import greenthreads.lab.base.LabException;
import greenthreads.lab.isolate.Crash;

/**
 * An isolated call that did not come back: it crashed, ran into its time limit, or ended its
 * process.
 *
 * <p>The message is short; {@link #report()} tells the whole story.
 */
public final class NativeCrash extends LabException {
  private static final long serialVersionUID = 1L;

  /** The newest one: the kernel learns of a cell's exception only its name and message. */
  private static volatile NativeCrash latest;

  private final transient Crash crash;
  private final transient CrashReport report;

  @Internal
  public NativeCrash(Crash crash, CrashReport report) {
    super(report.headline() + "\n" + report.cause());
    this.crash = crash;
    this.report = report;
    latest = this;
  }

  /** The newest crash; null if there was none. */
  public static NativeCrash latest() {
    return latest;
  }

  /** What is known of the end: signal, registers, memory map, stacks. */
  public Crash crash() {
    return crash;
  }

  /** The same, explained: where it was, what lies there, and the likely cause. */
  public CrashReport report() {
    return report;
  }
}
