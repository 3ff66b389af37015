package greenthreads.lab.base;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * UTF-8 that arrives in pieces: a character may be spread over two of them. What is no UTF-8
 * becomes a replacement character. For one thread at a time.
 */
public final class Utf8 {
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT);

  /** The beginning of a character. */
  private byte[] rest = new byte[0];

  private long malformed;

  /** The text as far as it is complete with these bytes. */
  public String decode(byte[] bytes, int offset, int length) {
    ByteBuffer in = ByteBuffer.allocate(rest.length + length);
    in.put(rest).put(bytes, offset, length).flip();
    String text = decode(in, false);
    rest = new byte[in.remaining()];
    in.get(rest);
    return text;
  }

  /** What is left when no more bytes come. */
  public String end() {
    String text = decode(ByteBuffer.wrap(rest), true);
    rest = new byte[0];
    return text;
  }

  private String decode(ByteBuffer in, boolean last) {
    CharBuffer chars = CharBuffer.allocate(in.remaining() + 1);
    decoder.reset();
    CoderResult result = decoder.decode(in, chars, last);
    while (result.isError()) {
      in.position(in.position() + result.length());
      chars.put('\ufffd');
      malformed++;
      result = decoder.decode(in, chars, last);
    }
    return chars.flip().toString();
  }

  /** How many pieces of what has been decoded were no UTF-8. */
  public long malformed() {
    return malformed;
  }
}
