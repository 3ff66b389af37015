package greenthreads.lab.binary;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;

/**
 * Reads little-endian numbers, LEB128 numbers and C strings from a range of a byte array.
 *
 * <p>Every method throws an {@link IndexOutOfBoundsException} rather than leave that range, so that
 * a damaged file can never be more than an error message.
 */
final class ByteCursor {
  private final byte[] bytes;
  private final int start;
  private final int end;
  private int next;

  private ByteCursor(byte[] bytes, int start, int end, int next) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.next = next;
  }

  /** A cursor over all of {@code bytes}. */
  static ByteCursor over(byte[] bytes) {
    return new ByteCursor(bytes, 0, bytes.length, 0);
  }

  /** A cursor at the start of a part of this range, which becomes a range of its own. */
  ByteCursor range(long offset, long length) {
    Objects.checkFromIndexSize(offset, length, end - start);
    int from = start + (int) offset;
    return new ByteCursor(bytes, from, from + (int) length, from);
  }

  /** A cursor over the same range at another offset. */
  ByteCursor at(long offset) {
    Objects.checkFromIndexSize(offset, 0L, end - start);
    return new ByteCursor(bytes, start, end, start + (int) offset);
  }

  /** A cursor over the next bytes; offsets go on to count from the start of this range. */
  ByteCursor take(long count) {
    var taken = new ByteCursor(bytes, start, next + (int) checked(count), next);
    next = taken.end;
    return taken;
  }

  /** The offset of the next byte from the start of the range. */
  int position() {
    return next - start;
  }

  int remaining() {
    return end - next;
  }

  void skip(long count) {
    next += (int) checked(count);
  }

  private long checked(long count) {
    Objects.checkFromIndexSize(0L, count, end - next);
    return count;
  }

  int u8() {
    return (int) unsigned(1);
  }

  int u16() {
    return (int) unsigned(2);
  }

  long u32() {
    return unsigned(4);
  }

  long u64() {
    return unsigned(8);
  }

  private long unsigned(int width) {
    checked(width);
    long value = 0;
    for (int i = width - 1; i >= 0; i--) {
      value = value << 8 | bytes[next + i] & 0xff;
    }
    next += width;
    return value;
  }

  /** An unsigned LEB128 number (DWARF 4, section 7.6). */
  long uleb() {
    return leb(false);
  }

  /** A signed LEB128 number (DWARF 4, section 7.6). */
  long sleb() {
    return leb(true);
  }

  private long leb(boolean signed) {
    long value = 0;
    int shift = 0;
    int b;
    do {
      b = u8();
      if (shift < Long.SIZE) {
        value |= (long) (b & 0x7f) << shift;
      }
      shift += 7;
    } while (b >= 0x80);
    return signed && shift < Long.SIZE && (b & 0x40) != 0 ? value | -1L << shift : value;
  }

  /** A string that ends with a zero byte. */
  String string() {
    int from = next;
    int length = 0;
    while (u8() != 0) {
      length++;
    }
    return new String(bytes, from, length, StandardCharsets.UTF_8);
  }

  /** A string in a field of fixed width, padded with zero bytes. */
  String padded(int width) {
    return new String(take(width).rest(), StandardCharsets.UTF_8).replaceFirst("(?s)\0.*", "");
  }

  /** The rest of the range. */
  byte[] rest() {
    return Arrays.copyOfRange(bytes, next, end);
  }
}
