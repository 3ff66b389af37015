package greenthreads.exercises;

import greenthreads.lab.Check;
import greenthreads.lab.Lab;
import greenthreads.lab.NativeCrash;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;

/** A single stack swap. */
final class Chapter03 extends Chapter {
  private static final long SIZE = 64 * 1024;

  Chapter03() {
    super(Chapter03::forge, Chapter03::two);
  }

  private static MemorySegment newStack() {
    return Arena.ofAuto().allocate(SIZE, 16);
  }

  // ------------------------------------------------------------ 03.1: forge it yourself

  /** What the cell defines. */
  interface Forged {
    void look(MemorySegment stack, long size, MemorySegment report);

    long wake_up(MemorySegment stack, long size);
  }

  private static void forge(Given given) {
    Forged yours = Lab.isolate(Lab.load("forged", Forged.class));
    MemorySegment stack = newStack();
    String exchanged = "the two are exchanged: the lower slot is taken first";
    String outside = "sp has to be the address of one of your slots: &top[…]";
    Check.exercise("03.1")
        .expect("the slot at sp", "hello", () -> slotAbove(yours, stack, 0))
        .cause(slot -> slot.equals("way_home"), exchanged)
        .cause(
            slot -> slot.equals("neither"), "the `ret` of swap takes this slot: store hello there")
        .cause(slot -> true, outside)
        .expect("the slot above it", "way_home", () -> slotAbove(yours, stack, 8))
        .cause(slot -> slot.equals("hello"), exchanged)
        .cause(slot -> slot.equals("neither"), "hello returns to what lies here: store way_home")
        .cause(slot -> true, outside)
        .expect(
            "sp modulo 16, at a call in hello",
            0L,
            () -> attempt(() -> yours.wake_up(stack, SIZE) % 16))
        .cause(rest -> rest.equals(8L), "misaligned: move all of it down by one slot")
        .cause(
            rest -> true,
            "no way to start or to come home: mend the slots above first, then think of 16")
        .verdict();
  }

  /** What lies so many bytes above sp. */
  private static String slotAbove(Forged yours, MemorySegment stack, long bytes) {
    StructLayout layout = Lab.load("forged").layout("swap_report");
    MemorySegment report = Arena.ofAuto().allocate(layout);
    stack.fill((byte) 0);
    yours.look(stack, SIZE, report);
    long below = member(layout, report, "stack_top") - member(layout, report, "sp_new") - bytes;
    if (below < 8 || below > SIZE) {
      return "outside the stack";
    }
    long slot = stack.get(ValueLayout.JAVA_LONG, SIZE - below);
    return slot == member(layout, report, "function")
        ? "hello"
        : slot == member(layout, report, "way_home") ? "way_home" : "neither";
  }

  // ------------------------------------------------------------ 03.2: one more return address

  /** What the cell defines. */
  interface Two {
    String run_two(MemorySegment stack, long size);
  }

  private static void two(Given given) {
    Two both = Lab.isolate(Lab.load("two", Two.class));
    MemorySegment stack = newStack();
    Check.exercise("03.2")
        .expect("what ran", "first second ", () -> attempt(() -> both.run_two(stack, SIZE)))
        .cause(
            ran -> ran instanceof NativeCrash,
            "it crashed: is sp set, and to the lowest slot of yours?")
        .cause(
            ran -> ran.toString().contains("tilted"),
            "a function began 8 bytes off: put `skip` into the slot between the two")
        .cause(ran -> ran.equals("second first "), "the lowest slot runs first: exchange the two")
        .cause(
            ran -> ran.equals("first ") || ran.equals("second "),
            "only one of them ran: does sp point to the lowest slot of yours?")
        .verdict();
  }
}
