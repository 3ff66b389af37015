package greenthreads.lab.isolate;

import greenthreads.lab.call.CodeMap;
import greenthreads.lab.call.Loader;
import greenthreads.lab.call.Mapping;
import greenthreads.lab.call.ProcessState;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Lets Java look into the memory of a living process, at the addresses that it has there.
 *
 * <p>What is read is brought over at that moment; what is written reaches the process when it runs
 * on. Where nothing is, Java gets an InternalError, not the end of the kernel. Linux only, and only
 * where one process may read another: elsewhere addresses of another process are refused.
 */
public final class Mirror {
  private record Range(long low, long high) {
    boolean holds(long address) {
      return Long.compareUnsigned(low, address) <= 0 && Long.compareUnsigned(address, high) < 0;
    }
  }

  private static volatile Mirror instance;

  private final MethodHandle add;
  private final MethodHandle collect;
  private final MethodHandle forget;
  private final Map<Long, List<Range>> ranges = new HashMap<>();

  private Mirror(SymbolLookup library) throws Throwable {
    add =
        handle(
            library,
            "mirror_add",
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG));
    collect = handle(library, "mirror_collect", FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT));
    forget = handle(library, "mirror_forget", FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT));
    int started =
        (int)
            handle(library, "mirror_start", FunctionDescriptor.of(ValueLayout.JAVA_INT))
                .invokeExact();
    if (started != 0) {
      throw new IllegalStateException("there is no handler to hand faults on to");
    }
  }

  private static MethodHandle handle(SymbolLookup library, String name, FunctionDescriptor type) {
    return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), type);
  }

  /** The one of this process; it stays. */
  public static synchronized Mirror of(Host host) {
    if (instance == null) {
      try {
        instance = new Mirror(Loader.load("mirror.c", host.mirror(), Arena.global()));
        ProcessState.keepHandlers();
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }
    return instance;
  }

  /** Whether an address was mirrored for a process. */
  synchronized boolean holds(long pid, long address) {
    return ranges.getOrDefault(pid, List.of()).stream().anyMatch(range -> range.holds(address));
  }

  /**
   * Makes the memory around an address of a process readable here, at the same place.
   *
   * @return whether that was possible, or nothing is there
   */
  public synchronized boolean reach(long pid, long address) {
    if (holds(pid, address)) {
      return true;
    }
    try {
      for (Mapping mapping : CodeMap.mappings(Path.of("/proc/" + pid + "/maps"))) {
        if (mapping.contains(address)) {
          return add(pid, mapping);
        }
      }
      return true; // a number that is no address: whoever looks there is told so
    } catch (IOException e) {
      return false;
    }
  }

  /** Adds what of a mapping is not mirrored yet. */
  private boolean add(long pid, Mapping mapping) {
    List<Range> known = ranges.computeIfAbsent(pid, each -> new ArrayList<>());
    long low = mapping.low();
    while (low < mapping.high()) {
      long from = low;
      var over = known.stream().filter(range -> range.holds(from)).findFirst();
      if (over.isPresent()) {
        low = over.get().high();
        continue;
      }
      long next =
          known.stream()
              .mapToLong(Range::low)
              .filter(start -> start > from)
              .min()
              .orElse(mapping.high());
      long high = Math.min(next, mapping.high());
      if (call(pid, low, high) != 0) {
        return false;
      }
      known.add(new Range(low, high));
      low = high;
    }
    return true;
  }

  private int call(long pid, long low, long high) {
    try {
      return (int) add.invokeExact((int) pid, low, high);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whether there is a mirror, and an address in it. */
  public static boolean holdsIn(long pid, long address) {
    Mirror mirror = instance;
    return mirror != null && mirror.holds(pid, address);
  }

  /** To be called before a process runs on. */
  public static void collect(long pid) {
    Mirror mirror = instance;
    if (mirror != null) {
      mirror.invoke(mirror.collect, pid);
    }
  }

  /** To be called when a process has ended. */
  public static void forget(long pid) {
    Mirror mirror = instance;
    if (mirror != null) {
      mirror.invoke(mirror.forget, pid);
      mirror.ranges.remove(pid);
    }
  }

  private synchronized void invoke(MethodHandle handle, long pid) {
    if (ranges.containsKey(pid)) {
      try {
        handle.invokeExact((int) pid);
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
