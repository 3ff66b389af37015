package greenthreads.lab.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.show.Figure;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class CourseTest {
  private static final Pattern WORDS = Pattern.compile("<text [^>]*>([^<]+)</text>");

  @Test
  void whatIsDrawnIsAlsoText() {
    Figure picture = Course.picture();
    var drawn = WORDS.matcher(picture.html()).results().map(found -> found.group(1)).toList();
    assertTrue(drawn.size() > 40, drawn.toString());
    String text = picture.text().replace("'", "&#39;");
    for (String words : drawn) {
      assertTrue(text.contains(words) || picture.text().contains(words), words);
    }
  }

  @Test
  void namesTheChapters() {
    String text = Course.picture().text();
    for (String chapter : "02 03 04 05 06 07 08 09 11 12 13".split(" ")) {
      assertTrue(text.contains(chapter), chapter);
    }
  }

  @Test
  void nothingStandsOutsideOfItsDrawing() {
    var boxes =
        Pattern.compile("x=\"(\\d+)\" y=\"(\\d+)\" width=\"(\\d+)\" height=\"(\\d+)\"")
            .matcher(Course.picture().html())
            .results()
            .toList();
    assertEquals(19, boxes.size());
    for (var box : boxes) {
      assertTrue(Integer.parseInt(box.group(1)) + Integer.parseInt(box.group(3)) <= 800);
      assertTrue(Integer.parseInt(box.group(2)) + Integer.parseInt(box.group(4)) <= 296);
    }
  }
}
