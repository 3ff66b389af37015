package greenthreads.lab;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * The native sources of this checkout and of the reader's cells, and what is loaded from them.
 *
 * <p>Interfaces that were bound by name stay tied to their source: when it changes, {@link
 * #refresh()} compiles it again and turns their calls over to the new code. Should that fail, their
 * calls fail with the reason: code that no longer stands in any source is never run silently.
 */
final class Project {
  /**
   * A source with the options it is compiled with.
   *
   * @param source what to compile
   * @param options words for the compiler, after the usual ones
   */
  record Unit(NativeSource source, List<String> options) {
    String key() {
      return source.key(options);
    }
  }

  private final Workspace workspace;
  private final Supplier<Compiler> compiler;
  private final Consumer<String> say;
  private final Map<String, Unit> cells = new ConcurrentHashMap<>();
  private final Links links = new Links();

  /**
   * @param workspace where the sources are
   * @param compiler found when it is first needed: a machine without one can still read
   * @param say where one-line reports go
   */
  Project(Workspace workspace, Supplier<Compiler> compiler, Consumer<String> say) {
    this.workspace = workspace;
    this.compiler = compiler;
    this.say = say;
  }

  Workspace workspace() {
    return workspace;
  }

  Compiler compiler() {
    return compiler.get();
  }

  /** The source of a name as it is now: a cell's, else a file's. */
  Unit find(String name, List<String> options) {
    Unit cell = cells.get(name);
    if (cell == null) {
      return new Unit(NativeSource.ofFile(workspace.sources(), name), options);
    }
    var all = new ArrayList<>(cell.options());
    all.addAll(options);
    return new Unit(cell.source(), all);
  }

  /** Compiles a source if needed and loads it, afresh. */
  Library load(String name, List<String> options) {
    long start = System.nanoTime();
    Unit unit = find(name, options);
    Compiler.Built built = compiler().build(unit.source(), unit.options());
    Library library = Library.open(unit.source(), built);
    report(unit.source(), built, "", System.nanoTime() - start);
    return library;
  }

  /** The same, with an interface bound to it that follows the source. */
  <T> T load(String name, Class<T> type, List<String> options) {
    Unit unit = find(name, options);
    Library library = load(name, options);
    return links.add(new Links.Link<>(name, options, type, library, unit.key()));
  }

  /** Compiles a cell's body, keeps it under a name, and turns over what is bound to that name. */
  void edit(String name, String from, String body, List<String> options) {
    if (NativeSource.stems(workspace.sources()).contains(name)) {
      throw new LabException(
          "%%c: `" + name + "` is the name of a file in native/. Give the cell another one.");
    }
    long start = System.nanoTime();
    NativeSource source = Sources.cell(workspace, name, from, body);
    Compiler.Built built = compiler().build(source, options);
    cells.put(name, new Unit(source, List.copyOf(options)));
    report(source, built, "", System.nanoTime() - start);
    refresh();
  }

  /** Looks at every source that something is bound to, and follows those that have changed. */
  void refresh() {
    Set<String> said = new HashSet<>();
    for (Links.Link<?> link : links.alive()) {
      try {
        Unit unit = find(link.name(), link.options());
        if (!unit.key().equals(link.key())) {
          follow(link, unit, said);
        }
      } catch (LabException e) {
        link.fail(e, "");
      }
    }
  }

  private void follow(Links.Link<?> link, Unit unit, Set<String> said) {
    long start = System.nanoTime();
    try {
      Compiler.Built built = compiler().build(unit.source(), unit.options());
      link.turnOver(Library.open(unit.source(), built), unit.key());
      if (said.add(link.name() + link.options()) && !cells.containsKey(link.name())) {
        report(unit.source(), built, "has changed; ", System.nanoTime() - start);
      }
    } catch (LabException e) {
      // The same text would fail again, except where the disk was at fault.
      link.fail(e, e.getCause() instanceof IOException ? "" : unit.key());
      if (said.add(link.name() + link.options())) {
        say.accept(unit.source().title() + ": has changed, and its calls fail until it is mended.");
      }
    }
  }

  private void report(NativeSource source, Compiler.Built built, String before, long nanos) {
    String how =
        built.fresh()
            ? "compiled with " + compiler().toolchain().version() + " in "
            : "unchanged, loaded from the cache in ";
    if (!built.fresh() && !before.isEmpty()) {
      how = "loaded from the cache in ";
    }
    say.accept(source.title() + ": " + before + how + Words.duration(nanos) + ".");
    if (!built.messages().isBlank()) {
      say.accept(built.messages().stripTrailing());
    }
  }
}
