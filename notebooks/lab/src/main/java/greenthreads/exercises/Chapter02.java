package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.bind.Library;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.show.Check;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Registers and calls. */
final class Chapter02 extends Chapter {
  private static final String FILE = "02-registers-and-calls";

  Chapter02() {
    super(Chapter02::whoIsWhere, Chapter02::promise, Chapter02::unsaved, Chapter02::described);
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

    Check check =
        Check.exercise("02.1")
            .demand("how many places", "four", (Integer count) -> count == 4, answer::size)
            .cause((Integer count) -> count == 0, "no answer yet: four places are wanted")
            .cause((Integer count) -> true, "four places are wanted: of c, of g, of h and of k");
    int[] passed = {13, 17, 18, 21};
    for (int i = 0; i < 4 && i < answer.size(); i++) {
      String place = answer.get(i);
      int right = placeOf(passed[i], recorded);
      int at = places.indexOf(place);
      int before = i == 0 ? 1 : 2; // so many floating-point arguments stand before it
      check
          .demand(
              "the place of " + "cghk".charAt(i),
              "where the call puts it",
              (String found) -> places.indexOf(found) == right,
              () -> place)
          .cause(
              (String found) -> at < 0,
              "no such place: write it as \"%s\" or \"stack 0\"".formatted(places.get(1)))
          .cause((String found) -> at == right - 1, "`out` is an argument too, and the first")
          .cause(
              (String found) -> found.startsWith("stack") && at == right + 1,
              "the lowest slot has number 0, not 1")
          .cause(
              (String found) -> at == right + before,
              "floating-point arguments take no place in this row")
          .cause(
              (String found) -> true, "count again: `out` first, then all that are whole numbers");
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
    String crashed =
        "`ret` takes the word at sp: was everything taken off that was put there, and no more?";
    Check.exercise("02.2")
        .expect("call_twice(21)", 42L, () -> attempt(() -> yours.call_twice(21)))
        .cause(result -> result instanceof NativeCrash, crashed)
        .cause(result -> true, "DOUBLE_IN_ONE computes the result: is it there?")
        .expect(
            "registers with a broken promise",
            Set.of(),
            () -> attempt(() -> broken(yours, file.layout("registers"))))
        .cause(result -> result instanceof NativeCrash, crashed)
        .cause(result -> true, "what has to be put back is what the register held on entry")
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

  // ------------------------------------------------------------ 02.3: what a switch may forget

  /** What the chapter's file says of the registers. */
  interface Promises {
    String callee_saved();
  }

  private static void unsaved(Given given) {
    Collection<String> answer = given.get(0);
    Library file = Lab.load(FILE);
    var all = new LinkedHashSet<String>();
    file.layout("registers").memberLayouts().forEach(one -> all.add(one.name().orElseThrow()));
    var kept = new TreeSet<>(List.of(file.bind(Promises.class).callee_saved().split(" ")));
    kept.add(isX86() ? "rsp" : "sp");
    var forgotten = new LinkedHashSet<>(all);
    forgotten.removeAll(kept);
    forgotten.removeAll(Set.of("x18", "x30")); // the task leaves them out: right either way

    Set<String> unknown = new TreeSet<>(answer);
    unknown.removeAll(all);
    Set<String> needed = new TreeSet<>(answer);
    needed.retainAll(kept);
    Set<String> missing = new TreeSet<>(forgotten);
    missing.removeAll(answer);
    Check.exercise("02.3")
        .expect("names that the picture does not have", Set.of(), () -> unknown)
        .cause(names -> true, "write the names as the picture has them, in small letters")
        .expect("named, but a switch must keep them", Set.of(), () -> needed)
        .cause(
            (Set<String> names) -> names.contains("rsp") || names.contains("sp"),
            "without the stack pointer nobody finds the stack again")
        .cause(
            (Set<String> names) -> names.contains("rbp") || names.contains("x29"),
            "the frame pointer is promised to the caller like the other callee-saved ones")
        .cause((Set<String> names) -> true, "the caller was promised them: they are callee-saved")
        .demand(
            "not named, though a switch may forget them",
            "none",
            (Set<String> names) -> names.isEmpty(),
            () -> missing.size() > 2 ? Set.of(missing.size() + " more") : hidden(missing))
        .cause((Set<String> names) -> answer.isEmpty(), "no answer yet: name registers")
        .cause(
            (Set<String> names) -> missing.contains(isX86() ? "rip" : "pc"),
            "one of them is in the picture and need not be saved a second time: where is it kept?")
        .cause(
            (Set<String> names) -> missing.contains(isX86() ? "rflags" : "nzcv"),
            "think of the register that is no number: who relies on it after a call?")
        .cause(
            (Set<String> names) -> missing.contains(isX86() ? "rax" : "x0"),
            "the result's register: a switch returns nothing")
        .cause(
            (Set<String> names) -> registersOfArguments().stream().anyMatch(missing::contains),
            "arguments belong to the function that is called, and a switch is called")
        .cause((Set<String> names) -> true, "look again at the table: which were changed?")
        .verdict();
  }

  // ------------------------------------------------------------ 02.4: a struct in Java's words

  /** What the cell {@code readings} defines. */
  interface Readings {
    double sum_of(MemorySegment readings, int count);
  }

  private static void described(Given given) {
    List<MemoryLayout> answer = given.get(0);
    StructLayout right = Lab.load("readings").layout("reading");
    Check check =
        Check.exercise("02.4")
            .expect("the fields, in order", names(right.memberLayouts()), () -> names(answer))
            .cause((List<?> names) -> answer.isEmpty(), "no layouts yet: begin with unit's")
            .cause(
                (List<?> names) -> names.contains("?"),
                "each field wants its name, by withName; only padding has none")
            .cause(
                (List<?> names) ->
                    Set.copyOf(names).equals(Set.copyOf(names(right.memberLayouts()))),
                "C keeps its fields in the order in which they are declared")
            .cause((List<?> names) -> true, "there are three, named unit, value and place");
    for (String name : names(right.memberLayouts())) {
      String wanted = place(right.memberLayouts(), name);
      check
          .demand(name, "as in C, where C has it", wanted::equals, () -> place(answer, name))
          .cause(found -> found.equals(""), "this field is not in the list")
          .cause(
              found -> !type(found).equals(type(wanted)),
              switch (name) {
                case "unit" -> "C's char has one byte: Java's is another type, byte fits";
                case "value" -> "C's double is Java's double";
                default -> "C's int is Java's int, of four bytes";
              })
          .cause(
              found -> at(found) < at(wanted),
              "it comes too early: C leaves bytes out before it, and FFM does not")
          .cause(found -> true, "it comes too late: there is more padding before it than C has");
    }
    check
        .demand(
            "bytes in all",
            "as many as in C",
            (Long size) -> size == right.byteSize(),
            () -> size(answer))
        .cause(
            (Long size) -> size < right.byteSize(),
            "the next reading begins where this one ends: would its value lie at a multiple of 8?")
        .cause((Long size) -> true, "it is larger than it needs to be")
        .expect("sum_of(1.5, 20, 300)", 321.5, () -> attempt(() -> sum(answer)))
        .cause(result -> true, "Java wrote the values where C does not look: mend the lines above")
        .verdict();
  }

  private static boolean isPadding(MemoryLayout one) {
    return one instanceof PaddingLayout;
  }

  private static List<String> names(List<MemoryLayout> members) {
    return members.stream()
        .filter(one -> !isPadding(one))
        .map(one -> one.name().orElse("?"))
        .toList();
  }

  private static long size(List<MemoryLayout> members) {
    return members.stream().mapToLong(MemoryLayout::byteSize).sum();
  }

  /**
   * A field's type and where it begins, such as {@code int at 4}; empty if there is no such field.
   */
  private static String place(List<MemoryLayout> members, String name) {
    long offset = 0;
    for (MemoryLayout one : members) {
      if (one.name().filter(name::equals).isPresent()) {
        return (one instanceof ValueLayout value ? value.carrier().getSimpleName() : "no value")
            + " at "
            + offset;
      }
      offset += one.byteSize();
    }
    return "";
  }

  private static String type(Object place) {
    return place.toString().replaceFirst(" at .*", "");
  }

  private static int at(Object place) {
    return Integer.parseInt(place.toString().replaceFirst(".* at ", ""));
  }

  /** Three readings, written by the reader's layouts and read by C. There is room for more. */
  private static double sum(List<MemoryLayout> members) {
    MemorySegment readings = Arena.ofAuto().allocate(1024, 16);
    double[] values = {1.5, 20, 300};
    for (int i = 0; i < values.length; i++) {
      long value = i * size(members) + at(place(members, "value"));
      readings.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, value, values[i]);
    }
    return Lab.isolate(Lab.load("readings", Readings.class)).sum_of(readings, values.length);
  }

  /** As many question marks as there are names: the names themselves would be the answer. */
  private static Set<String> hidden(Set<String> names) {
    return names.isEmpty() ? Set.of() : Set.of("?".repeat(names.size()));
  }
}
