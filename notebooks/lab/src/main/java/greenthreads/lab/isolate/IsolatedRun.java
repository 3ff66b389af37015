package greenthreads.lab.isolate;

import greenthreads.lab.base.LabException;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Runs one native function in a process of its own.
 *
 * <p>The call's thread waits, passes output on, and is the only one that touches the arguments. If
 * it is interrupted, or if this process ends in whatever way, the pipe to the host closes and the
 * host ends everything that it started.
 */
public final class IsolatedRun {
  /** How long a call may take unless the caller says otherwise. */
  public static final Duration DEFAULT_LIMIT = Duration.ofSeconds(10);

  /** An argument's memory is copied; more than this is a mistake. */
  private static final long MAX_COPY = 256L << 20;

  /** The host ends a call some three seconds past its limit at most. Past this, it is stuck. */
  private static final Duration GRACE = Duration.ofSeconds(10);

  private static final int ERRORS_KEPT = 4096;

  /**
   * What is called.
   *
   * @param library the compiled library's file
   * @param function the function's name
   * @param base where the library lies in this process, so that addresses in it can be passed as
   *     arguments; 0 if it is not loaded here
   * @param extent how many bytes it takes there
   */
  public record Callee(Path library, String function, long base, long extent) {}

  /** Asks for a trace of a call, and receives it. */
  public static final class Stepping {
    private final List<String> words;
    private final ByteArrayOutputStream trace = new ByteArrayOutputStream();
    private HostReport report = HostReport.parse(new byte[0]);

    /**
     * @param words the host's further arguments: the number of steps, then the functions' offsets
     */
    public Stepping(List<String> words) {
      this.words = words;
    }

    /** What the host recorded; empty if none of the functions was entered. */
    public byte[] trace() {
      return trace.toByteArray();
    }

    /** What the traced process said of itself. */
    public HostReport report() {
      return report;
    }
  }

  private record Frame(int kind, byte[] bytes) {
    static final Frame END = new Frame(-1, new byte[0]);
  }

  private final Callee callee;
  private final CallShape shape;
  private final Object[] args;
  private final Duration limit;
  private final OutputSink sink;
  private final Stepping stepping;

  private final ByteArrayOutputStream report = new ByteArrayOutputStream();
  private final Map<Integer, HostReport.Argument> kernelMemory = new HashMap<>();
  private final Map<Integer, byte[]> copies = new HashMap<>();
  private final StringBuilder errors = new StringBuilder();
  private long printed;
  private String ending = "";

  private IsolatedRun(
      Callee callee,
      CallShape shape,
      Object[] args,
      Duration limit,
      OutputSink sink,
      Stepping stepping) {
    this.stepping = stepping;
    this.callee = callee;
    this.shape = shape;
    this.args = args == null ? new Object[0] : args;
    this.limit = limit;
    this.sink = sink;
  }

  /**
   * Calls a native function in a process of its own and waits for its end.
   *
   * <p>Memory that pointers point to is copied to the process and, if the function returns, back;
   * nothing is copied back from a call that did not return.
   *
   * @param args one for each parameter, of the Java types that bound interfaces use
   * @param limit how long it may take
   * @param sink where its output goes, on the calling thread, as it comes
   * @throws LabException if an argument cannot be passed to another process, or the library cannot
   *     be loaded there
   */
  public static Outcome call(
      Host host, Callee callee, CallShape shape, Object[] args, Duration limit, OutputSink sink) {
    return call(host, callee, shape, args, limit, sink, new Stepping(List.of()));
  }

  /** The same, stepped where the functions that {@code stepping} names are entered. */
  public static Outcome call(
      Host host,
      Callee callee,
      CallShape shape,
      Object[] args,
      Duration limit,
      OutputSink sink,
      Stepping stepping) {
    return new IsolatedRun(callee, shape, args, limit, sink, stepping).run(host);
  }

