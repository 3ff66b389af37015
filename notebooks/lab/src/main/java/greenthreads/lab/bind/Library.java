package greenthreads.lab.bind;

import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.Internal;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Words;
import greenthreads.lab.binary.CFunction;
import greenthreads.lab.binary.DebugInfo;
import greenthreads.lab.binary.LibraryInfo;
import greenthreads.lab.binary.Symbols;
import greenthreads.lab.call.CodeHome;
import greenthreads.lab.call.JavaType;
import greenthreads.lab.call.Signature;
import greenthreads.lab.compile.Compiler;
import greenthreads.lab.isolate.IsolatedRun;
import greenthreads.lab.isolate.IsolationTools;
import greenthreads.lab.source.NativeSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.MutableCallSite;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * A native library: compiled, and loaded when it is first used, into this process or into one of
 * its own.
 *
 * <p>Each load is a copy of its own: its global variables start afresh, and code that was loaded
 * before keeps what it had. The library is let go when nothing refers to it any more: neither this
 * object, nor an interface bound to it, nor an address found in it.
 */
public final class Library {
  private static final MethodHandle NOTHING =
      MethodHandles.empty(MethodType.methodType(void.class));

  private final NativeSource source;
  private final Compiler.Built built;
  private final LibraryInfo info;
  private final CodeHome home;
  private final MutableCallSite beforeCall = new MutableCallSite(NOTHING);

  private Library(NativeSource source, Compiler.Built built, LibraryInfo info, CodeHome home) {
    this.source = source;
    this.built = built;
    this.info = info;
    this.home = home;
  }

  /** A compiled source whose code runs in this process. */
  @Internal
  public static Library open(NativeSource source, Compiler.Built built) {
    LibraryInfo info = info(source, built);
    return new Library(source, built, info, new KernelHome(source, built, info));
  }

  /**
   * A compiled source as it was shipped: its code runs in this process until a cell of the reader's
   * own runs, then in a process of its own.
   *
   * @param tools what starts the process, and reads its end
   * @param say where the process's news go
   * @param readers tells whether such a cell has run
   */
  static Library shipped(
      NativeSource source,
      Compiler.Built built,
      Supplier<IsolationTools> tools,
      Consumer<String> say,
      ReadersCells readers) {
    LibraryInfo info = info(source, built);
    var here = new KernelHome(source, built, info);
    var elsewhere = new LivingHome(source, built, info, tools, say);
    return new Library(source, built, info, new ShippedHome(here, elsewhere, readers));
  }

  /**
   * A compiled source whose code runs in a process of its own.
   *
   * @param tools what starts the process, and reads its end
   * @param say where the process's news go
   */
  @Internal
  public static Library living(
      NativeSource source,
      Compiler.Built built,
      Supplier<IsolationTools> tools,
      Consumer<String> say) {
    LibraryInfo info = info(source, built);
    return new Library(source, built, info, new LivingHome(source, built, info, tools, say));
  }

  private static LibraryInfo info(NativeSource source, Compiler.Built built) {
    try {
      return LibraryInfo.of(built);
    } catch (IOException e) {
      throw new LabException(
          source.title() + " was compiled but cannot be read back: " + Words.reason(e), e);
    }
  }

  /** The same code in this process; afresh, unless it was as shipped. */
  Library inKernel() {
    return switch (home) {
      case KernelHome here -> this;
      case ShippedHome shipped -> new Library(source, built, info, shipped.here());
      default -> open(source, built);
    };
  }

  /** Nobody will use it any more. */
  @Internal
  public void leave() {
    home.leave();
  }

  /** The name the library was loaded by: a chapter's file or a cell's name. */
  public String name() {
    return source.name();
  }

  /** The compiled file in the cache, for tools such as objdump. */
  public Path path() {
    return built.library();
  }

  /**
   * Whoever uses this library is told once, from now to the next call of this method, that its
   * source is another by now; if that is a cell that does not compile, use is refused.
   *
   * @param news what has become of the source; empty if it is unchanged
   */
  void outdated(Optional<LabException> news, Consumer<String> say) {
    if (news.isPresent() || beforeCall.getTarget() != NOTHING) {
      beforeCall.setTarget(
          news.map(reason -> Handles.telling(new Outdated(this, reason, say))).orElse(NOTHING));
      MutableCallSite.syncAll(new MutableCallSite[] {beforeCall});
    }
  }

  private record Outdated(Library library, LabException news, Consumer<String> say) {
    /** Called before each use. */
    void tell() {
      if (news instanceof CompileError) {
        throw news;
      }
      library.beforeCall.setTarget(NOTHING); // once is enough
      say.accept(
          ("%s has changed since it was loaded; this is the former version. To load the new one,"
                  + " run the cell with Lab.load(\"%s\") again.")
              .formatted(library.source.title(), library.name()));
    }
  }

