package greenthreads.lab.isolate;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Scratch;
import greenthreads.lab.base.Words;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One process that has loaded a library and makes calls in it, one after another or several at the
 * same time, until it is ended or ends itself.
 *
 * <p>If this process ends in whatever way, a connection closes, and the host ends everything that
 * it started.
 */
public final class LivingProcess implements AutoCloseable {
  /** As many calls can be under way at the same time; live.c knows the number. */
  private static final int MOST_CALLS = 8;

  /** How long the host may take to start or to end. */
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /** What is known of a process that has ended. */
  public record End(HostReport report, HostReport ending) {}

  private final Path folder;
  private final ServerSocketChannel server;
  private final Process process;
  private final Duration limit;
  private final SocketChannel frames;
  private final SharedMemory memory = new SharedMemory();
  private final Deque<Lane> free = new ArrayDeque<>();
  private final List<Lane> lanes = new ArrayList<>();
  private final CompletableFuture<HostReport> loaded = new CompletableFuture<>();
  private final CompletableFuture<End> end = new CompletableFuture<>();

  /** A connection that one call at a time uses. */
  public final class Lane {
    private final Connection connection;
    private final Message message = new Message();

    private Lane(SocketChannel channel) throws IOException {
      this.connection = new Connection(channel);
    }

    public Message message() {
      return message.clear();
    }

    public ByteBuffer exchange() throws IOException {
      return message.exchange(connection);
    }
  }

  private LivingProcess(Path folder, ServerSocketChannel server, Process process, Duration limit)
      throws IOException {
    this.limit = limit;
    this.folder = folder;
    this.server = server;
    this.process = process;
    process.onExit().thenRun(() -> closeQuietly(server)); // whoever waits for a connection, ends
    this.frames = server.accept();
    Thread.ofPlatform().daemon().name("living-process").start(this::read);
  }

  /**
   * Starts one.
   *
   * @param library the compiled library's file
   * @param function one of its functions
   * @param limit how long each call may take
   * @throws LabException if it cannot be started
   * @throws ClosedByInterruptException if the thread is interrupted; nothing is left then
   */
  public static LivingProcess start(Host host, Path library, String function, Duration limit)
      throws ClosedByInterruptException {
    List<String> command = new ArrayList<>(host.command());
    Path folder = null;
    ServerSocketChannel server = null;
    Process process = null;
    try {
      folder = Scratch.folder("green-threads-");
      Path socket = folder.resolve("s");
      server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      server.bind(UnixDomainSocketAddress.of(socket), MOST_CALLS + 1);
      command.addAll(
          List.of(
              "--live",
              socket.toString(),
              library.toAbsolutePath().toString(),
              function,
              Long.toString(limit.toMillis())));
      process =
          new ProcessBuilder(command)
              .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
              .redirectOutput(ProcessBuilder.Redirect.INHERIT)
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      return new LivingProcess(folder, server, process, limit);
    } catch (IOException e) {
      if (process != null) {
        process.destroyForcibly();
      }
      closeQuietly(server);
      delete(folder);
      if (e instanceof ClosedByInterruptException interrupted) {
        throw interrupted;
      }
      throw new LabException(
          "The process that changed code runs in could not be started: " + Words.reason(e), e);
    }
  }

  /**
   * What it says of itself when it has loaded the library.
   *
   * @throws IOException if it ended before
   */
  public HostReport loaded() throws IOException, InterruptedException {
    try {
      return loaded.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new IOException("it did not load the library", e);
    }
  }

  public SharedMemory memory() {
    return memory;
  }

  public boolean isAlive() {
    return !end.isDone() && process.isAlive();
  }

  /**
   * A lane for one call; to be given back.
   *
   * @throws LabException if too many calls are under way
   * @throws IOException if the process is gone
   */
  public synchronized Lane take() throws IOException {
    if (!free.isEmpty()) {
      return free.pop();
    }
    if (lanes.size() == MOST_CALLS) {
      throw new LabException(
          "%d calls are under way in the same process; that is the most there can be."
              .formatted(MOST_CALLS));
    }
    var lane = new Lane(server.accept()); // the process has one ready, or is about to
    lanes.add(lane);
    return lane;
  }

  public synchronized void giveBack(Lane lane) {
    free.push(lane);
  }

  /**
   * Ends what a call has left running, unless another call is under way: it may be that one's, and
   * is then ended at the end of the last one.
   *
   * @return what is to be said of it
   */
  public synchronized Optional<String> endStrays(String function) {
    if (free.size() < lanes.size() - 1 || !loaded.isDone()) {
      return Optional.empty();
    }
    var end = new Strays(process.toHandle(), Long.parseLong(loaded.join().word("pid"))).end();
    if (end.isLeft()) {
      return Optional.of(RunEnd.notEnded(function));
    }
    return end.ended() == 0
        ? Optional.empty()
        : Optional.of(RunEnd.leftRunning(function, end.ended()));
  }

  /** Reads the frames; main.c says how they look. */
  private void read() {
    var report = new ByteArrayOutputStream();
    var ending = new ByteArrayOutputStream();
    try (var in = new DataInputStream(Channels.newInputStream(frames))) {
      for (int kind = in.read(); kind >= 0; kind = in.read()) {
        byte[] bytes = new byte[Integer.reverseBytes(in.readInt())];
        in.readFully(bytes);
        (kind == 'x' ? ending : report).writeBytes(bytes);
        if (!loaded.isDone() && kind == 'r') {
          HostReport sofar = HostReport.parse(report.toByteArray());
          if (sofar.has("loaded")) {
            loaded.complete(sofar);
          }
        }
      }
    } catch (IOException e) {
      // It was ended, from here or from outside; what it said before stands.
    }
    loaded.completeExceptionally(new IOException("ended"));
    end.complete(
        new End(HostReport.parse(report.toByteArray()), HostReport.parse(ending.toByteArray())));
    close();
  }

  /**
   * Waits for the end of a process that has closed a lane: it crashed, or is about to be gone.
   * Where another program took its place (exec), that has the rest of the call's time.
   */
  public End end() throws InterruptedException {
    try {
      return end.get(limit.plus(PATIENCE).toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      return new End(HostReport.parse(new byte[0]), HostReport.parse(new byte[0]));
    } finally {
      close();
    }
  }

  /** Ends it, with all it has started. */
  @Override
  public synchronized void close() {
    closeQuietly(frames);
    closeQuietly(server);
    lanes.forEach(lane -> closeQuietly(lane.connection));
    delete(folder);
  }

  /** Ends it, and returns when nothing of it is left. */
  public void closeAndWait() {
    close();
    process
        .onExit()
        .orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS)
        .exceptionally(e -> null)
        .join();
  }

  private static void closeQuietly(java.io.Closeable closeable) {
    if (closeable != null) {
      try {
        closeable.close();
      } catch (IOException e) {
        // Its other end is gone: nothing is lost.
      }
    }
  }

  private static void delete(Path folder) {
    if (folder != null) {
      try {
        Files.deleteIfExists(folder.resolve("s"));
        Files.deleteIfExists(folder);
      } catch (IOException e) {
        // A folder in the system's place for what may be lost.
      }
    }
  }
}
