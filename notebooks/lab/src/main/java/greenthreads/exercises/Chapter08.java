package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.show.Check;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.StructLayout;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** Other machines. */
final class Chapter08 extends Chapter {
  Chapter08() {
    super(Chapter08::windows, Chapter08::fifth);
  }

  // ------------------------------------------------------------ 08.1: a new stack for Windows

  private static final int HOME_WORDS = 6;

  private static void windows(Given given) {
    int function = given.get(0);
    int skip = given.get(1);
    int guard = given.get(2);
    int skipAdds = given.get(3);
    Check.exercise("08.1")
        .demand(
            "guard's place",
            "nearer to the top than the function's",
            (Integer bytes) -> bytes < function,
            () -> guard)
        .cause(
            bytes -> true,
            "the numbers count downwards from the top: what is come to later lies higher, and has"
                + " the smaller number")
        .expect(
            "rsp modulo 16 where the function begins",
            8,
            () -> walk(function, skip, guard, skipAdds).get("function's rsp"))
        .cause(
            rsp -> true,
            "the switch's `ret` takes 8 bytes, so the function's own word has to be at a multiple"
                + " of 16")
        .expect(
            "the function returns to",
            "skip",
            () -> walk(function, skip, guard, skipAdds).get("function returns to"))
        .cause(
            to -> true,
            "its return address is the next word up: skip belongs 8 bytes above the function")
        .expect(
            "skip returns to",
            "guard",
            () -> walk(function, skip, guard, skipAdds).get("skip returns to"))
        .cause(
            to -> to.equals("home"),
            "skip takes a word of the function's home space, which is overwritten: guard has"
                + " to be above all six, and skip has to get over them")
        .cause(
            to -> true,
            "skip takes another word than guard's: count what the two `ret` take and what skip"
                + " adds")
        .expect(
            "rsp modulo 16 where guard begins",
            8,
            () -> walk(function, skip, guard, skipAdds).get("guard's rsp"))
        .cause(rsp -> true, "guard's word has to be at a multiple of 16 too")
        .demand(
            "home space of guard",
            "all of it below the top",
            (Integer room) -> room >= 0,
            () -> (Integer) walk(function, skip, guard, skipAdds).get("room above"))
        .cause(
            room -> true,
            "it reaches above the top, into somebody else's memory: everything has to go down")
        .verdict();
  }

  /** Walks along the stack as the processor would; {@code at} counts in bytes below the top. */
  private static Map<String, Object> walk(int function, int skip, int guard, int skipAdds) {
    Map<Integer, String> words = new HashMap<>();
    words.put(guard, "guard");
    words.put(skip, "skip");
    words.put(function, "function");
    Map<String, Object> seen = new HashMap<>();
    int at = function - 8; // the switch's ret took the function
    seen.put("function's rsp", Math.floorMod(-at, 16));
    for (int home = 1; home <= HOME_WORDS; home++) {
      words.put(at - 8 * home, "home"); // above its return address
    }
    seen.put("function returns to", words.getOrDefault(at, "nothing"));
    at -= 8 + skipAdds; // its ret, and what skip does
    seen.put("skip returns to", words.getOrDefault(at, "nothing"));
    at -= 8;
    seen.put("guard's rsp", Math.floorMod(-at, 16));
    seen.put("room above", at - 8 - HOME_WORDS * 8);
    return seen;
  }

  // ------------------------------------------------------------ 08.2: a fifth machine

  private static void fifth(Given given) {
    StructLayout fifth = Lab.load("fifth").layout("fifth_context");
    Set<String> kept =
        fifth.memberLayouts().stream()
            .flatMap(Chapter08::words)
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> needed =
        Stream.of(
                Stream.of("sp", "fp"),
                IntStream.range(0, 9).mapToObj(i -> "s" + i),
                IntStream.range(0, 8).mapToObj(i -> "fs" + i))
            .flatMap(names -> names)
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> missing = without(needed, kept);
    Set<String> extra = without(kept, needed);
    Check.exercise("08.2")
        .expect("registers that are missing", 0, missing::size)
        .cause(
            count -> missing.contains("s0"),
            "who switches is a caller: keep what belongs to the callee")
        .cause(
            count -> missing.contains("fs0"),
            "a caller was promised floats too: see chapter 05 on d8 to d15")
        .cause(
            count -> missing.contains("fp"),
            "a frame pointer is a callee-saved register, whatever it is used for")
        .cause(count -> true, "one is forgotten: count from 0, and read the last number again")
        .expect("words that are not needed", 0, extra::size)
        .cause(
            count -> extra.contains("ra"),
            "ra waits on the stack that it belongs to, where the switch puts it: its place is at"
                + " sp")
        .cause(
            count -> extra.contains("tp"),
            "tp belongs to the thread of the system, and stays with it: two green threads have the"
                + " same")
        .cause(
            count -> extra.stream().anyMatch(name -> name.matches("f?[at]\\d+")),
            "caller-saved: whoever calls the switch has put these away")
        .cause(count -> true, "there is no such register in the table")
        .expect("bytes", 8L * needed.size(), fifth::byteSize)
        .cause(bytes -> true, "each register has 64 bits here: a uint64_t for each, and no other")
        .verdict();
  }

  /** The registers that a member is for: {@code s[9]} stands for s0 to s8. */
  private static Stream<String> words(MemoryLayout member) {
    String name = member.name().orElse("");
    return member instanceof SequenceLayout array
        ? LongStream.range(0, array.elementCount()).mapToObj(i -> name + i)
        : Stream.of(name);
  }

  private static Set<String> without(Set<String> all, Set<String> those) {
    Set<String> rest = new TreeSet<>(all);
    rest.removeAll(those);
    return rest;
  }
}
