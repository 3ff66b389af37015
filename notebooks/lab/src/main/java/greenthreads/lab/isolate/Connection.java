package greenthreads.lab.isolate;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;

/**
 * One side of a connection on which a question and its answer follow each other, for one thread at
 * a time.
 *
 * <p>Who waits looks out for a while before it sleeps: to be woken on another processor costs more
 * than most calls. Where that has proved vain, since others want the processors, it sleeps at once
 * for some time. live.c does the same on the other side.
 */
final class Connection implements Closeable {
  private static final boolean MAY_LOOK_OUT = Runtime.getRuntime().availableProcessors() > 1;
  private static final long LOOK_OUT_NANOS = 50_000;
  private static final int SLEEPS = 64;

  private final SocketChannel channel;
  private final Selector selector;
  private final SelectionKey key;
  private int sleeps;

  /** Takes a channel over. */
  Connection(SocketChannel channel) throws IOException {
    this.channel = channel;
    channel.configureBlocking(false);
    selector = Selector.open();
    key = channel.register(selector, SelectionKey.OP_READ);
  }

  /**
   * Sends all that remains in a buffer.
   *
   * @throws ClosedByInterruptException if the thread is interrupted
   */
  void write(ByteBuffer buffer) throws IOException {
    requireNoInterrupt(); // whoever calls again and again may never have to wait
    while (buffer.hasRemaining()) {
      if (channel.write(buffer) == 0) {
        sleep(SelectionKey.OP_WRITE);
      }
    }
  }

  /**
   * Reads until a buffer holds so much.
   *
   * @throws EOFException if the other side is gone
   * @throws ClosedByInterruptException if the thread is interrupted
   */
  void read(ByteBuffer buffer, int atLeast) throws IOException {
    while (buffer.position() < atLeast) {
      int count = lookOut(buffer);
      if (count < 0) {
        throw new EOFException();
      }
      if (count == 0) {
        sleep(SelectionKey.OP_READ);
      }
    }
  }

  /** Reads as soon as something is there; 0 if nothing came for a while. */
  private int lookOut(ByteBuffer buffer) throws IOException {
    int count = channel.read(buffer);
    if (count != 0 || !MAY_LOOK_OUT) {
      return count;
    }
    if (sleeps > 0) {
      sleeps--;
      return 0;
    }
    long start = System.nanoTime();
    while (count == 0 && System.nanoTime() - start < LOOK_OUT_NANOS) {
      Thread.onSpinWait();
      count = channel.read(buffer);
    }
    if (count == 0) {
      sleeps = SLEEPS;
    }
    return count;
  }

  private void sleep(int operation) throws IOException {
    try {
      key.interestOps(operation);
      selector.select();
      selector.selectedKeys().clear();
    } catch (ClosedSelectorException | CancelledKeyException e) {
      throw new AsynchronousCloseException();
    }
    requireNoInterrupt();
  }

  private void requireNoInterrupt() throws IOException {
    if (Thread.currentThread().isInterrupted()) {
      close();
      throw new ClosedByInterruptException();
    }
  }

  /** Whoever waits on it gets an exception. */
  @Override
  public void close() throws IOException {
    channel.close();
    selector.close();
  }
}
