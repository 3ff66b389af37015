package greenthreads.lab.call;

import greenthreads.lab.binary.CFunction;
import greenthreads.lab.binary.CodePlace;
import greenthreads.lab.binary.LibraryInfo;
import greenthreads.lab.binary.Symbols;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BiFunction;

/**
 * What lies where in this process: the functions of the libraries that the reader loaded, by name,
 * and everything else as far as the system says.
 */
public final class CodeMap {
  /** The home keeps the library where it is; an entry lasts as long as the home. */
  private record Module(
      WeakReference<CodeHome> home,
      long base,
      long size,
      Symbols symbols,
      List<Mapping> elsewhere) {}

  private static final List<Module> MODULES = new ArrayList<>();

  private CodeMap() {}

  /**
   * Keeps in mind where a library was loaded, as long as its home is in use.
   *
   * @return where it lies; 0 if it has no function to tell by
   */
  public static long remember(CodeHome home, Path file, LibraryInfo info, SymbolLookup symbols) {
    Symbols functions = info.functions();
    for (CFunction function : info.debug().functions()) {
      Optional<Symbols.Symbol> symbol =
          function.external() ? functions.named(function.name()) : Optional.empty();
      Optional<MemorySegment> address = symbol.flatMap(found -> symbols.find(found.name()));
      if (address.isPresent()) {
        long base = address.get().address() - symbol.get().start();
        // As a last resort the file's length, which is more than is mapped, or less.
        long size = functions.extent() > 0 ? functions.extent() : file.toFile().length();
        remember(new Module(new WeakReference<>(home), base, size, functions, List.of()));
        return base;
      }
    }
    return 0;
  }

  /**
   * The same for one that another process has loaded: its addresses stand in memory that both
   * share.
   *
   * @param mappings its mappings there
   */
  public static void remember(CodeHome home, Symbols symbols, long base, List<Mapping> mappings) {
    long end = mappings.stream().mapToLong(Mapping::high).max().orElse(base);
    remember(new Module(new WeakReference<>(home), base, end - base, symbols, mappings));
  }

  private static void remember(Module module) {
    synchronized (MODULES) {
      MODULES.removeIf(each -> each.home().get() == null);
      MODULES.add(module);
    }
  }

  /** The function of the reader's libraries that an address lies in. */
  public static Optional<CodePlace> function(long address) {
    return place(address, Symbols::at);
  }

  /** The global variable of the reader's libraries that an address lies in. */
  public static Optional<CodePlace> variable(long address) {
    return place(address, Symbols::variable);
  }

  private static Optional<CodePlace> place(
      long address, BiFunction<Symbols, Long, Optional<Symbols.Symbol>> look) {
    return owner(address)
        .flatMap(module -> {
          long offset = address - module.base();
          return look.apply(module.symbols(), offset).map(found -> found.place(offset));
        });
  }

  /**
   * The library that an address lies in. Where their extents are not known exactly, the range of
   * one may reach over the next: so of those that begin below the address, the nearest.
   */
  private static Optional<Module> owner(long address) {
    synchronized (MODULES) {
      Module nearest = null;
      for (Module module : MODULES.reversed()) {
        long offset = address - module.base();
        if (offset >= 0
            && offset < module.size()
            && module.home().get() != null
            && (nearest == null || module.base() > nearest.base())) {
          nearest = module;
        }
      }
      return Optional.ofNullable(nearest);
    }
  }

  /**
   * This process's memory as it is mapped now, and what others have loaded; empty where the system
   * does not say (macOS).
   */
  public static List<Mapping> mappings() {
    try {
      var mappings = new ArrayList<>(mappings(Path.of("/proc/self/maps")));
      synchronized (MODULES) {
        MODULES.forEach(module -> mappings.addAll(module.elsewhere()));
      }
      return mappings;
    } catch (IOException e) {
      return List.of();
    }
  }

  /** A process's memory as it is mapped now, from its file under /proc. */
  public static List<Mapping> mappings(Path maps) throws IOException {
    return Files.readAllLines(maps).stream().map(Mapping::parse).toList();
  }

  /** Regions by their lowest address, to be searched. */
  public static TreeMap<Long, Mapping> byAddress(List<Mapping> mappings) {
    var all = new TreeMap<Long, Mapping>(Long::compareUnsigned);
    mappings.forEach(mapping -> all.put(mapping.low(), mapping));
    return all;
  }

  /** What the dynamic linker knows of an address: the exported function that it lies in. */
  public static Optional<CodePlace> exported(long address) {
    return Linked.name(address);
  }

  /** The load address of the library that holds an address; 0 if there is none. */
  static long base(long address) {
    return Linked.base(address);
  }

  private static final class Linked {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle DLADDR =
        LINKER
            .defaultLookup()
            .find("dladdr")
            .map(symbol ->
                LINKER.downcallHandle(
                    symbol,
                    FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS)))
            .orElse(null);

    static long base(long address) {
      if (DLADDR == null) {
        return 0;
      }
      MemorySegment info = Arena.ofAuto().allocate(32, 8);
      try {
        int found = (int) DLADDR.invokeExact(address, info);
        return found == 0 ? 0 : info.get(ValueLayout.JAVA_LONG, 8);
      } catch (Throwable e) {
        throw new IllegalStateException("dladdr could not be called", e);
      }
    }

    static Optional<CodePlace> name(long address) {
      if (DLADDR == null) {
        return Optional.empty();
      }
      // Dl_info: file name, base, symbol name, symbol address.
      MemorySegment info = Arena.ofAuto().allocate(32, 8);
      try {
        int found = (int) DLADDR.invokeExact(address, info);
        long name = info.get(ValueLayout.JAVA_LONG, 16);
        if (found == 0 || name == 0) {
          return Optional.empty();
        }
        String text = MemorySegment.ofAddress(name).reinterpret(4096).getString(0);
        return Optional.of(new CodePlace(text, address - info.get(ValueLayout.JAVA_LONG, 24)));
      } catch (IndexOutOfBoundsException e) {
        return Optional.empty(); // a mangled name longer than anybody would read
      } catch (Throwable e) {
        throw new IllegalStateException("dladdr could not be called", e);
      }
    }
  }
}
