package greenthreads.lab.binary;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads little-endian numbers, LEB128 numbers and C strings from a range of a byte array, and
 * refuses to leave that range.
 *
 * <p>Every reading method throws an {@link IOException} that names the range and the offset, so
 * that a damaged file can never be more than an error message.
 */
final class ByteCursor {
  private final String name;
  private final byte[] bytes;
  private final int start;
  private final int end;
  private int next;

  private ByteCursor(String name, byte[] bytes, int start, int end) {
    this.name = name;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.next = start;
  }

  /** A cursor over all of {@code bytes}; {@code name} is for messages. */
  static ByteCursor over(String name, byte[] bytes) {
    return new ByteCursor(name, bytes, 0, bytes.length);
  }

  /** A cursor at the start of a part of this range, which becomes a range of its own. */
  ByteCursor range(String partName, long offset, long length) throws IOException {
    if (offset < 0 || length < 0 || offset > size() || length > size() - offset) {
      throw damaged(offset);
    }
    int from = start + (int) offset;
    return new ByteCursor(partName, bytes, from, from + (int) length);
  }

  /** A cursor over the same range at another offset. */
  ByteCursor at(long offset) throws IOException {
    ByteCursor other = new ByteCursor(name, bytes, start, end);
    other.seek(offset);
    return other;
  }

  /** A cursor at the same place whose range ends at {@code offset}. */
  ByteCursor until(long offset) throws IOException {
    if (offset < position() || offset > size()) {
      throw damaged(offset);
    }
    ByteCursor other = new ByteCursor(name, bytes, start, start + (int) offset);
    other.next = next;
    return other;
  }

  int size() {
    return end - start;
  }

  /** The offset of the next byte from the start of the range. */
  int position() {
    return next - start;
  }

  int remaining() {
    return end - next;
  }

  void seek(long offset) throws IOException {
    if (offset < 0 || offset > size()) {
      throw damaged(offset);
    }
    next = start + (int) offset;
  }

  void skip(long count) throws IOException {
    if (count < 0 || count > remaining()) {
      throw damaged(position());
    }
    next += (int) count;
  }

  int u8() throws IOException {
    if (next >= end) {
      throw damaged(position());
    }
    return bytes[next++] & 0xff;
  }

  int u16() throws IOException {
    return (int) unsigned(2);
  }

  long u32() throws IOException {
    return unsigned(4);
  }

  long u64() throws IOException {
    return unsigned(8);
  }

  /** An unsigned number of 1 to 8 bytes. */
  long unsigned(int width) throws IOException {
    if (width > remaining()) {
      throw damaged(position());
    }
    long value = 0;
    for (int i = width - 1; i >= 0; i--) {
      value = value << 8 | bytes[next + i] & 0xff;
    }
    next += width;
    return value;
  }

  /** An unsigned LEB128 number (DWARF 5, section 7.6). */
  long uleb() throws IOException {
    int first = u8();
    if (first < 0x80) {
      return first;
    }
    long value = first & 0x7f;
    int shift = 7;
    int b;
    do {
      b = u8();
      if (shift < 64) {
        value |= (long) (b & 0x7f) << shift;
      }
      shift += 7;
    } while (b >= 0x80);
    return value;
  }

  /** A signed LEB128 number (DWARF 5, section 7.6). */
  long sleb() throws IOException {
    long value = 0;
    int shift = 0;
    int b;
    do {
      b = u8();
      if (shift < 64) {
        value |= (long) (b & 0x7f) << shift;
      }
      shift += 7;
    } while (b >= 0x80);
    return shift < 64 && (b & 0x40) != 0 ? value | -1L << shift : value;
  }

  /** A string that ends with a zero byte. */
  String string() throws IOException {
    int from = next;
    skipString();
    return new String(bytes, from, next - 1 - from, StandardCharsets.UTF_8);
  }

  void skipString() throws IOException {
    int i = next;
    while (i < end && bytes[i] != 0) {
      i++;
    }
    if (i == end) {
      throw damaged(position());
    }
    next = i + 1;
  }

  /** A string in a field of fixed width, padded with zero bytes. */
  String string(int width) throws IOException {
    int from = next;
    skip(width);
    int to = from;
    while (to < next && bytes[to] != 0) {
      to++;
    }
    return new String(bytes, from, to - from, StandardCharsets.UTF_8);
  }

  /** The rest of the range. */
  byte[] rest() {
    byte[] copy = Arrays.copyOfRange(bytes, next, end);
    next = end;
    return copy;
  }

  private IOException damaged(long offset) {
    return new IOException(
        name + " is damaged: it refers to what lies outside it, at offset " + offset + ".");
  }
}
