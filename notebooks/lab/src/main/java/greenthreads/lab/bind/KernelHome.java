package greenthreads.lab.bind;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.base.Words;
import greenthreads.lab.binary.CFunction;
import greenthreads.lab.binary.LibraryInfo;
import greenthreads.lab.call.CodeHome;
import greenthreads.lab.call.CodeMap;
import greenthreads.lab.call.JavaType;
import greenthreads.lab.call.KnownMemory;
import greenthreads.lab.call.Loader;
import greenthreads.lab.call.ProcessState;
import greenthreads.lab.call.Signature;
import greenthreads.lab.call.Upcall;
import greenthreads.lab.compile.Compiler;
import greenthreads.lab.source.NativeSource;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.MutableCallSite;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;

/** A library that is loaded into this process, when it is first needed. */
final class KernelHome implements CodeHome {
  private static final Linker LINKER = Linker.nativeLinker();

  private final NativeSource source;
  private final Compiler.Built built;
  private final LibraryInfo info;
  private SymbolLookup symbols;
  private volatile long base;

  KernelHome(NativeSource source, Compiler.Built built, LibraryInfo info) {
    this.source = source;
    this.built = built;
    this.info = info;
  }

  @Override
  public MethodHandle handle(Signature signature) {
    var type = signature.descriptor().toMethodType();
    var site =
        new Late(
            type,
            () ->
                LINKER.downcallHandle(
                    look(signature.name()).orElseThrow(),
                    signature.descriptor(),
                    options(signature.name())));
    return Handles.wrap(site.dynamicInvoker(), signature);
  }

  /** What the compiler said of a function. */
  Optional<CFunction> function(String name) {
    return info.debug().function(name);
  }

  private Linker.Option[] options(String function) {
    return function(function).filter(CFunction::variadic).stream()
        .map(found -> Linker.Option.firstVariadicArg(found.parameters().size()))
        .toArray(Linker.Option[]::new);
  }

  @Override
  public Optional<MemorySegment> look(String symbol) {
    return symbols().find(symbol);
  }

  @Override
  public long base() {
    return base;
  }

  private synchronized SymbolLookup symbols() {
    if (symbols == null) {
      symbols = load();
      base = CodeMap.remember(this, built.library(), info, symbols);
    }
    return symbols;
  }

  private SymbolLookup load() {
    try {
      Path copy =
          Files.createTempFile(
              built.library().getParent().getParent(), "loaded-", Platform.LIBRARY_SUFFIX);
      try {
        // The process maps the file. A copy under no name cannot be changed under its feet.
        Files.write(copy, built.entry().content());
        Arena arena = info.leavesTraces() ? Arena.global() : Arena.ofAuto();
        return Loader.load(source.title(), copy, arena);
      } finally {
        Files.deleteIfExists(copy);
      }
    } catch (IOException e) {
      throw new LabException(
          source.title() + " was compiled but cannot be read back: " + Words.reason(e), e);
    }
  }

  /** A call site whose target is made at the first call. */
  private static final class Late extends MutableCallSite {
    private static final MethodHandle MAKE;

    static {
      try {
        MAKE =
            MethodHandles.lookup()
                .findVirtual(Late.class, "make", MethodType.methodType(MethodHandle.class));
      } catch (ReflectiveOperationException e) {
        throw new ExceptionInInitializerError(e);
      }
    }

    private final Supplier<MethodHandle> maker;

    Late(MethodType type, Supplier<MethodHandle> maker) {
      super(type);
      this.maker = maker;
      setTarget(MethodHandles.foldArguments(MethodHandles.exactInvoker(type), MAKE.bindTo(this)));
    }

    MethodHandle make() {
      MethodHandle made = maker.get();
      setTarget(made);
      MutableCallSite.syncAll(new MutableCallSite[] {this});
      return made;
    }
  }

  /** Adapts a raw downcall handle to an interface's method. */
  private static final class Handles {
    private static final MethodHandle TO_C;
    private static final MethodHandle FROM_C;
    private static final MethodHandle RETURNED;
    private static final MethodHandle KNOWN;

    static {
      try {
        var lookup = MethodHandles.lookup();
        TO_C =
            lookup.findStatic(
                Handles.class, "toC", MethodType.methodType(MemorySegment.class, String.class));
        FROM_C =
            lookup.findStatic(
                Handles.class, "fromC", MethodType.methodType(String.class, MemorySegment.class));
        KNOWN =
            lookup.findStatic(
                KnownMemory.class,
                "given",
                MethodType.methodType(MemorySegment.class, MemorySegment.class));
        RETURNED =
            lookup.findStatic(
                Handles.class, "returned", MethodType.methodType(void.class, String.class));
      } catch (ReflectiveOperationException e) {
        throw new ExceptionInInitializerError(e);
      }
    }

    static MethodHandle wrap(MethodHandle raw, Signature signature) {
      MethodHandle handle = raw;
      for (int i = 0; i < signature.parameters().size(); i++) {
        if (signature.parameters().get(i) == JavaType.STRING) {
          handle = MethodHandles.filterArguments(handle, i, TO_C);
        } else if (signature.parameters().get(i) == JavaType.SEGMENT) {
          handle = MethodHandles.filterArguments(handle, i, KNOWN);
        }
      }
      if (signature.result() == JavaType.STRING) {
        handle = MethodHandles.filterReturnValue(handle, FROM_C);
      }
      MethodHandle returned = MethodHandles.insertArguments(RETURNED, 0, signature.name());
      return MethodHandles.tryFinally(handle, afterwards(handle.type().returnType(), returned));
    }

    /**
     * After each call: what it left is passed on or put back, and what an upcall threw is thrown.
     */
    private static void returned(String function) {
      ProcessState.afterCall(function);
      Upcall.rethrow();
    }

    /** {@code (Throwable, R result) -> R}: the above, then return the result. */
    private static MethodHandle afterwards(Class<?> result, MethodHandle returned) {
      MethodHandle pass =
          result == void.class
              ? MethodHandles.empty(MethodType.methodType(void.class, Throwable.class))
              : MethodHandles.dropArguments(MethodHandles.identity(result), 0, Throwable.class);
      return MethodHandles.foldArguments(pass, returned);
    }

    /** The copy lives until the garbage collector finds that nobody uses it. */
    static MemorySegment toC(String text) {
      return text == null ? MemorySegment.NULL : Arena.ofAuto().allocateFrom(text);
    }

    static String fromC(MemorySegment text) {
      return text.address() == 0 ? null : text.reinterpret(Long.MAX_VALUE).getString(0);
    }
  }
}
