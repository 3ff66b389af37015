package greenthreads.lab.base;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class Utf8Test {
  private static final String TEXT = "a\u00e9\u20ac\ud83d\ude00z";

  @Test
  void aCharacterMayBeSpreadOverPieces() {
    byte[] bytes = TEXT.getBytes(UTF_8);
    for (int piece = 1; piece <= bytes.length; piece++) {
      var utf8 = new Utf8();
      var text = new StringBuilder();
      for (int at = 0; at < bytes.length; at += piece) {
        text.append(utf8.decode(bytes, at, Math.min(piece, bytes.length - at)));
      }
      assertEquals(TEXT, text + utf8.end(), "in pieces of " + piece);
      assertEquals(0, utf8.malformed());
    }
  }

  @Test
  void whatIsNoUtf8IsReplacedAndCounted() {
    var utf8 = new Utf8();
    assertEquals("a\ufffdb", utf8.decode(new byte[] {'a', (byte) 0xff, 'b', (byte) 0xe2}, 0, 4));
    assertEquals("\ufffdc", utf8.decode(new byte[] {'c', (byte) 0xc3}, 0, 2));
    assertEquals("\ufffd", utf8.end());
    assertEquals(3, utf8.malformed());
    assertEquals("d", utf8.decode(new byte[] {'d'}, 0, 1) + utf8.end());
  }
}
