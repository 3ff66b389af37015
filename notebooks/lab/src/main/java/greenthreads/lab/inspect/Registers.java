package greenthreads.lab.inspect;

import greenthreads.lab.bind.Library;
import greenthreads.lab.call.Mapping;
import greenthreads.lab.machine.Abi;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Html;
import greenthreads.lab.show.Picture;
import greenthreads.lab.show.Pictures;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;

/**
 * The processor's registers at one moment, to be drawn alone or beside those of a later moment.
 *
 * <pre>{@code
 * Registers before = Lab.registers(lib, struct);
 * …
 * before.to(Lab.registers(lib, struct))
 * }</pre>
 */
public final class Registers implements Picture {
  private static final long NEAR_SP = 1 << 20;

  private final Abi abi;
  private final Map<String, Long> values;
  private final WordMeanings meanings;

  private Registers(Map<String, Long> values, WordMeanings meanings) {
    this.abi = Abi.of(values.keySet());
    this.values = Collections.unmodifiableMap(values);
    this.meanings = meanings;
  }

  /**
   * Copies the registers out of a struct whose members are named after them.
   *
   * @param layout the struct's layout, from {@link Library#layout}
   * @param struct where native code stored them
   */
  public static Registers of(StructLayout layout, MemorySegment struct) {
    var values = new LinkedHashMap<String, Long>();
    long offset = 0;
    for (MemoryLayout member : layout.memberLayouts()) {
      if (member.name().isPresent() && member.byteSize() == Long.BYTES) {
        values.put(member.name().get(), struct.get(ValueLayout.JAVA_LONG_UNALIGNED, offset));
      }
      offset += member.byteSize();
    }
    return of(values, WordMeanings.here(), struct);
  }

  /** Values by the registers' names; {@code struct} is where they were stored, or null. */
  static Registers of(Map<String, Long> values, WordMeanings meanings, MemorySegment struct) {
    var registers = new Registers(new LinkedHashMap<>(values), meanings);
    if (struct != null && struct.isNative()) {
      long low = struct.address();
      meanings.with(
          new WordMeanings.NamedMemory(
              "the struct that holds this picture",
              low,
              low + struct.byteSize() - 1,
              low,
              "its start"));
    }
    Long sp = registers.values.get(registers.abi.sp());
    if (sp != null) {
      meanings.with(registers.stackAround(sp));
    }
    return registers;
  }

  private WordMeanings.NamedMemory stackAround(long sp) {
    Optional<Mapping> mapping = meanings.mapping(sp);
    long low = Math.max(sp - NEAR_SP, mapping.map(Mapping::low).orElse(sp - NEAR_SP));
    long high = Math.min(sp + NEAR_SP, mapping.map(Mapping::high).orElse(sp + NEAR_SP));
    return new WordMeanings.NamedMemory("this stack", low, high - 1, sp, abi.sp());
  }

  /**
   * A register's value.
   *
   * @param register its name, as the struct's member is called
   */
  public long get(String register) {
    Long value = values.get(register);
    if (value == null) {
      throw new NoSuchElementException(
          "there is no register `%s` here: %s".formatted(register, values.keySet()));
    }
    return value;
  }

  /** The registers alone. */
  @Override
  public Figure figure() {
    return new Drawing(this, null).figure();
  }

  /**
   * These registers and later ones, in the same places, what changed marked.
   *
   * @param after the same registers at a later moment
   */
  public Figure to(Registers after) {
    return new Drawing(this, after).figure();
  }

  /**
   * A register and the names of its parts, as boxes in boxes: {@code rax}, {@code eax}, {@code ax},
   * {@code ah}, {@code al}.
   *
   * @param register a general register of this machine
   * @param value what it holds
   */
  public static Figure parts(String register, long value) {
    return RegisterParts.figure(Abi.here(), register, value, value);
  }

