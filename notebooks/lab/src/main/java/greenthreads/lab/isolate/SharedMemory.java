package greenthreads.lab.isolate;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * The memory that a living process shares with this one: a copy on each side, at the same address.
 *
 * <p>Before a call the other side is told what has changed here since both last agreed, after it
 * this side what has changed there. A segment stays shared as long as it lives, so that code may
 * keep a pointer to it from one call to the next. live.c says how the bytes look.
 */
public final class SharedMemory {
  private static final int PIECE = 1024;

  /** What cannot be shared all at once is a mistake. */
  public static final long MOST = 256L << 20;

  /** One segment: held by its scope, so that being shared does not keep it alive. */
  private static final class SharedSegment {
    final long address;
    final WeakReference<MemorySegment.Scope> scope;
    final boolean readOnly;
    final byte[] agreed;

    SharedSegment(MemorySegment segment) {
      address = segment.address();
      scope = new WeakReference<>(segment.scope());
      readOnly = segment.isReadOnly();
      agreed = new byte[Math.toIntExact(segment.byteSize())];
    }

    long end() {
      return address + agreed.length;
    }

    /** Its memory here; its scope must be held while it is used. */
    MemorySegment memory() {
      return MemorySegment.ofAddress(address).reinterpret(agreed.length);
    }
  }

  private final TreeMap<Long, SharedSegment> shared = new TreeMap<>();
  private final List<Long> forgotten = new ArrayList<>();
  private final List<SharedSegment> fresh = new ArrayList<>();

  /** From now on this segment is shared. */
  public synchronized void share(MemorySegment segment) {
    SharedSegment same = shared.get(segment.address());
    if (same != null
        && same.agreed.length >= segment.byteSize()
        && segment.scope().equals(same.scope.get())) {
      return;
    }
    // What overlaps it is part of it, or is memory that was given back and given out again.
    long end = segment.address() + segment.byteSize();
    var over = new ArrayList<>(shared.subMap(segment.address(), end).values());
    var below = shared.lowerEntry(segment.address());
    if (below != null && below.getValue().end() > segment.address()) {
      if (below.getValue().end() >= end && segment.scope().equals(below.getValue().scope.get())) {
        return;
      }
      over.add(below.getValue());
    }
    over.forEach(this::drop);
    var piece = new SharedSegment(segment);
    shared.put(piece.address, piece);
    fresh.add(piece);
  }

  /** Whether there is something that the other side does not share yet. */
  public synchronized boolean hasFresh() {
    return !fresh.isEmpty();
  }

  private void drop(SharedSegment piece) {
    shared.remove(piece.address);
    if (!fresh.remove(piece)) {
      forgotten.add(piece.address);
    }
  }

  /** Whether an address lies in shared memory, or right behind it. */
  public synchronized boolean holds(long address) {
    var below = shared.floorEntry(address);
    return below != null && address <= below.getValue().end();
  }

  /** Writes what the other side has to know before a call. */
  public synchronized void writeChanges(Message message) {
    for (SharedSegment piece : List.copyOf(shared.values())) {
      MemorySegment.Scope scope = piece.scope.get();
      if (scope == null || !scope.isAlive()) {
        drop(piece);
      }
    }
    message.putInt(forgotten.size());
    forgotten.forEach(message::putLong);
    forgotten.clear();
    message.putInt(fresh.size());
    for (SharedSegment piece : fresh) {
      message.putLong(piece.address).putLong(piece.agreed.length);
    }
    fresh.clear();
    int place = message.position();
    message.putInt(0);
    int count = 0;
    for (SharedSegment piece : shared.values()) {
      count += writeChanges(piece, message);
    }
    message.putInt(place, count);
  }

  private static int writeChanges(SharedSegment piece, Message message) {
    MemorySegment.Scope scope = piece.scope.get();
    if (scope == null) {
      return 0; // collected this moment
    }
    int count = 0;
    MemorySegment now = piece.memory();
    MemorySegment agreed = MemorySegment.ofArray(piece.agreed);
    long from = 0;
    while (from < piece.agreed.length) {
      long differs =
          MemorySegment.mismatch(now, from, now.byteSize(), agreed, from, now.byteSize());
      if (differs < 0) {
        break;
      }
      from = (from + differs) / PIECE * PIECE;
      int size = (int) Math.min(PIECE, piece.agreed.length - from);
      MemorySegment.copy(now, from, agreed, from, size);
      message.putLong(piece.address + from).putInt(size).put(piece.agreed, (int) from, size);
      from += size;
      count++;
    }
    Reference.reachabilityFence(scope);
    return count;
  }

  /** Takes over what the other side says has changed there. */
  public synchronized void readChanges(ByteBuffer answer) {
    for (int count = answer.getInt(); count > 0; count--) {
      long address = answer.getLong();
      byte[] bytes = new byte[answer.getInt()];
      answer.get(bytes);
      var below = shared.floorEntry(address);
      MemorySegment.Scope scope = below == null ? null : below.getValue().scope.get();
      if (scope == null || !scope.isAlive() || address + bytes.length > below.getValue().end()) {
        continue; // given back in the meantime
      }
      SharedSegment piece = below.getValue();
      int at = (int) (address - piece.address);
      merge(piece, at, bytes);
      Reference.reachabilityFence(scope);
    }
  }

  /** Only the bytes that changed there: others may have been written here while the call ran. */
  private static void merge(SharedSegment piece, int at, byte[] bytes) {
    MemorySegment memory = piece.memory();
    int from = 0;
    while (from < bytes.length) {
      int to = from;
      while (to < bytes.length && bytes[to] != piece.agreed[at + to]) {
        to++;
      }
      if (to > from && !piece.readOnly) {
        MemorySegment.copy(
            MemorySegment.ofArray(bytes), from, memory, (long) at + from, (long) to - from);
      }
      System.arraycopy(bytes, from, piece.agreed, at + from, to - from);
      from = to + 1;
    }
  }
}
