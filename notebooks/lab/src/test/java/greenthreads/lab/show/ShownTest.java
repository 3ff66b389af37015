package greenthreads.lab.show;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class ShownTest {
  @Test
  void everythingIsEscaped() {
    Figure table =
        Figure.table(
            "<script>alert(1)</script>", List.of("a\"b"), List.of(List.of("<img src=x>&\u0007")));
    String html = table.representations().get("text/html").toString();
    assertFalse(html.contains("<script"), html);
    assertFalse(html.contains("<img"), html);
    assertTrue(html.contains("&lt;img src=x&gt;&amp;\ufffd"), html);
    assertTrue(html.contains("a&quot;b"), html);
  }

  @Test
  void tableHasHeadersCaptionAndTextTwin() {
    Figure table =
        Figure.table(
            "Costs", List.of("what", "ns"), List.of(List.of("call", 2), List.of("switch", 172)));
    String html = table.representations().get("text/html").toString();
    assertTrue(html.contains("<th scope=\"col\""), html);
    assertTrue(html.contains("<figcaption>Costs</figcaption>"), html);
    assertTrue(html.contains("aria-label=\"Costs\""), html);
    assertEquals("Costs\n\nwhat    ns\ncall      2\nswitch  172", table.text());
  }

  @Test
  void backquotesAreShownAsCode() {
    String html =
        Figure.table("`f` crashed", List.of("`a`"), List.of(List.of("call `g<x>`")))
            .representations()
            .get("text/html")
            .toString();
    assertTrue(html.contains("<figcaption><code>f</code> crashed</figcaption>"), html);
    assertTrue(html.contains("aria-label=\"f crashed\""), html);
    assertTrue(html.contains("call <code>g&lt;x&gt;</code>"), html);
    assertFalse(html.contains("`"), html);
  }

  @Test
  void longListingScrollsOnAScreen() {
    String markdown =
        new Listing("c", "a title", "int x;\n".repeat(40).strip())
            .representations()
            .get("text/markdown")
            .toString();
    assertTrue(markdown.startsWith("<style>@media screen { .gt-listing { max-height"), markdown);
    assertTrue(markdown.contains("`a title`\n\n<div class=\"gt-listing\""), markdown);
    assertTrue(markdown.endsWith("\n```\n\n</div>"), markdown);
  }

  /** The longest functions that the chapters ask for have 30 lines or so: those are seen whole. */
  @Test
  void listingOfThirtyTwoLinesDoesNotScroll() {
    assertFalse(isScrolling(32));
    assertTrue(isScrolling(33));
  }

  private static boolean isScrolling(int lines) {
    return new Listing("c", "a title", "int x;\n".repeat(lines).strip())
        .representations()
        .get("text/markdown")
        .toString()
        .contains("gt-listing");
  }

  @Test
  void titleOfAQuotedPartLeadsToItsLine() {
    var listing = new Listing("c", "native/a.c, lines 8 to 9", "int x;", "native/a.c#line=7");
    String markdown = listing.representations().get("text/markdown").toString();
    assertTrue(
        markdown.startsWith("[`native/a.c, lines 8 to 9`](../native/a.c#line=7)\n\n```c\n"),
        markdown);
    assertEquals("native/a.c, lines 8 to 9\n\nint x;", listing.text());
  }

  @Test
  void raggedTableIsRefused() {
    assertThrows(
        IllegalArgumentException.class,
        () -> Figure.table("x", List.of("a", "b"), List.of(List.of("only one"))));
  }

  @Test
  void listingsFenceIsLongerThanItsCode() {
    String markdown =
        new Listing("c", "a `title`", "/* ``` */ int x;")
            .representations()
            .get("text/markdown")
            .toString();
    assertTrue(markdown.startsWith("`a 'title'`\n\n````c\n"), markdown);
    assertTrue(markdown.endsWith("\n````"), markdown);
  }
}