  /**
   * The same before and after something was written, with the bytes that changed marked.
   *
   * @param before what the register held
   * @param after what it holds now
   */
  public static Figure parts(String register, long before, long after) {
    return RegisterParts.figure(Abi.here(), register, before, after);
  }

  @Override
  public String toString() {
    return text();
  }

  private String meaning(String register, long value) {
    if (register.equals(abi.sp())) {
      return "the stack pointer";
    }
    return abi.isFlags(register) ? abi.flagNames(value) : meanings.of(value).text();
  }

  private String kind(String register, long value) {
    if (register.equals(abi.sp())) {
      return "stack";
    }
    return abi.isFlags(register) ? "bits" : meanings.of(value).kind().style();
  }

  /** One or two moments, drawn. */
  private record Drawing(Registers before, Registers after) {
    private boolean changed(String name) {
      return after != null && !before.values.get(name).equals(after.values.get(name));
    }

    private List<String> names(Abi.Owner owner) {
      return before.values.keySet().stream()
          .filter(name -> before.abi.owner(name) == owner)
          .filter(name -> after == null || after.values.containsKey(name))
          .toList();
    }

    Figure figure() {
      var html = new StringBuilder();
      var text = new ArrayList<List<String>>();
      int changes = 0;
      for (Abi.Owner owner : Abi.Owner.values()) {
        html.append("<section class=\"gt-group gt-")
            .append(owner.name().toLowerCase())
            .append("\">");
        html.append("<div class=\"gt-head\"><b>").append(owner.title).append("</b> – ");
        html.append(owner.rule).append("</div><div class=\"gt-cards\">");
        text.add(List.of(owner.title + ": " + owner.rule));
        for (String name : names(owner)) {
          changes += changed(name) ? 1 : 0;
          html.append(card(name, owner));
          text.add(line(name));
        }
        html.append("</div></section>");
      }
      String what = after == null ? "The registers" : "The registers before and after";
      String alt =
          "%s: %d of them, in three groups by who keeps their values over a call%s."
              .formatted(
                  what,
                  before.values.size(),
                  after == null ? "" : "; %d changed".formatted(changes));
      String caption =
          after == null
              ? "Each register, its value in hexadecimal, and what the value is."
              : "%s changed: marked ●, with the value before above the value after."
                  .formatted(Pictures.count(changes, "register"));
      return new Figure(
          Pictures.wrap(html.toString()), alt, caption, alt + "\n\n" + Pictures.columns(text));
    }

    private List<String> line(String name) {
      long old = before.values.get(name);
      if (after == null) {
        return List.of("  " + name, Pictures.hex(old), before.meaning(name, old));
      }
      long now = after.values.get(name);
      return List.of(
          (changed(name) ? "* " : "  ") + name,
          Pictures.hex(old),
          changed(name) ? "-> " + Pictures.hex(now) : "   the same",
          after.meaning(name, now));
    }

    private String card(String name, Abi.Owner owner) {
      Registers last = after == null ? before : after;
      long now = last.values.get(name);
      boolean changed = changed(name);
      var card = new StringBuilder("<div class=\"gt-card gt-k-" + last.kind(name, now));
      card.append(changed ? " gt-changed\">" : "\">");
      card.append("<div class=\"gt-name\"><b>").append(Html.escape(name)).append("</b>");
      if (changed) {
        card.append(
            owner == Abi.Owner.CALLEE
                ? " <span class=\"gt-mark\">● changed, though callee-saved</span>"
                : " <span class=\"gt-mark\">● changed</span>");
      }
      card.append("</div>");
      if (after != null) {
        card.append("<div class=\"gt-old\">");
        card.append(changed ? Pictures.hexElement(before.values.get(name)) : "&nbsp;");
        card.append("</div>");
      }
      card.append("<div class=\"gt-now\">").append(Pictures.hexElement(now)).append("</div>");
      card.append(Pictures.element("div", "gt-what", last.meaning(name, now)));
      return card.append("</div>").toString();
    }
  }
}
