package greenthreads.lab.call;

import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.util.Map;
import java.util.TreeMap;

/**
 * The memory that native code was given so far, so that a part of it is known to be one.
 *
 * <p>Code that is given the end of a stack can write below it. A process of its own shares only
 * what it is given: it is then given the whole stack.
 */
public final class KnownMemory {
  /** Segments by their addresses; none lies within another of the same scope. */
  private static final TreeMap<Long, WeakReference<MemorySegment>> KNOWN = new TreeMap<>();

  private static final int SWEEP_AT = 256;

  /** The last one: most calls are given the same memory again. */
  private static volatile WeakReference<MemorySegment> last = new WeakReference<>(null);

  private KnownMemory() {}

  /** Remembers a segment that a call is given, and passes it on. */
  public static MemorySegment given(MemorySegment segment) {
    if (segment != null && !last.refersTo(segment) && segment.byteSize() > 0) {
      remember(segment);
    }
    return segment;
  }

  private static synchronized void remember(MemorySegment segment) {
    last = new WeakReference<>(segment);
    if (!segment.isNative() || whole(segment) != segment) {
      return;
    }
    if (KNOWN.size() >= SWEEP_AT) {
      KNOWN.values().removeIf(reference -> reference.get() == null);
    }
    KNOWN.put(segment.address(), last);
  }

  /** The largest known segment of the same scope that a segment is a part of; else itself. */
  public static synchronized MemorySegment whole(MemorySegment segment) {
    Map.Entry<Long, WeakReference<MemorySegment>> below = KNOWN.floorEntry(segment.address());
    MemorySegment found = below == null ? null : below.getValue().get();
    return found != null
            && found.scope().isAlive()
            && found.scope().equals(segment.scope())
            && found.byteSize() > segment.byteSize()
            && segment.address() + segment.byteSize() <= found.address() + found.byteSize()
        ? found
        : segment;
  }
}