  private Outcome run(Host host) {
    byte[] input = input();
    var command = new ArrayList<>(host.command());
    command.addAll(
        List.of(
            callee.library().toAbsolutePath().toString(),
            callee.function(),
            shape.signature(),
            Long.toString(Math.max(1, limit.toMillis()))));
    command.addAll(stepping.words);
    Process process;
    try {
      process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    } catch (IOException e) {
      throw new LabException("The isolated process could not be started: " + e.getMessage(), e);
    }
    BlockingQueue<Frame> frames = new ArrayBlockingQueue<>(32);
    Thread reader =
        Thread.ofPlatform()
            .daemon()
            .name("isolated-run")
            .start(() -> read(process.getInputStream(), frames));
    try {
      send(process.getOutputStream(), input);
      if (!receive(frames)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      // The host sees its input close and ends the run; wait below, so that nothing is left.
      close(process.getOutputStream());
      waitFor(process);
      Thread.currentThread().interrupt();
      return new Outcome.Interrupted();
    } finally {
      close(process.getOutputStream());
      waitFor(process);
      reader.interrupt();
      close(process.getInputStream());
    }
    return outcome();
  }

  private static void send(OutputStream to, byte[] input) {
    try {
      to.write(input);
      to.flush();
    } catch (IOException e) {
      // The host has refused or has ended: what it said of it is about to be read.
    }
  }

  private static void close(java.io.Closeable stream) {
    try {
      stream.close();
    } catch (IOException e) {
      // A pipe whose other end is gone: nothing is lost.
    }
  }

  /** Waits for the host's end whatever happens; if it should be stuck, ends it. */
  private static void waitFor(Process process) {
    boolean interrupted = Thread.interrupted();
    long deadline = System.nanoTime() + GRACE.toNanos();
    while (process.isAlive()) {
      try {
        if (!process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          process.destroyForcibly();
          deadline = Long.MAX_VALUE;
        }
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void read(InputStream stream, BlockingQueue<Frame> frames) {
    try {
      try (var in = new DataInputStream(stream)) {
        for (int kind = in.read(); kind >= 0; kind = in.read()) {
          byte[] bytes = new byte[Integer.reverseBytes(in.readInt())];
          in.readFully(bytes);
          frames.put(new Frame(kind, bytes));
        }
      } catch (EOFException e) {
        // The host was killed amid a frame; END says so.
      } catch (IOException e) {
        // The call is over and has closed the pipe.
      }
      frames.put(Frame.END);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // nobody listens any more
    }
  }

  /** Takes frames until the last one; false if the host does not end in time. */
  private boolean receive(BlockingQueue<Frame> frames) throws InterruptedException {
    long deadline = System.nanoTime() + limit.plus(GRACE).toNanos();
    while (true) {
      Frame frame = frames.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (frame == null) {
        return false;
      }
      switch (frame.kind()) {
        case 'o' -> {
          printed += frame.bytes().length;
          sink.out(frame.bytes());
        }
        case 'e' -> {
          printed += frame.bytes().length;
          keepError(frame.bytes());
          sink.err(frame.bytes());
        }
        case 'r' -> report.writeBytes(frame.bytes());
        case 't' -> stepping.trace.writeBytes(frame.bytes());
        case 'x' -> ending = new String(frame.bytes(), StandardCharsets.UTF_8);
        default -> {
          return true;
        }
      }
    }
  }

  private void keepError(byte[] bytes) {
    int from = Math.max(0, bytes.length - ERRORS_KEPT);
    errors.append(new String(bytes, from, bytes.length - from, StandardCharsets.ISO_8859_1));
    errors.delete(0, Math.max(0, errors.length() - ERRORS_KEPT));
  }

  // ----- arguments -----------------------------------------------------------------------------

  private byte[] input() {
    if (args.length != shape.parameters().length()) {
      throw new LabException(
          "%s takes %d arguments, not %d."
              .formatted(callee.function(), shape.parameters().length(), args.length));
    }
    var bytes = new ByteArrayOutputStream();
    for (int i = 0; i < args.length; i++) {
      switch (shape.parameters().charAt(i)) {
        case 'p' -> pointer(bytes, i, (MemorySegment) args[i]);
        case 's' -> string(bytes, (String) args[i]);
        default -> bytes.writeBytes(number(CallShape.bits(args[i])));
      }
    }
    return bytes.toByteArray();
  }

  private static byte[] number(long value) {
    return ByteBuffer.allocate(8).order(ByteOrder.nativeOrder()).putLong(value).array();
  }

  private static void string(ByteArrayOutputStream to, String text) {
    if (text == null) {
      to.write(0);
      return;
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    to.write(1);
    to.writeBytes(number(bytes.length + 1L));
    to.writeBytes(bytes);
    to.write(0);
  }

  private void pointer(ByteArrayOutputStream to, int index, MemorySegment segment) {
    String name = CallShape.argument(callee.function(), index, segment);
    if (segment.isNative() && segment.address() == 0) {
      to.write(0);
      return;
    }
    CallShape.requireReadable(name, segment);
    if (segment.byteSize() == 0) {
      OptionalLong offset = offsetInLibrary(segment.address());
      if (offset.isEmpty()) {
        throw new LabException(
            name
                + " is a bare address (0x%x, of no known size) in this process."
                    .formatted(segment.address())
                + "\nThe isolated process has other memory: there the address means nothing."
                + " Pass a segment that has a size, or a function of the same library, or make"
                + " the call without isolating it.");
      }
      to.write(3);
      to.writeBytes(number(offset.getAsLong()));
      return;
    }
    if (segment.byteSize() > MAX_COPY) {
      throw new LabException(
          "%s has %,d bytes; memory for an isolated call is copied, %d MiB at most."
              .formatted(name, segment.byteSize(), MAX_COPY >> 20));
    }
    to.write(segment.isReadOnly() ? 2 : 1);
    to.writeBytes(number(segment.byteSize()));
    byte[] copy = segment.toArray(ValueLayout.JAVA_BYTE);
    to.writeBytes(copy);
    copies.put(index, copy);
    if (segment.isNative()) {
      kernelMemory.put(
          index, new HostReport.Argument(index, segment.address(), segment.byteSize()));
    }
  }

  /** Where in the called library an address of this process lies: a function, a variable. */
  private OptionalLong offsetInLibrary(long address) {
    long offset = address - callee.base();
    return callee.base() != 0 && offset >= 0 && offset < callee.extent()
        ? OptionalLong.of(offset)
        : OptionalLong.empty();
  }

  // ----- the end -------------------------------------------------------------------------------

  /** The library's file may be deleted while this process has it loaded. */
  private String whereItWent() {
    return Files.exists(callee.library())
        ? ""
        : "\nThe file was deleted since it was loaded, perhaps by `./build.sh clean`:"
            + " run the cell that loads it again, then this one.";
  }

  private Outcome outcome() {
    HostReport host = HostReport.parse(report.toByteArray());
    stepping.report = host;
    HostReport end = HostReport.parse(ending.getBytes(StandardCharsets.UTF_8));
    for (HostReport source : List.of(host, end)) {
      if (source.has("failed")) {
        throw new LabException(
            "%s could not be called in a process of its own: %s.%s"
                .formatted(callee.function(), source.word("failed"), whereItWent()));
      }
    }
    if (host.has("done") && !host.has("crash")) {
      return new Outcome.Returned(value(host), warnings(host, end));
    }
    var run =
        new RunEnd(
            callee.library(),
            callee.function(),
            limit,
            printed,
            errors.toString(),
            kernelMemory,
            copies);
    Crash crash = run.crash(host, end, RunEnd.millis(end, "took"));
    return switch (crash.kind()) {
      case SIGNAL -> new Outcome.Crashed(crash);
      case TIME_LIMIT -> new Outcome.TimedOut(crash);
      case EXIT -> new Outcome.Exited(crash);
    };
  }

  private Object value(HostReport host) {
    long integer = host.number("returned", 0).orElse(0);
    long floating = host.number("returned", 1).orElse(0);
    host.memory()
        .forEach((index, bytes) ->
            MemorySegment.copy(
                MemorySegment.ofArray(bytes), 0, (MemorySegment) args[index], 0, bytes.length));
    return switch (shape.result()) {
      case 's' -> host.string() == null ? null : new String(host.string(), StandardCharsets.UTF_8);
      case 'p' -> pointer(host, integer);
      default -> shape.value(integer, floating);
    };
  }

  /** A pointer into an argument's copy becomes one into the argument; another keeps its number. */
  private MemorySegment pointer(HostReport host, long address) {
    for (HostReport.Argument argument : host.arguments()) {
      long offset = address - argument.address();
      if (offset >= 0
          && offset <= argument.size()
          && args[argument.index()] instanceof MemorySegment segment) {
        return segment.asSlice(offset);
      }
    }
    return MemorySegment.ofAddress(address);
  }

  private List<String> warnings(HostReport host, HostReport end) {
    var warnings = new ArrayList<String>();
    RunEnd.notRestored(callee.function(), host.changed()).ifPresent(warnings::add);
    long threads = host.decimal("threads");
    if (threads > 0) {
      warnings.add(
          "%s returned while %s still running; %s ended with the process."
              .formatted(
                  callee.function(),
                  threads == 1 ? "1 thread that it started was" : threads + " threads were",
                  threads == 1 ? "it" : "they"));
    }
    long left = end.decimal("left");
    if (left > 0) {
      warnings.add(RunEnd.leftRunning(callee.function(), left));
    }
    if (end.word("stays").equals("1")) {
      warnings.add(RunEnd.notEnded(callee.function()));
    }
    return List.copyOf(warnings);
  }

  @Override
  public String toString() {
    return "IsolatedRun[" + callee + ", " + shape + ", " + Arrays.toString(args) + "]";
  }
}
