package greenthreads.exercises;

import greenthreads.lab.Check;
import greenthreads.lab.Lab;
import greenthreads.lab.Library;
import greenthreads.lab.NativeCrash;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Registers and calls. */
final class Chapter02 extends Chapter {
  private static final String FILE = "02-registers-and-calls";

  Chapter02() {
    super(Chapter02::whoIsWhere, Chapter02::promise);
  }

  // ------------------------------------------------------------ 02.1: who is where

  /** The call that the cell {@code mixed} makes. */
  interface Mixed {
    void mixed_call(MemorySegment out);
  }

  private static void whoIsWhere(Given given) {
    List<String> answer = given.get(0);
    List<String> places = new ArrayList<>(registersOfArguments());
    for (int i = 0; places.size() < 10; i++) {
      places.add("stack " + i);
    }
    MemorySegment recorded = Arena.ofAuto().allocate(Lab.load(FILE).layout("arguments"));
    Lab.load("mixed", Mixed.class).mixed_call(recorded);

    Check check = Check.exercise("02.1");
    int[] passed = {13, 17, 18, 21};
    for (int i = 0; i < 4; i++) {
      int n = i;
      int right = placeOf(passed[i], recorded);
      int before = i == 0 ? 1 : 2; // so many floating-point arguments stand before it
      check
          .expect(
              "the place of " + "cghk".charAt(i),
              places.get(right),
              () -> n < answer.size() ? answer.get(n) : null)
          .cause(place -> place == null, "no answer yet: four places are wanted")
          .<String>cause(
              place -> places.indexOf(place) < 0,
              "no such place: write it as \"" + places.get(1) + "\" or \"stack 0\"")
          .<String>cause(
              place -> places.indexOf(place) == right - 1,
              "`out` is an argument too, and the first")
          .<String>cause(
              place -> place.startsWith("stack") && places.indexOf(place) == right + 1,
              "the lowest slot has number 0, not 1")
          .<String>cause(
              place -> places.indexOf(place) == right + before,
              "floating-point arguments take no place in this row")
          .cause(place -> true, "count again: `out` first, then all that are whole numbers");
    }
    check.verdict();
  }

  private static List<String> registersOfArguments() {
    return isX86()
        ? List.of("rdi", "rsi", "rdx", "rcx", "r8", "r9")
        : List.of("x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7");
  }

  /** Which of the ten places held a value. */
  private static int placeOf(int value, MemorySegment recorded) {
    int at = 0;
    while (at < 9 && (byte) recorded.getAtIndex(ValueLayout.JAVA_LONG, at) != value) {
      at++;
    }
    return at;
  }

  // ------------------------------------------------------------ 02.2: keep the promise

  /** What the cell defines. */
  interface Twice {
    long call_twice(long x);

    void plant(MemorySegment values);

    void after_ordinary_work(MemorySegment before, MemorySegment after);

    String callee_saved();
  }

  private static void promise(Given given) {
    Library file = Lab.load(FILE);
    Twice yours = Lab.isolate(Lab.load("repaired", Twice.class));
    String crashed = "`ret` takes the slot at sp: does a saved value still lie there?";
    Check.exercise("02.2")
        .expect("call_twice(21)", 42L, () -> attempt(() -> yours.call_twice(21)))
        .cause(result -> result instanceof NativeCrash, crashed)
        .cause(result -> true, "WORK computes the result: is it there, once?")
        .expect(
            "registers with a broken promise",
            Set.of(),
            () -> attempt(() -> broken(yours, file.layout("registers"))))
        .cause(result -> result instanceof NativeCrash, crashed)
        .cause(result -> true, "WORK overwrites it: SAVE belongs before WORK, RESTORE after it")
        .verdict();
  }

  /** The callee-saved registers that did not keep what was planted in them. */
  private static Set<String> broken(Twice yours, StructLayout registers) {
    MemorySegment before = Arena.ofAuto().allocate(registers);
    MemorySegment after = Arena.ofAuto().allocate(registers);
    yours.plant(before);
    yours.after_ordinary_work(before, after);
    Set<String> names = new TreeSet<>();
    for (String name : yours.callee_saved().split(" ")) {
      if (member(registers, before, name) != member(registers, after, name)) {
        names.add(name);
      }
    }
    return names;
  }
}
