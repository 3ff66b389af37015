package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.show.Check;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A single stack swap. */
final class Chapter03 extends Chapter {
  private static final long SIZE = 64 * 1024;

  /** What hello may need below the forged slots when it prints for the first time. */
  private static final long ROOM = 16 * 1024;

  private static final Duration LIMIT = Duration.ofSeconds(2);

  private static final String OUTSIDE =
      "sp is not the address of a slot of this stack: it has to be &top[…]";

  private static final String NO_LETTER = "there is no letter for this report yet";

  Chapter03() {
    super(Chapter03::forge, Chapter03::two, Chapter03::mistakes);
  }

  /**
   * A forged stack, looked at before anything ran on it.
   *
   * @param sp where swap would begin, in bytes below the top
   * @param words the stack, from its lowest word
   * @param names the addresses that have a name
   */
  private record Forgery(long sp, long[] words, long[] names) {
    /** How many bytes below the top a name lies; -1: nowhere. Of several, the highest. */
    long place(int name) {
      for (int i = words.length - 1; i >= 0; i--) {
        if (words[i] == names[name]) {
          return 8L * (words.length - i);
        }
      }
      return -1;
    }

    boolean isOutside() {
      return sp < 8 || sp > SIZE;
    }

    /** The name in the slot so many bytes above sp; -1: none. */
    int nameAbove(long bytes) {
      long below = sp - bytes;
      if (isOutside() || below < 8 || sp % 8 != 0) {
        return -1;
      }
      long word = words[(int) ((SIZE - below) / 8)];
      for (int i = 0; i < names.length; i++) {
        if (names[i] == word) {
          return i;
        }
      }
      return -1;
    }
  }

  /** Forges a stack, runs nothing, and stores the addresses to look for. */
  private interface Forging {
    long look(MemorySegment stack, long size, MemorySegment names);
  }

  private static Forgery look(Forging forging, int names) {
    MemorySegment stack = Arena.ofAuto().allocate(SIZE, 16);
    MemorySegment named = Arena.ofAuto().allocate(8L * names, 8);
    long sp = forging.look(stack, SIZE, named);
    return new Forgery(
        sp, stack.toArray(ValueLayout.JAVA_LONG), named.toArray(ValueLayout.JAVA_LONG));
  }

  private static String slot(long below) {
    return below < 0 ? "no slot" : "top[-%d]".formatted(below / 8);
  }

  // ------------------------------------------------------------ 03.1: forge it yourself

  /** The file's functions behind the cell's. */
  interface Forged {
    long look_below(MemorySegment stack, long size, MemorySegment names);

    long wake_up(MemorySegment stack, long size);
  }

  private static void forge(Given given) {
    Forged yours = Lab.isolate(Lab.load("forged", Forged.class), LIMIT);
    Forgery found = look(yours::look_below, 2);
    String wrong = wrongOf(found);
    Check.exercise("03.1")
        .expect("the slot at sp", "hello", () -> nameOf(found.nameAbove(0)))
        .cause(slot -> true, wrong)
        .expect("the slot above it", "way_home", () -> nameOf(found.nameAbove(8)))
        .cause(slot -> true, wrong)
        .demand(
            "the slot above that, for the old stack pointer",
            "a slot of the stack",
            (String slot) -> slot.startsWith("top["),
            () -> found.isOutside() || found.sp() <= 16 ? "none" : slot(found.sp() - 16))
        .cause(
            slot -> !found.isOutside(),
            "above way_home the stack is over: swap would write outside. Move all of it down")
        .cause(slot -> true, wrong)
        .demand(
            "bytes below sp, for hello to run on",
            "16,384 or more",
            room -> room instanceof Long bytes && bytes >= ROOM,
            () -> found.isOutside() ? "not looked at" : (Object) (SIZE - found.sp()))
        .cause(
            room -> !found.isOutside(),
            "a stack grows down from sp, and printf takes thousands of bytes: begin near the top")
        .cause(room -> true, wrong)
        .expect(
            "sp modulo 16, at a call in hello",
            0L,
            () -> attempt(() -> yours.wake_up(Arena.ofAuto().allocate(SIZE, 16), SIZE) % 16))
        .cause(rest -> !wrong.isEmpty(), "hello did not come to run and home: see above")
        .cause(
            rest -> found.sp() % 16 != 0,
            "misaligned: sp is no multiple of 16. Move all of it by one slot")
        .cause(rest -> rest instanceof NativeCrash, "hello did not come to run and home: see above")
        .verdict();
  }

  private static String nameOf(int name) {
    return name < 0 ? "something else" : List.of("hello", "way_home").get(name);
  }

  /** What is wrong with the two slots and sp, or nothing. */
  private static String wrongOf(Forgery found) {
    long hello = found.nameAbove(0) == 0 ? found.sp() : found.place(0);
    long home = found.nameAbove(8) == 1 ? found.sp() - 8 : found.place(1);
    if (hello < 0 && home < 0) {
      return "neither address is in a slot yet: top[-…] = (uintptr_t)hello, and way_home";
    }
    if (hello < 0) {
      return "hello is in no slot: swap's `ret` would not find it";
    }
    if (home < 0) {
      return "way_home is in no slot: hello would have nowhere to return to";
    }
    if (found.sp() == 0) {
      return "sp is still the top: set it to the address of the slot that is taken first";
    }
    if (found.isOutside()) {
      return OUTSIDE;
    }
    if (found.sp() % 8 != 0) {
      return "sp lies between two slots";
    }
    if (home > hello) {
      return "the two are exchanged: the lower slot is taken first";
    }
    if (found.sp() != hello) {
      return "sp is the address of %s, and hello lies in %s"
          .formatted(slot(found.sp()), slot(hello));
    }
    return hello - home == 8
        ? ""
        : "hello returns to what lies right above its own slot, and way_home is farther up";
  }

