package greenthreads.lab.bind;

import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Words;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.call.ProcessState;
import greenthreads.lab.compile.Compiler;
import greenthreads.lab.isolate.IsolationTools;
import greenthreads.lab.source.NativeSource;
import greenthreads.lab.source.Sources;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * The native sources of this checkout and of the reader's cells, and what is loaded from them.
 *
 * <p>Interfaces that were bound by name stay tied to their source: when it changes, {@reloadable
 * #refresh()} compiles it again and turns their calls over to the new code. Should that fail, their
 * calls fail with the reason: code that no longer stands in any source is never run silently. A
 * cell that does not compile as it stands has no code at all.
 */
public final class Project {
  /**
   * A source with the options it is compiled with.
   *
   * @param source what to compile
   * @param options words for the compiler, after the usual ones
   */
  public record CompilerInput(NativeSource source, List<String> options) {
    String key() {
      return source.key(options);
    }
  }

  /** A cell that compiled; {@code from} is null where it is a whole file. */
  private record Edited(String from, String body, CompilerInput input) {}

  /** A library that was loaded by a name, and what it was made of. */
  private record Loaded(
      WeakReference<Library> library, String name, List<String> options, String key) {}

  /** What is said of code that the reader has changed. */
  private static final String ITS_OWN_PROCESS = "Yours, so it runs in a process of its own.";

  /** Bound while nothing is said of what is loaded from the cache. */
  private static final ScopedValue<Boolean> QUIET = ScopedValue.newInstance();

  private final Workspace workspace;
  private final Supplier<Compiler> compiler;
  private final Consumer<String> say;
  private final Supplier<IsolationTools> tools;
  private final Predicate<CompilerInput> shipped;
  private final Map<String, Edited> cells = new ConcurrentHashMap<>();
  private final Map<String, LabException> broken = new ConcurrentHashMap<>();
  private final Reloadables reloadables = new Reloadables();
  private final ReadersCells readers;

  /** What was compiled ahead and has not been reported yet, and how long that took. */
  private final Map<String, Duration> ahead = new ConcurrentHashMap<>();

  private final List<Loaded> loaded = new ArrayList<>();

  /**
   * @param workspace where the sources are
   * @param compiler found when it is first needed: a machine without one can still read
   * @param say where one-line reports go
   * @param tools what runs code in a process of its own
   * @param shipped tells what runs in this process: code that is as it was shipped
   */
  public Project(
      Workspace workspace,
      Supplier<Compiler> compiler,
      Consumer<String> say,
      Supplier<IsolationTools> tools,
      Predicate<CompilerInput> shipped) {
    this.workspace = workspace;
    this.compiler = compiler;
    this.say = say;
    this.tools = tools;
    this.shipped = shipped;
    this.readers = new ReadersCells(say);
  }

  /** A cell of Java is going to run that the reader has changed or written. */
  public void readersCellBegins() {
    readers.begin();
  }

  public Workspace workspace() {
    return workspace;
  }

  /** The names of the cells of C that compiled. */
  public List<String> cells() {
    return cells.keySet().stream().sorted().toList();
  }

  /**
   * The source behind an interface that was bound to one; the last one, if there are several.
   *
   * @param type the interface's simple name
   */
  public Optional<NativeSource> boundTo(String type) {
    return reloadables.alive().stream()
        .filter(bound -> bound.type().getSimpleName().equals(type))
        .reduce((first, last) -> last)
        .flatMap(bound -> {
          try {
            return Optional.of(find(bound.name(), bound.options()).source());
          } catch (LabException e) {
            return Optional.empty();
          }
        });
  }

  public Compiler compiler() {
    return compiler.get();
  }

  /** Whether a source is as it was shipped; it runs in this process then. */
  public boolean isShipped(CompilerInput input) {
    return shipped.test(input);
  }

  /**
   * The source of a name as it is now: a cell's, else a file's.
   *
   * @throws CompileError if the cell does not compile as it stands
   */
  public CompilerInput find(String name, List<String> options) {
    LabException wrong = broken.get(name);
    if (wrong != null) {
      throw notAsItStands(name, wrong);
    }
    if (!cells.containsKey(name)) {
      return new CompilerInput(NativeSource.ofFile(workspace.sources(), name), options);
    }
    CompilerInput cell = current(name);
    var all = new ArrayList<>(cell.options());
    all.addAll(options);
    return new CompilerInput(cell.source(), all);
  }

  private static CompileError notAsItStands(String name, LabException wrong) {
    if (wrong.getCause() instanceof IOException) { // no fault of its text: a full disk, say
      return new CompileError(
          ("cell %s could not be compiled, and its former version is not run.\n"
                  + "When that is mended run it, then run this cell again. What was wrong:\n%s")
              .formatted(name, wrong.getMessage()));
    }
    List<String> said = wrong.getMessage().lines().toList();
    String error =
        said.stream()
            .filter(line -> line.contains("error:") && !line.startsWith("collect2:"))
            .findFirst()
            .orElse(said.isEmpty() ? "" : said.getFirst()); // of the linker the lab speaks itself
    return new CompileError(
        ("cell %s does not compile as it stands, and its former version is not run.\n"
                + "Mend it and run it, then run this cell again.%s")
            .formatted(name, error.isEmpty() ? "" : "\n" + error));
  }

  /** A cell's source, put together anew if a file that went into it has changed. */
  private CompilerInput current(String name) {
    Edited cell = cells.get(name);
    NativeSource source = cell.input().source();
    if (source.isCurrent()) {
      return cell.input();
    }
    var fresh =
        new CompilerInput(
            Sources.cell(workspace, name, cell.from(), cell.body()), cell.input().options());
    cells.put(name, new Edited(cell.from(), cell.body(), fresh));
    return fresh;
  }

  /**
   * Compiles a source if needed and loads it, afresh.
   *
   * <p>Unlike an interface that was loaded with it, a library stays what it was when its source
   * changes: {@link #refresh()} has it say so when it is used.
   */
  public Library load(String name, List<String> options) {
    CompilerInput input = find(name, options);
    Library library = open(input);
    synchronized (loaded) {
      loaded.removeIf(other -> other.library().get() == null);
      loaded.add(new Loaded(new WeakReference<>(library), name, options, input.key()));
    }
    return library;
  }

  /** The same, with an interface bound to it that follows the source. */
  public <T> T load(String name, Class<T> type, List<String> options) {
    CompilerInput input = find(name, options);
    return reloadables.add(
        new Reloadables.Reloadable<>(name, options, type, open(input), input.key(), false));
  }

  /**
   * The same interface, whose calls run in this process whatever the source is.
   *
   * @param object what {@link #load(String, Class, List)} or {@link Library#bind} returned
   */
  public <T> T inKernel(T object) {
    Bound bound =
        Bound.of(object)
            .orElseThrow(() ->
                new LabException(
                    "Lab.inKernel wants what Lab.load(name, type) returned, not "
                        + (object == null
                            ? "null: the cell that loads the library has not run, or it failed."
                            : "a " + object.getClass().getSimpleName() + ".")));
    Library library = bound.library().get();
    sayWhere(library);
    @SuppressWarnings("unchecked") // the object implements the interface it was bound to
    T here =
        (T)
            (bound.keeper() instanceof Reloadables.Reloadable<?> reloadable
                ? reloadables.add(reloadable.toKernel())
                : library.inKernel().bind(bound.type()));
    return here;
  }

  /** The same library, afresh, in this process. */
  public Library inKernel(Library library) {
    sayWhere(library);
    return library.inKernel();
  }

  private void sayWhere(Library library) {
    keepProcess();
    say.accept(
        library.source().title()
            + ": runs in the kernel's own process, as you ask. A mistake in it can end the kernel.");
  }

  private Library open(CompilerInput input) {
    long start = System.nanoTime();
    Compiler.Built built = compiler().build(input.source(), input.options());
    Library library = library(input, built);
    report(input, built, "", System.nanoTime() - start);
    return library;
  }

  private Library library(CompilerInput input, Compiler.Built built) {
    if (!isShipped(input)) {
      return Library.living(input.source(), built, tools, say);
    }
    keepProcess();
    return Library.shipped(input.source(), built, tools, say, readers);
  }

  /** Before native code runs in this process. */
  private void keepProcess() {
    ProcessState.keep(compiler().toolchain().command(), workspace.folder("native"));
  }

  /** Compiles what a cell is going to ask for; the cell will say how long that took. */
  public void compileAhead(CompilerInput input) {
    keepProcess();
    long start = System.nanoTime();
    Compiler.Built built = compiler().build(input.source(), input.options());
    if (built.fresh()) {
      ahead.put(built.key(), Duration.ofNanos(System.nanoTime() - start));
    }
  }

  /** Compiles a cell's body, keeps it under a name, and turns over what is bound to that name. */
  public void edit(String name, String from, String body, List<String> options) {
    if (NativeSource.stems(workspace.sources()).contains(name)) {
      throw new LabException(
          "%%c: `" + name + "` is the name of a file in native/. Give the cell another one.");
    }
    long start = System.nanoTime();
    try {
      NativeSource source = Sources.cell(workspace, name, from, body);
      Compiler.Built built = compiler().build(source, options);
      var input = new CompilerInput(source, List.copyOf(options));
      cells.put(name, new Edited(from, body, input));
      broken.remove(name);
      report(input, built, "", System.nanoTime() - start);
    } catch (LabException e) {
      refuse(name, e);
      throw e;
    }
    refresh(name);
  }

  /** From now on a name stands for nothing that could be run, until its cell is mended. */
  public void refuse(String name, LabException reason) {
    boolean isFile = NativeSource.stems(workspace.sources()).contains(name);
    if (!isFile && broken.put(name, reason) != reason) {
      refresh(name);
    }
  }

  /** Runs something in which nothing is said of what is loaded from the cache. */
  public static void quietly(Runnable run) {
    ScopedValue.where(QUIET, true).run(run);
  }

  /** Looks at every source that is in use, and follows those that have changed. */
  public void refresh() {
    refresh(null);
  }

  /**
   * @param edited the cell that has just said itself what became of it; null if none has
   */
  private void refresh(String edited) {
    Set<String> said = new HashSet<>();
    if (edited != null) {
      said.add(edited);
    }
    for (Reloadables.Reloadable<?> reloadable : reloadables.alive()) {
      try {
        CompilerInput input = find(reloadable.name(), reloadable.options());
        if (!input.key().equals(reloadable.key())) {
          follow(reloadable, input, said);
        }
      } catch (LabException e) {
        reloadable.fail(e, "");
      }
    }
    List<Loaded> all;
    synchronized (loaded) {
      all = List.copyOf(loaded);
    }
    for (Loaded one : all) {
      Library library = one.library().get();
      if (library != null) {
        library.outdated(news(one), say);
      }
    }
  }

  /** What has become of the source of a library; empty if it is unchanged. */
  private Optional<LabException> news(Loaded one) {
    try {
      return find(one.name(), one.options()).key().equals(one.key())
          ? Optional.empty()
          : Optional.of(new LabException("has changed since it was loaded"));
    } catch (LabException e) {
      return Optional.of(e);
    }
  }

  private void follow(Reloadables.Reloadable<?> reloadable, CompilerInput input, Set<String> said) {
    long start = System.nanoTime();
    try {
      Compiler.Built built = compiler().build(input.source(), input.options());
      Library library =
          reloadable.inKernel() ? Library.open(input.source(), built) : library(input, built);
      reloadable.turnOver(library, input.key());
      if (!said.contains(reloadable.name()) && said.add(reloadable.name() + reloadable.options())) {
        report(input, built, "has changed; ", System.nanoTime() - start);
      }
    } catch (LabException e) {
      // The same text would fail again, except where the disk was at fault.
      reloadable.fail(e, e.getCause() instanceof IOException ? "" : input.key());
      if (!said.contains(reloadable.name()) && said.add(reloadable.name() + reloadable.options())) {
        say.accept(
            input.source().title() + ": has changed, and its calls fail until it is mended.");
      }
    }
  }

  private void report(CompilerInput input, Compiler.Built built, String event, long nanos) {
    Optional<Duration> before = Optional.ofNullable(ahead.remove(built.key()));
    if (QUIET.isBound() && !built.fresh() && before.isEmpty()) {
      return;
    }
    String how = "unchanged, loaded from the cache in ";
    if (built.fresh() || before.isPresent()) {
      how = "compiled with " + compiler().toolchain().version() + " in ";
    } else if (!event.isEmpty()) {
      how = "loaded from the cache in ";
    }
    how += Words.duration(before.map(Duration::toNanos).orElse(nanos));
    how += before.isPresent() ? ", in the background." : ".";
    String where = isShipped(input) ? "" : " " + ITS_OWN_PROCESS;
    say.accept(input.source().title() + ": " + event + how + where);
    if (!built.messages().isBlank()) {
      say.accept(built.messages().stripTrailing());
    }
  }
}
