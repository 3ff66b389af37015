package greenthreads.lab.inspect;

import greenthreads.lab.base.LabException;
import greenthreads.lab.machine.Abi;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Picture;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * A stack as it was when this was made: a column of words, the high addresses on top.
 *
 * <pre>{@code
 * StackView before = Lab.stack(stack);
 * chapter.swap_on(stack, SIZE, report);
 * before.to(Lab.stack(stack).sp(sp))
 * }</pre>
 *
 * <p>What is said about it with {@link #sp}, {@link #name} and the like makes a new view of the
 * same copy; a view never changes.
 */
public final class StackView implements Picture {
  private final long low;
  private final long[] words;
  private final WordMeanings meanings;

  // What is known of it besides its words: set while a view is made, and never after.
  private String title = "";
  private OptionalLong sp = OptionalLong.empty();
  private Map<Long, String> names = Map.of();
  private int redZone;
  private int highest = Integer.MAX_VALUE;

  private StackView(long low, long[] words, WordMeanings meanings) {
    this.low = low;
    this.words = words;
    this.meanings = meanings;
  }

  private StackView with(Consumer<StackView> change) {
    var changed = new StackView(low, words, meanings);
    changed.title = title;
    changed.sp = sp;
    changed.names = names;
    changed.redZone = redZone;
    changed.highest = highest;
    change.accept(changed);
    return changed;
  }

  /**
   * Copies a stack's memory.
   *
   * @param memory the whole of it; where its end is not a multiple of 16, what lies above the last
   *     one is left out, as a stack's top is
   */
  public static StackView of(MemorySegment memory) {
    return of(memory, WordMeanings.here());
  }

  /** The same, of memory that was written in another process: the meanings are that one's. */
  static StackView of(MemorySegment memory, WordMeanings meanings) {
    long low = memory.address() + 7 & -8;
    long top = memory.address() + memory.byteSize() & -16;
    if (top <= low) {
      throw new LabException(
          "A stack of %d bytes has no room for two words.".formatted(memory.byteSize()));
    }
    long[] words = new long[Math.toIntExact((top - low) / 8)];
    MemorySegment.copy(
        memory, ValueLayout.JAVA_LONG_UNALIGNED, low - memory.address(), words, 0, words.length);
    return of(low, words, meanings, Abi.here().redZone());
  }

  static StackView of(long low, long[] words, WordMeanings meanings, int redZone) {
    var view = new StackView(low, words, meanings);
    view.redZone = redZone;
    meanings.with(new WordMeanings.NamedMemory("this stack", low, view.top(), view.top(), "top"));
    return view;
  }

  /**
   * The same, with the stack pointer marked.
   *
   * @param address where it stands; an address outside this stack is said to be elsewhere
   */
  public StackView sp(long address) {
    return with(view -> view.sp = OptionalLong.of(address));
  }

  /**
   * The same, with a name for a slot.
   *
   * @param below how many bytes below the top the slot begins: 8 is the highest
   * @param name what it holds
   */
  public StackView name(long below, String name) {
    var more = new TreeMap<>(names);
    more.put(below, name);
    return with(view -> view.names = more);
  }

  /**
   * The same, drawn under a title: whose stack it is.
   *
   * @param title a few words
   */
  public StackView title(String title) {
    return with(view -> view.title = title);
  }

  /** The same, of a thread that waits in a call: below its stack pointer is nobody's red zone. */
  public StackView waiting() {
    return with(view -> view.redZone = 0);
  }

  /**
   * The same, of which only the highest slots are drawn.
   *
   * @param slots how many
   */
  public StackView highest(int slots) {
    return with(view -> view.highest = slots);
  }

  /** The address right behind the highest word. */
  public long top() {
    return low + 8L * words.length;
  }

  /** The lowest address. */
  public long low() {
    return low;
  }

  /**
   * The high-water mark: bytes from the top down to the lowest one that is not paint.
   *
   * @return 0 if nothing was written
   */
  public long used() {
    long paint = paint();
    for (int i = 0; i < words.length; i++) {
      if (words[i] != paint) {
        long differing = words[i] ^ paint;
        return top() - (low + 8L * i + Long.numberOfTrailingZeros(differing) / 8);
      }
    }
    return 0;
  }

  /** This stack alone. */
  @Override
  public Figure figure() {
    return StackDrawing.figure(List.of(this), List.of(""));
  }

  /**
   * This stack and the same one later, side by side: each word in its place, what changed marked.
   *
   * @param after the same memory at a later moment
   * @throws LabException if it is other memory
   */
  public Figure to(StackView after) {
    if (after.low != low || after.words.length != words.length) {
      throw new LabException(
          "Before and after are different stacks: one of %,d bytes at 0x%x, one of %,d at 0x%x."
              .formatted(8L * words.length, low, 8L * after.words.length, after.low));
    }
    return StackDrawing.figure(List.of(this, after), List.of("before", "after"));
  }

  @Override
  public String toString() {
    return text();
  }

  // ----- for the drawing: words are counted from the top -------------------------------------

  int size() {
    return words.length;
  }

  /** The n-th word from the top; 0 is the highest. */
  long word(int n) {
    return words[words.length - 1 - n];
  }

  long address(int n) {
    return top() - 8L * (n + 1);
  }

  /** How many of them are drawn. */
  int shown() {
    return Math.min(words.length, highest);
  }

  OptionalLong sp() {
    return sp;
  }

  boolean holdsSp() {
    return sp.isPresent() && sp.getAsLong() >= low && sp.getAsLong() <= top();
  }

  String nameOf(int n) {
    return names.getOrDefault(8L * (n + 1), "");
  }

  String title() {
    return title;
  }

  int redZone() {
    return redZone;
  }

  /** What an untouched word holds: the byte that fills the lowest words, or else 0. */
  long paint() {
    return words.length >= 2 && words[0] == words[1] && WordMeanings.isRepeated(words[0])
        ? words[0]
        : 0;
  }

  WordMeanings.Meaning meaning(int n) {
    return word(n) == paint() && WordMeanings.isRepeated(word(n))
        ? new WordMeanings.Meaning(WordMeanings.Kind.PAINT, word(n) == 0 ? "0" : "paint, untouched")
        : meanings.of(word(n));
  }
}
