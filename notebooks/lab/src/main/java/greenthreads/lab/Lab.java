package greenthreads.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What the chapters' cells start from: load native code, look at it, run it.
 *
 * <p>All methods may be called again and again, in any order.
 */
public final class Lab {
  private static final Map<String, CellSource> CELLS = new ConcurrentHashMap<>();

  private Lab() {}

  /** A C file that the reader wrote into a cell, with the options it is compiled with. */
  private record CellSource(NativeSource source, List<String> options) {}

  /** Found once: looking for a compiler means starting it. */
  private static final class Tools {
    static final Workspace WORKSPACE = Workspace.find();

    private static volatile Compiler compiler;

    static Compiler compiler() {
      Compiler found = compiler;
      if (found == null) {
        found = new Compiler(Toolchain.find(System.getenv()), WORKSPACE);
        compiler = found;
      }
      return found;
    }
  }

  /**
   * Prepares the kernel and says in one line what it runs on.
   *
   * <p>The start-up script of our own kernel calls it before the first cell; that call is silent,
   * since a chapter's first cell calls it again.
   */
  public static void start() {
    if (KernelSetup.prepare()) {
      Cell.say(machine().line());
    }
  }

  /**
   * This machine: its system, architecture, Java and C compiler.
   *
   * @throws LabException if there is no C compiler, saying how to install one
   */
  public static Machine machine() {
    return Machine.here(Tools.compiler().toolchain());
  }

  /**
   * Loads {@code native/NAME.c}, or the cell {@code %%c NAME}, into this process; compiles it first
   * if its text, headers, options or compiler have changed. Says what it did in one line.
   *
   * @param name a chapter's file without {@code .c}, or a cell's name
   * @param options words for the compiler, after the usual ones: {@code -O0}
   * @return a fresh copy: its global variables start anew
   * @throws CompileError if the compiler refuses the source
   * @throws LabException if there is no such source or no compiler
   */
  public static Library load(String name, String... options) {
    long start = System.nanoTime();
    CellSource cell = find(name, List.of(options));
    Compiler.Built built = Tools.compiler().build(cell.source(), cell.options());
    Library library = Library.open(cell.source(), built);
    report(cell.source(), built, System.nanoTime() - start);
    return library;
  }

  /**
   * Loads a library and binds an interface to it: {@link #load(String, String...)}, then {@link
   * Library#bind(Class)}.
   */
  public static <T> T load(String name, Class<T> type, String... options) {
    return load(name, options).bind(type);
  }

  /**
   * The text of a native file, or of one part of it.
   *
   * @param file a chapter's file without {@code .c}, or a path under native/ such as {@code
   *     arch/x86_64-sysv.h}
   * @param part the name of a function, struct or macro in it
   * @throws LabException if the file or the part is not there
   */
  public static Listing source(String file, String part) {
    return Sources.part(Tools.WORKSPACE, file, part);
  }

  /** The text of a whole native file. */
  public static Listing source(String file) {
    return Sources.whole(Tools.WORKSPACE, file);
  }

  /**
   * What the compiler makes of one function, as assembly.
   *
   * @param name a chapter's file without {@code .c}, or a cell's name
   * @param function the function's name
   * @param options words for the compiler; {@code -O0} to {@code -O3}, and on x86-64 {@code
   *     -masm=att} for the other dialect
   */
  public static Listing assembly(String name, String function, String... options) {
    CellSource cell = find(name, List.of(options));
    return Sources.assembly(Tools.compiler(), cell.source(), function, cell.options());
  }

  /** Compiles a cell's body and remembers it under a name. */
  static void edit(String name, String from, String body, List<String> options) {
    Workspace workspace = Tools.WORKSPACE;
    if (NativeSource.stems(workspace.sources()).contains(name)) {
      throw new LabException(
          "%%c: `" + name + "` is the name of a file in native/. Give the cell another one.");
    }
    long start = System.nanoTime();
    NativeSource source = Sources.cell(workspace, name, from, body);
    Compiler.Built built = Tools.compiler().build(source, options);
    CELLS.put(name, new CellSource(source, List.copyOf(options)));
    report(source, built, System.nanoTime() - start);
  }

  private static CellSource find(String name, List<String> options) {
    CellSource cell = CELLS.get(name);
    if (cell == null) {
      return new CellSource(NativeSource.ofFile(Tools.WORKSPACE.sources(), name), options);
    }
    var all = new ArrayList<>(cell.options());
    all.addAll(options);
    return new CellSource(cell.source(), all);
  }

  private static void report(NativeSource source, Compiler.Built built, long nanos) {
    String how =
        built.fresh()
            ? "compiled with " + Tools.compiler().toolchain().version() + " in "
            : "unchanged, loaded from the cache in ";
    Cell.say(source.title() + ": " + how + Words.duration(nanos) + ".");
    if (!built.messages().isBlank()) {
      Cell.say(built.messages().stripTrailing());
    }
  }
}
