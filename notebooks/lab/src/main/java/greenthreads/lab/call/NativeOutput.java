package greenthreads.lab.call;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import greenthreads.lab.base.Platform;
import greenthreads.lab.base.Utf8;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Brings what native code prints under the cell that ran it.
 *
 * <p>C writes to file descriptors 1 and 2, which in a kernel lead to the terminal that started the
 * server. Here a pipe takes their place. A thread waits at the other end and passes on what
 * arrives; after each call into C the calling thread looks as well ({@link #drain()}), so that the
 * output of a call stands before whatever the cell prints next. One lock makes both agree on the
 * order.
 *
 * <p>C's stdout is switched to unbuffered: behind a pipe it would otherwise keep text back until
 * some kilobytes have come together, and lose it in a crash; and only so do printf and write come
 * out in the order of their calls. The price is paid on the stack: the printf of glibc before 2.37
 * then builds its text in 8 KiB there. An isolated run buffers lines, as a terminal does, and so
 * measures what a program would use.
 */
public final class NativeOutput {
  private static final int CHUNK = 64 * 1024;
  private static final int MUCH = CHUNK / 2;

  /** One captured descriptor. */
  private final class Stream {
    final int readEnd;
    final Consumer<String> sink;
    final Utf8 utf8 = new Utf8();

    Stream(int readEnd, Consumer<String> sink) {
      this.readEnd = readEnd;
      this.sink = sink;
    }

    /** Reads what is there, without waiting. Holds {@link #lock}. */
    long takeAll() {
      long taken = 0;
      for (long count = C.read(readEnd, buffer, CHUNK); count > 0; ) {
        byte[] bytes = buffer.asSlice(0, count).toArray(JAVA_BYTE);
        sink.accept(utf8.decode(bytes, 0, bytes.length));
        taken += count;
        count = count == CHUNK ? C.read(readEnd, buffer, CHUNK) : 0;
      }
      return taken;
    }
  }

  private static volatile NativeOutput current;

  private final MemorySegment buffer = Arena.global().allocate(CHUNK);
  private final ReentrantLock lock = new ReentrantLock();
  private final Stream out;
  private final Stream err;

  private NativeOutput(Consumer<String> out, Consumer<String> err) {
    this.out = new Stream(redirect(1), out);
    this.err = new Stream(redirect(2), err);
    C.unbuffer();
  }

  /**
   * Captures the process's descriptors 1 and 2 from now on. A second call does nothing.
   *
   * @param out where text of descriptor 1 goes
   * @param err where text of descriptor 2 goes
   */
  public static synchronized void capture(Consumer<String> out, Consumer<String> err) {
    if (current != null) {
      return;
    }
    var output = new NativeOutput(out, err);
    Thread.ofPlatform().daemon().name("native-output").start(output::watch);
    current = output;
  }

  /** Where what is written to descriptors 1 and 2 can be read; -1 each: it is not captured. */
  static int[] readEnds() {
    NativeOutput output = current;
    return output == null ? new int[] {-1, -1} : new int[] {output.out.readEnd, output.err.readEnd};
  }

  /** Passes on all that was written before this call. */
  public static void drain() {
    NativeOutput output = current;
    if (output != null) {
      output.takeAll();
    }
  }

  /** How much there was. */
  private long takeAll() {
    lock.lock();
    try {
      return out.takeAll() + err.takeAll();
    } finally {
      lock.unlock();
    }
  }

  private void watch() {
    try (var arena = Arena.ofConfined()) {
      MemorySegment descriptors = C.pollDescriptors(arena, out.readEnd, err.readEnd);
      while (C.waitForInput(descriptors, 2) >= 0) {
        if (takeAll() < MUCH) {
          // A pause lets a chatty loop fill the pipe: fewer, larger messages to the browser.
          Thread.sleep(5);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Puts a pipe in a descriptor's place and returns the end to read from. */
  private static int redirect(int descriptor) {
    try (var arena = Arena.ofConfined()) {
      MemorySegment ends = arena.allocate(JAVA_INT, 2);
      C.pipe(ends);
      int readEnd = ends.getAtIndex(JAVA_INT, 0);
      int writeEnd = ends.getAtIndex(JAVA_INT, 1);
      C.doNotBlock(readEnd);
      C.closeOnExec(readEnd);
      C.closeOnExec(writeEnd);
      C.replace(writeEnd, descriptor);
      return readEnd;
    }
  }

  /** The few functions of the C library that this needs. */
  private static final class C {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle READ =
        function("read", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
    private static final MethodHandle PIPE =
        function("pipe", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    private static final MethodHandle DUP2 =
        function("dup2", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
    private static final MethodHandle FCNTL =
        function(
            "fcntl",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT),
            Linker.Option.firstVariadicArg(2));
    private static final MethodHandle POLL =
        function("poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    private static final MethodHandle SETVBUF =
        function("setvbuf", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_LONG));

    private static final int F_SETFD = 2;
    private static final int FD_CLOEXEC = 1;
    private static final int F_SETFL = 4;
    private static final int O_NONBLOCK = Platform.IS_MAC ? 0x4 : 0x800;
    private static final short POLLIN = 1;
    private static final int IONBF = 2;

    private static MethodHandle function(
        String name, FunctionDescriptor type, Linker.Option... options) {
      return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), type, options);
    }

    static long read(int descriptor, MemorySegment buffer, long size) {
      try {
        return (long) READ.invokeExact(descriptor, buffer, size);
      } catch (Throwable e) {
        throw failed("read", e);
      }
    }

    static void pipe(MemorySegment ends) {
      try {
        check("pipe", (int) PIPE.invokeExact(ends));
      } catch (Throwable e) {
        throw failed("pipe", e);
      }
    }

    static void replace(int with, int descriptor) {
      try {
        check("dup2", (int) DUP2.invokeExact(with, descriptor));
      } catch (Throwable e) {
        throw failed("dup2", e);
      }
    }

    static void doNotBlock(int descriptor) {
      fcntl(descriptor, F_SETFL, O_NONBLOCK);
    }

    static void closeOnExec(int descriptor) {
      fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    }

    private static void fcntl(int descriptor, int command, int value) {
      try {
        check("fcntl", (int) FCNTL.invokeExact(descriptor, command, value));
      } catch (Throwable e) {
        throw failed("fcntl", e);
      }
    }

    /** Two {@code struct pollfd { int fd; short events, revents; }} in a row. */
    static MemorySegment pollDescriptors(Arena arena, int first, int second) {
      MemorySegment both = arena.allocate(16, 4);
      both.set(JAVA_INT, 0, first);
      both.set(JAVA_SHORT, 4, POLLIN);
      both.set(JAVA_INT, 8, second);
      both.set(JAVA_SHORT, 12, POLLIN);
      return both;
    }

    /** Waits until one of them has something to read; a signal may end the wait early. */
    static int waitForInput(MemorySegment descriptors, long count) {
      try {
        int ready = (int) POLL.invokeExact(descriptors, count, -1);
        return Math.max(ready, 0);
      } catch (Throwable e) {
        throw failed("poll", e);
      }
    }

    static void unbuffer() {
      String name = Platform.IS_MAC ? "__stdoutp" : "stdout";
      MemorySegment variable = LINKER.defaultLookup().findOrThrow(name);
      MemorySegment file = variable.reinterpret(ADDRESS.byteSize()).get(ADDRESS, 0);
      try {
        check("setvbuf", (int) SETVBUF.invokeExact(file, MemorySegment.NULL, IONBF, 0L));
      } catch (Throwable e) {
        throw failed("setvbuf", e);
      }
    }

    private static void check(String function, int result) {
      if (result < 0) {
        throw new IllegalStateException(function + " failed");
      }
    }

    private static IllegalStateException failed(String function, Throwable e) {
      return e instanceof IllegalStateException known
          ? known
          : new IllegalStateException(function + " could not be called", e);
    }
  }
}
