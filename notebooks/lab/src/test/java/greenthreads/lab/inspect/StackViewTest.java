package greenthreads.lab.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.binary.CodePlace;
import greenthreads.lab.call.Mapping;
import greenthreads.lab.show.Drawn;
import greenthreads.lab.show.Figure;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StackViewTest {
  private static final long LOW = 0x7f0000000000L;
  private static final long PAINT = 0xa5a5a5a5a5a5a5a5L;
  private static final long HELLO = 0x400000;

  /** 512 bytes at {@link #LOW}, painted, with words at given distances below the top. */
  private static StackView stack(long... belowAndValue) {
    long[] words = new long[64];
    Arrays.fill(words, PAINT);
    for (int i = 0; i < belowAndValue.length; i += 2) {
      words[64 - (int) belowAndValue[i] / 8] = belowAndValue[i + 1];
    }
    var meanings =
        new WordMeanings(
            List.of(new Mapping(HELLO, HELLO + 0x1000, "r-xp", 0, "/lib/swap.so")),
            a -> a >= HELLO ? Optional.of(new CodePlace("hello", a - HELLO)) : Optional.empty(),
            a -> Optional.empty());
    return StackView.of(LOW, words, meanings, 128);
  }

  @Test
  void signedReturnAddressIsNamed() {
    var mappings = List.of(new Mapping(HELLO, HELLO + 0x1000, "r-xp", 0, "/lib/swap.so"));
    for (boolean areSigned : List.of(true, false)) {
      var meanings =
          new WordMeanings(
              mappings,
              a ->
                  a < HELLO + 0x800
                      ? Optional.of(new CodePlace("hello", a - HELLO))
                      : Optional.empty(),
              a -> Optional.empty(),
              areSigned);
      String bits = "no address, just bits";
      assertEquals(
          areSigned ? "signed: in hello + 32" : bits,
          meanings.of(0x005a_0000_0000_0000L | HELLO + 0x20).text());
      assertEquals(
          areSigned ? "signed: code of swap.so" : bits,
          meanings.of(0xff41_0000_0000_0000L | HELLO + 0x900).text());
      assertEquals("in hello + 32", meanings.of(HELLO + 0x20).text());
      assertEquals(bits, meanings.of(0x005a_0000_0000_0000L | HELLO + 0x1000).text());
      assertEquals(bits, meanings.of(0x00da_0000_0000_0000L | HELLO + 0x20).text());
    }
  }

  @Test
  void forgedStackReadsAsItsDrawing() {
    StackView stack =
        stack(32, HELLO, 24, HELLO + 0x20, 8, LOW + 512 - 16)
            .sp(LOW + 512 - 32)
            .name(32, "function");
    String expected =
        """
        address            value             in memory                what it is
        top − 8            00007f00000001f0  f0 01 00 00 00 7f 00 00  this stack, top − 16
        top − 16 =         a5a5a5a5a5a5a5a5  a5 a5 a5 a5 a5 a5 a5 a5  paint, untouched
        top − 24           0000000000400020  20 00 40 00 00 00 00 00  in hello + 32
        top − 32 =  rsp >  0000000000400000  00 00 40 00 00 00 00 00  function: start of hello
        --- high-water mark: 32 bytes used ---
        top − 40           a5a5a5a5a5a5a5a5  a5 a5 a5 a5 a5 a5 a5 a5  paint, untouched
        ⋮ 59 words, 472 bytes, each a5a5a5a5a5a5a5a5: paint, untouched\
        """
            .replace("rsp >", Platform.IS_X86_64 ? "rsp >" : "sp > ");
    String text = stack.text();
    assertEquals(expected, text.substring(text.indexOf("address  ")));
  }

  @Test
  void beforeAndAfterShareTheirRows() {
    Figure figure = stack(8, 1).to(stack(8, 1, 16, 77));
    assertTrue(figure.alt().endsWith("1 word changed."), figure.alt());
    assertTrue(figure.text().contains("* 000000000000004d  the number 77"), figure.text());
    assertEquals(1, figure.html().split("<td class=\"gt-cell gt-changed", -1).length - 1);
    assertTrue(figure.html().contains("● <code"));
  }

  @Test
  void onlyTheHighestSlotsAreDrawnOnDemand() {
    StackView before = stack();
    String text = before.to(stack(8, 1, 16, 2, 400, 3).highest(2)).text();
    assertTrue(text.contains("3 words changed"), text);
    assertTrue(text.contains("high-water mark: 400 bytes used"), text);
    assertTrue(text.endsWith("\n⋮ 62 words, 496 bytes: not drawn"), text);
    assertEquals(2, text.split("\ntop − ", -1).length - 1, text);
    assertFalse(text.contains("---"), text);
  }

  @Test
  void unchangedWordsAreFolded() {
    String text = stack(40, 1, 48, 2, 56, 3, 64, 4).to(stack(40, 1, 48, 2, 56, 3, 64, 5)).text();
    assertTrue(text.contains("\n⋮ 7 words, 56 bytes: unchanged\ntop − 64 ="), text);
    assertTrue(text.contains("⋮ 56 words, 448 bytes, each a5a5a5a5a5a5a5a5, the same"), text);
    assertEquals(1, text.lines().filter(line -> line.contains("top − ")).count(), text);
  }

  @Test
  void highWaterMarkCountsBytes() {
    assertEquals(0, stack().used());
    assertEquals(8, stack(8, 1).used());
    assertEquals(5, stack(8, 0x01020304_05a5a5a5L).used());
    assertEquals(512, stack(512, 1).used());
  }

  @Test
  void redZoneAndWhatLiesBelowItAreToldApart() {
    String text = stack(16, 5, 24, 6, 160, 7).sp(LOW + 512 - 16).text();
    assertTrue(text.contains("the number 5\n"), text);
    assertTrue(text.contains("the number 6 (red zone)"), text);
    assertTrue(text.contains("the number 7 (left over)"), text);
  }

  @Test
  void foreignStackPointerIsSaid() {
    Figure figure = stack(8, 1).sp(0x1234).figure();
    assertTrue(figure.caption().contains("is on another stack"), figure.caption());
  }

  @Test
  void viewIsACopy() {
    MemorySegment memory = Arena.ofAuto().allocate(64, 16);
    StackView before = StackView.of(memory);
    memory.set(ValueLayout.JAVA_LONG, 56, 9);
    assertEquals(0, before.word(0));
    assertTrue(before.to(StackView.of(memory)).text().contains("* 0000000000000009"));
    assertThrows(LabException.class, () -> before.to(StackView.of(memory.asSlice(16))));
    assertThrows(LabException.class, () -> StackView.of(memory.asSlice(0, 8)));
  }

  @Test
  void unevenTopIsRoundedDown() {
    MemorySegment memory = Arena.ofAuto().allocate(64, 16);
    assertEquals(0, StackView.of(memory.asSlice(0, 60)).top() % 16);
    assertEquals(0, StackView.of(memory.asSlice(3, 61)).low() % 8);
  }

  @Test
  void longStackStaysSmallAndQuick() {
    byte[] noise = new byte[1 << 20];
    new Random(1).nextBytes(noise);
    MemorySegment memory = Arena.ofAuto().allocate(noise.length, 16);
    memory.copyFrom(MemorySegment.ofArray(noise));
    StackView view = StackView.of(memory).sp(memory.address() + (1 << 19));
    new Random(2).nextBytes(noise);
    memory.copyFrom(MemorySegment.ofArray(noise));
    Figure figure =
        Drawn.smallAndQuick(() -> StackView.of(memory).sp(memory.address() + (1 << 19)).to(view));
    assertTrue(figure.text().contains("not drawn"));
    assertTrue(figure.text().contains("top − 524288"), "the words at sp are there");
  }

  @Test
  void textOnTheStackIsEscaped() {
    long bytes = 0x3e747069726373_3cL; // <script>
    Figure figure = stack(8, bytes).figure();
    assertFalse(figure.html().contains("<script>"));
    assertTrue(figure.text().contains("text: \"<script>\""), figure.text());
  }
}