  // ------------------------------------------------------------ 03.2: one more return address

  /** The file's functions behind the cell's. */
  interface Two {
    long look_two(MemorySegment stack, long size, MemorySegment names);

    String run_two(MemorySegment stack, long size);
  }

  private static final int FIRST = 0;
  private static final int SKIP = 1;
  private static final int SECOND = 2;
  private static final int HOME = 3;

  private static void two(Given given) {
    Two yours = Lab.isolate(Lab.load("two", Two.class), LIMIT);
    Forgery found = look(yours::look_two, 4);
    List<Integer> chain = chain(found);
    Check.exercise("03.2")
        .expect(
            "what ran",
            "first second ",
            () -> attempt(() -> yours.run_two(Arena.ofAuto().allocate(SIZE, 16), SIZE)))
        .cause(
            ran -> found.place(FIRST) < 0 || found.place(SECOND) < 0,
            "%s is in no slot: only what swap finds on the new stack counts"
                .formatted(found.place(FIRST) < 0 ? "first" : "second"))
        .cause(ran -> found.sp() == 0, "sp is still the top: set it to your lowest slot")
        .cause(ran -> found.isOutside(), OUTSIDE)
        .cause(
            ran -> found.place(FIRST) < found.place(SECOND),
            "the lowest slot is taken first, and there lies second")
        .cause(
            ran -> !chain.contains(FIRST),
            "sp is above the slot of first: it has to be the address of your lowest slot")
        .cause(
            ran -> found.place(SKIP) < 0 || found.place(SKIP) < found.place(SECOND),
            "between the slots of first and second lies no skip: one of the two would begin 8 bytes"
                + " off")
        .cause(
            ran -> chain.indexOf(-1) >= 0 && chain.indexOf(-1) < chain.indexOf(HOME),
            "there is a slot with no address in it on the way from sp to way_home")
        .cause(
            ran -> chain.getFirst() != FIRST,
            "sp is below the slot of first: that slot has to be taken first of all")
        .cause(
            ran -> found.sp() % 16 != 0,
            "sp is no multiple of 16 below the top, so first begins 8 bytes off: count the slots"
                + " between sp and way_home")
        .cause(
            ran -> String.valueOf(ran).contains("tilted"),
            "a function began 8 bytes off: count the slots from each to the top")
        .verdict();
  }

  /** The names in the slots from sp up to way_home, -1 for what has none. */
  private static List<Integer> chain(Forgery found) {
    var names = new ArrayList<Integer>();
    for (long above = 0; above < Math.min(found.sp(), 512); above += 8) {
      names.add(found.nameAbove(above));
      if (names.getLast() == HOME) {
        break;
      }
    }
    return names.isEmpty() ? List.of(-1) : names;
  }

  // ------------------------------------------------------------ 03.3: name the mistake

  private static void mistakes(Given given) {
    String answer = given.get(0);
    String letters = answer == null ? "" : answer.replaceAll("[^A-Za-z]", "").toLowerCase();
    Check.exercise("03.3")
        .expect("the number of letters", 3, () -> letters.length())
        .cause(n -> n.equals(0), "write one letter for each report, such as \"abc\"")
        .cause(n -> true, "there are three reports: one letter for each")
        .expect("the letter of report 1", "right", () -> judged(letters, 0, 'c'))
        .cause("none"::equals, NO_LETTER)
        .cause(
            v -> "b".equals(v) || "a".equals(v),
            "with such a slot swap would still have found the stack: look where the stack pointer is")
        .cause(
            v -> "d".equals(v),
            "then way_home would be the first to run, and the `ret` that failed is swap's own")
        .cause(v -> "e".equals(v), "one slot too high it would still be in the stack: is it?")
        .expect("the letter of report 2", "right", () -> judged(letters, 1, 'a'))
        .cause("none"::equals, NO_LETTER)
        .cause(
            v -> "b".equals(v) || "c".equals(v) || "d".equals(v),
            "the line was printed: so hello was found, and it ran. What came after it?")
        .cause(v -> "e".equals(v), "then way_home would have been the first, and hello had not run")
        .expect("the letter of report 3", "right", () -> judged(letters, 2, 'b'))
        .cause("none"::equals, NO_LETTER)
        .cause(
            v -> "a".equals(v) || "c".equals(v),
            "the processor was sent to an address in the stack itself: which slot said so?")
        .cause(
            v -> "d".equals(v) || "e".equals(v),
            "then way_home would have run first. It is code, and here was none")
        .verdict();
  }

  /** One letter of the answer: "right", the letter that is wrong, or none. */
  private static String judged(String letters, int index, char right) {
    if (index >= letters.length()) {
      return "none";
    }
    char letter = letters.charAt(index);
    return letter == right ? "right" : String.valueOf(letter);
  }
}