  /** To be called before it is used: says so if its source has changed. */
  @Internal
  public Library checked() {
    try {
      beforeCall.getTarget().invokeExact();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    return this;
  }

  @Internal
  public NativeSource source() {
    return source;
  }

  DebugInfo debug() {
    return info.debug();
  }

  /** Its functions, those that are hidden too, by their offsets in the file. */
  @Internal
  public Symbols functions() {
    return info.functions();
  }

  /**
   * The address of a function or a variable.
   *
   * @param symbol its name in C
   * @throws LabException if the library has no such symbol; the message names those it has
   */
  public MemorySegment find(String symbol) {
    return checked().home.look(symbol).orElseThrow(() -> new LabException(missing(symbol, "")));
  }

  /** What an isolated call of one of its functions runs. */
  @Internal
  public IsolatedRun.Callee callee(String function) {
    return new IsolatedRun.Callee(path(), function, home.base(), functions().extent());
  }

  /**
   * A struct's layout as the C compiler laid it out, read from the library's debug information.
   *
   * @param struct its tag or its typedef's name
   * @throws LabException if the library does not use such a struct
   */
  public StructLayout layout(String struct) {
    return checked()
        .debug()
        .struct(struct)
        .orElseThrow(() ->
            new LabException(
                "%s has no struct `%s`.\nA struct that no function uses leaves no trace in the"
                        .formatted(source.title(), struct)
                    + " compiled code."))
        .layout();
  }

  /**
   * Makes native functions callable through an interface: each of its abstract methods calls the C
   * function of the same name.
   *
   * <p>Java's int is C's int, long a 64-bit integer, MemorySegment a pointer, String a {@code const
   * char *} that is copied for the call. What the call prints stands under the cell when it
   * returns.
   *
   * @param type an interface whose methods are named after C functions
   * @throws LabException if a function is missing or differs from its method; both sides are named
   */
  public <T> T bind(Class<T> type) {
    checked();
    var origin = new Bound(type, () -> this, null);
    List<MethodHandle> handles =
        handles(type).stream()
            .map(handle -> MethodHandles.foldArguments(handle, beforeCall.dynamicInvoker()))
            .toList();
    T bound = Binding.implement(type, handles, origin);
    Bound.remember(bound, origin);
    return bound;
  }

  /** A handle for each of an interface's methods, in {@link Binding#methods}'s order. */
  List<MethodHandle> handles(Class<?> type) {
    if (!type.isInterface()) {
      throw new LabException(
          type.getSimpleName()
              + " is not an interface.\nDeclare one with a method for each C function:"
              + " interface Calls { int add(int a, int b); }");
    }
    List<Signature> methods = Binding.methods(type).stream().map(Signature::of).toList();
    boolean returnsAddresses =
        methods.stream().anyMatch(method -> method.result() == JavaType.SEGMENT);
    return methods.stream().map(method -> handle(method, returnsAddresses)).toList();
  }

  private MethodHandle handle(Signature signature, boolean besideAddresses) {
    String name = signature.name();
    if (!functions().exports(name) && home.look(name).isEmpty()) {
      throw new LabException(
          missing(
              name,
              "\n  Java: %s   (interface %s)"
                  .formatted(
                      signature.java(), signature.method().getDeclaringClass().getSimpleName())));
    }
    Optional<CFunction> function = debug().function(name);
    function
        .flatMap(signature::disagreement)
        .ifPresent(message -> {
          throw new LabException(message);
        });
    return besideAddresses ? home.handleBesideAddresses(signature) : home.handle(signature);
  }

  private String missing(String symbol, String javaSide) {
    List<String> known =
        debug().functions().stream()
            .map(CFunction::name)
            .filter(functions()::exports)
            .distinct()
            .sorted()
            .toList();
    String near =
        known.stream()
            .filter(name -> Words.distance(name, symbol) <= Math.max(1, symbol.length() / 3))
            .findFirst()
            .map(name -> "\nDid you mean `" + name + "`?")
            .orElse("");
    return "%s has no function `%s`.%s\n  C:    %s%s"
        .formatted(
            source.title(),
            symbol,
            javaSide,
            known.isEmpty()
                ? "no functions that can be called from outside"
                : known.stream().collect(Collectors.joining(", ")),
            near);
  }

  @Override
  public String toString() {
    return "Library[" + source.title() + "]";
  }

  /** Calls an object's method before each use. */
  private static final class Handles {
    private static final MethodHandle TELL;

    static {
      try {
        TELL =
            MethodHandles.lookup()
                .findVirtual(Outdated.class, "tell", MethodType.methodType(void.class));
      } catch (ReflectiveOperationException e) {
        throw new ExceptionInInitializerError(e);
      }
    }

    static MethodHandle telling(Outdated outdated) {
      return TELL.bindTo(outdated);
    }
  }
}
