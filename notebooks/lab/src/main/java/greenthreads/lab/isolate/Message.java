package greenthreads.lab.isolate;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;

/**
 * A message to a living process, and the answer, as live.c has them: a size of 4 bytes and so many
 * bytes. Its memory grows, and is used again for the next one.
 */
public final class Message {
  private ByteBuffer buffer = ByteBuffer.allocateDirect(8192).order(ByteOrder.nativeOrder());

  /** Begins a new one. */
  Message clear() {
    buffer.clear();
    buffer.putInt(0);
    return this;
  }

  private ByteBuffer room(int bytes) {
    if (buffer.remaining() < bytes) {
      ByteBuffer larger =
          ByteBuffer.allocateDirect(2 * (buffer.capacity() + bytes)).order(ByteOrder.nativeOrder());
      larger.put(buffer.flip());
      buffer = larger;
    }
    return buffer;
  }

  public Message putByte(int value) {
    room(1).put((byte) value);
    return this;
  }

  public Message putInt(int value) {
    room(4).putInt(value);
    return this;
  }

  public Message putLong(long value) {
    room(8).putLong(value);
    return this;
  }

  public Message put(byte[] bytes, int from, int size) {
    room(size).put(bytes, from, size);
    return this;
  }

  int position() {
    return buffer.position();
  }

  void putInt(int place, int value) {
    buffer.putInt(place, value);
  }

  /**
   * Sends it and waits for the answer.
   *
   * @return the answer, in this message's memory
   * @throws IOException if the other side is gone
   * @throws ClosedByInterruptException if the thread is interrupted
   */
  ByteBuffer exchange(Connection connection) throws IOException {
    buffer.putInt(0, buffer.position() - 4).flip();
    connection.write(buffer);
    buffer.clear();
    connection.read(buffer, 4);
    int size = 4 + buffer.getInt(0);
    if (size > buffer.capacity()) {
      ByteBuffer larger = ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
      larger.put(buffer.flip());
      buffer = larger;
    }
    connection.read(buffer, size);
    return buffer.limit(size).position(4);
  }
}
