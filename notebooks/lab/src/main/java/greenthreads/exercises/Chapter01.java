package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.show.Check;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;

/** Why green threads. */
final class Chapter01 extends Chapter {
  Chapter01() {
    super(Chapter01::fourAtMost, Chapter01::conversation);
  }

  private static boolean crashed(Object answer) {
    return answer instanceof NativeCrash;
  }

  // ------------------------------------------------------------ 01.1: four letters at most

  /** What the cell defines. */
  interface Turns {
    int cooperative_turns(MemorySegment trace, int size, int a, int b);
  }

  private static final int LETTERS = 22;
  private static final int FOR_EVER = Integer.MAX_VALUE;

  private static void fourAtMost(Given given) {
    Turns turns = Lab.isolate(Lab.load("fair", Turns.class), Duration.ofSeconds(2));
    Check.exercise("01.1")
        .expect(
            "both without end", letters(FOR_EVER, FOR_EVER), () -> trace(turns, FOR_EVER, FOR_EVER))
        .cause(Chapter01::crashed, "a turn did not come to its end")
        .cause(
            (String v) -> v.length() < LETTERS,
            "letters are missing: what is `left` is to be written")
        .cause(
            (String v) -> v.startsWith("AAAAAAAAAAA"),
            "nothing ends the turn of a task that is patient")
        .cause((String v) -> v.startsWith("AB"), "each turn ends after its first letter")
        .cause(
            (String v) -> v.startsWith("AAAAA"),
            "the first turn wrote more than four letters: i is 0 for the first one")
        .cause(
            (String v) -> v.matches("A{1,3}B{1,3}AAAA.*"),
            "the first turn was shorter than the others: count the letters of this turn")
        .cause(
            (String v) -> !v.startsWith("AAAA"),
            "the first turn ended too early: four letters are allowed")
        .cause(
            (String v) -> v.startsWith("AAAAB"), "a later turn has another length than the first")
        .expect("A after 1 letter, B after 2", letters(1, 2), () -> trace(turns, 1, 2))
        .cause(Chapter01::crashed, "a turn did not come to its end")
        .cause(
            (String v) -> v.length() < LETTERS,
            "letters are missing: what is `left` is to be written")
        .cause(
            (String v) -> v.startsWith("AA"),
            "a task that gives way earlier must still be let do so")
        .cause(
            (String v) -> !v.startsWith("ABB"),
            "B's turn ended too early: count the letters of this turn")
        .cause(
            (String v) -> true, "count the letters of this turn, not of all turns or of both tasks")
        .expect("A after 5 letters, B after 3", letters(5, 3), () -> trace(turns, 5, 3))
        .cause(Chapter01::crashed, "a turn did not come to its end")
        .cause(
            (String v) -> v.startsWith("AAAAA"),
            "A wrote five letters in its turn: four is the most")
        .cause(
            (String v) -> true, "count the letters of this turn, not of all turns or of both tasks")
        .expect("turns taken, both without end", 6, () -> attempt(() -> count(turns)))
        .cause((Integer v) -> v > 6, "there are turns in which nothing is written")
        .verdict();
  }

  private static int count(Turns turns) {
    return turns.cooperative_turns(
        Arena.ofAuto().allocate(LETTERS + 1), LETTERS + 1, FOR_EVER, FOR_EVER);
  }

  private static Object trace(Turns turns, int a, int b) throws Exception {
    return attempt(() -> {
      MemorySegment letters = Arena.ofAuto().allocate(LETTERS + 1);
      turns.cooperative_turns(letters, LETTERS + 1, a, b);
      return letters.getString(0);
    });
  }

  /** What the two write when none takes more than four letters in a turn. */
  private static String letters(int a, int b) {
    int[] left = {LETTERS / 2, LETTERS / 2};
    int[] most = {Math.min(a, 4), Math.min(b, 4)};
    var written = new StringBuilder();
    for (int who = 0; left[0] + left[1] > 0; who = 1 - who) {
      int now = Math.min(most[who], left[who]);
      written.repeat("AB".charAt(who), now);
      left[who] -= now;
    }
    return written.toString();
  }

  // ------------------------------------------------------------ 01.2: a conversation

  /** What the cell defines. */
  interface Talks {
    int both(MemorySegment trace, int size, int n, int m);
  }

  private static void conversation(Given given) {
    Talks talks = Lab.isolate(Lab.load("talks", Talks.class), Duration.ofSeconds(2));
    String crash = "the process ended: is there a way through turn that does not return?";
    String said = "nothing notes that H was said";
    Check.exercise("01.2")
        .expect("two that talk twice", "HhTtTtBb", () -> heard(talks, 2, 2))
        .cause(Chapter01::crashed, crash)
        .cause((String v) -> v.isEmpty(), "nobody said anything: turn returned 0 at once")
        .cause((String v) -> v.startsWith("HhHh"), said)
        .cause(
            (String v) -> v.equals("Hh"), "after H each was silent: what does the next place say?")
        .cause(
            (String v) -> v.startsWith("HtT"), "one place for both: keep it in *me, nowhere else")
        .cause(
            (String v) -> v.startsWith("HhTtTtTtTt"), "between turns the count is lost: use me->i")
        .cause((String v) -> v.startsWith("HhTtTtT"), "one T too many: compare before you talk")
        .cause(
            (String v) -> v.startsWith("HhTtB") && heard(talks, 1, 1).equals("HhTbB"),
            "one count for both: keep it in me->i, nowhere else")
        .cause((String v) -> v.startsWith("HhTtB"), "one T too few: T is said n times")
        .cause((String v) -> v.startsWith("HhB"), "nobody talked: between H and B come n times T")
        .cause((String v) -> v.startsWith("HhTtTtBbB"), "after B comes one more place: the end")
        .cause((String v) -> v.equals("HhTtTt"), "nobody said good-bye: after the last T comes B")
        .expect("one that talks once, one that talks thrice", "HhTtBttb", () -> heard(talks, 1, 3))
        .cause(Chapter01::crashed, crash)
        .cause((String v) -> v.startsWith("HhHh"), said)
        .cause((String v) -> v.startsWith("HhTtTt"), "each has its own n: me->n")
        .expect("one that never talks, one that does", "HhBtb", () -> heard(talks, 0, 1))
        .cause(Chapter01::crashed, crash)
        .cause((String v) -> v.startsWith("HhHh"), said)
        .cause((String v) -> v.startsWith("HhT"), "with n = 0 there is no T: look before you talk")
        .verdict();
  }

  private static Object heard(Talks talks, int n, int m) {
    MemorySegment letters = Arena.ofAuto().allocate(31);
    try {
      talks.both(letters, 31, n, m);
    } catch (NativeCrash crash) {
      return crash;
    }
    return letters.getString(0);
  }
}
