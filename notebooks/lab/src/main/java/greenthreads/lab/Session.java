package greenthreads.lab;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.bind.Project;
import greenthreads.lab.compile.Compiler;
import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.compile.Toolchain;
import greenthreads.lab.isolate.Host;
import greenthreads.lab.isolate.IsolationTools;
import greenthreads.lab.show.Cell;
import greenthreads.lab.source.Shipped;

/**
 * The checkout that this process works in, with what is loaded from it and the tools that it needs.
 *
 * <p>All of it is made when it is first used, and looked for again as long as it is not there: a
 * compiler can be installed under a running kernel.
 */
public final class Session {
  private static volatile Project project;
  private static volatile Compiler compiler;
  private static volatile IsolationTools isolationTools;

  private Session() {}

  /**
   * The native sources, and what is loaded from them.
   *
   * @throws LabException outside a checkout
   */
  public static Project project() {
    Project found = project;
    return found != null ? found : findProject();
  }

  private static synchronized Project findProject() {
    if (project == null) {
      project =
          new Project(
              Workspace.find(),
              Session::compiler,
              Cell::say,
              Session::isolationTools,
              Session::isShipped);
    }
    return project;
  }

  /** Read when something is loaded for the first time. */
  private static final class Texts {
    static final Shipped SHIPPED = Shipped.read();
  }

  private static boolean isShipped(Project.CompilerInput input) {
    return Texts.SHIPPED.has(input.source(), input.options());
  }

  /** Never waits for another thread that asks the compiler for its version just now. */
  private static Compiler compiler() {
    Compiler found = compiler;
    if (found == null) {
      found = new Compiler(Toolchain.find(System.getenv()), project().workspace());
      compiler = found;
    }
    return found;
  }

  /** What isolated calls need; the host itself is compiled at the first of them. */
  public static IsolationTools isolationTools() {
    IsolationTools found = isolationTools;
    if (found == null) {
      Toolchain toolchain = compiler().toolchain();
      found =
          new IsolationTools(
              new Host(toolchain.command(), project().workspace().folder("native")),
              Disassembler.find(toolchain.command(), System.getenv()));
      isolationTools = found;
    }
    return found;
  }

  /** A cell of Java is going to run. */
  public static void cellBegins(String code) {
    Project found = project;
    if (found != null && !Texts.SHIPPED.hasCell(code)) {
      found.readersCellBegins();
    }
  }

  /** Follows the sources that have changed, before a cell runs. */
  public static void refresh() {
    Project found = project;
    if (found != null) {
      found.refresh();
    }
  }
}
