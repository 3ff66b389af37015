package greenthreads.lab.kernel;

import greenthreads.lab.Lab;
import greenthreads.lab.base.LabException;

/**
 * What set-up tries last: C that is compiled, loaded and called, here and in a process of its own,
 * as cells will do it. A compiler or an option that cannot serve is told then and not under cells,
 * and what was compiled is there for the first chapter.
 *
 * <p>Its status is 0 if all went well, 2 if nothing could be compiled or loaded, 3 if only the
 * process of its own could not be had; what stands in the way goes to standard error.
 */
public final class FirstCall {
  private static final String FILE = "00-start-here";
  private static final int NOTHING_LOADED = 2;
  private static final int NOTHING_APART = 3;

  /** A function of that file. */
  public interface Start {
    int add(int a, int b);
  }

  private FirstCall() {}

  public static void main(String[] words) {
    System.exit(status());
  }

  private static int status() {
    KernelSetup.speakEnglish();
    int status = NOTHING_LOADED;
    try {
      Start start = Lab.load(FILE, Start.class);
      expect(42, start.add(20, 22));
      KernelSetup.compileOwnPrograms();
      status = NOTHING_APART;
      expect(42, Lab.isolate(start).add(20, 22));
      return 0;
    } catch (LabException e) {
      System.err.println(e.getMessage());
    } catch (UnsatisfiedLinkError | IllegalCallerException e) {
      System.err.println(e);
    }
    return status;
  }

  private static void expect(int right, int got) {
    if (got != right) {
      throw new LabException("add(20, 22) of %s.c gave %d.".formatted(FILE, got));
    }
  }
}
