package greenthreads.lab.inspect;

import com.google.gson.Gson;
import greenthreads.lab.machine.Abi;
import greenthreads.lab.machine.Isa;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Grid;
import greenthreads.lab.show.Grid.Cell;
import greenthreads.lab.show.Pictures;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Draws recorded steps: a table that needs nothing, and a player that its script brings to life.
 */
final class StepDrawing {
  /** So many registers have a fixed place each; where more matter, every step has its own. */
  private static final int MOST_PLACES = 12;

  private static final Pattern WORD = Pattern.compile("[a-z][a-z0-9]*");
  private static final Pattern IMPLICIT_SP = Pattern.compile("^(push|pop|call|ret|leave|enter)");

  private final Steps steps;
  private final Abi abi;

  /** Values with what they are, each once: the steps refer to them by number. */
  private final Map<Object, Integer> pool = new LinkedHashMap<>();

  private final Map<Long, Integer> numbersOfValues = new HashMap<>();
  private final int[] numbers;

  StepDrawing(Steps steps) {
    this.steps = steps;
    this.abi = steps.abi();
    this.numbers = new int[steps.steps().size()];
    int number = 1;
    for (Step step : steps.steps()) {
      numbers[step.number()] = number;
      number += step.last() ? 0 : 1;
    }
  }

  Figure figure() {
    String what = String.join(", ", steps.functions());
    String alt =
        "%s, recorded one instruction at a time: %s on %s."
            .formatted(
                what,
                Pictures.count(steps.size(), "instruction"),
                Pictures.count(steps.stacks().size(), "stack"));
    String caption =
        ("Recorded on this processor. Arrow keys, Home and End step; Escape leaves. "
                + steps.ending())
            .strip();
    Grid table = table();
    return new Figure(Pictures.wrap(html(table)), alt, caption, alt + "\n\n" + table.text());
  }

  // ----- the table -----------------------------------------------------------------------------

  /** Instructions are counted from 1, and those that did not run are not counted. */
  private int number(Step step) {
    return numbers[step.number()];
  }

  private String position(Step step) {
    int stack = steps.stackOf(step.number());
    return stack < 0
        ? abi.sp() + " is on a stack that was not watched"
        : "%s is on the %s, %s"
            .formatted(
                abi.sp(),
                steps.stacks().get(stack).memory().name(),
                steps.stacks().get(stack).label(step.register(abi.sp())));
  }

  /** Whether the program ran on by itself before this step. */
  private boolean afterGap(int n) {
    return n > 0
        && steps.isEntry(n)
        && steps.steps().get(n - 1).register(abi.pc()) != steps.steps().get(n).register(abi.pc());
  }

  private Grid table() {
    var table = new Grid("gt-steps").head("step", "place", "instruction", "what it does");
    for (Step step : steps.steps()) {
      if (afterGap(step.number())) {
        String gap = "… the program runs on, unrecorded …";
        table.row("gt-fold", List.of(Cell.onlyHtml(""), Cell.of("   " + gap, gap).over(3)));
      }
      table.row(
          Cell.of(step.last() ? "" : Integer.toString(number(step))),
          Cell.of(step.place()),
          Cell.code(step.instruction()),
          Cell.of(step.last() ? "comes next: " + position(step) : step.effect()).styled("gt-long"));
    }
    return steps.ending().isEmpty() ? table : table.row(Cell.onlyText(steps.ending()));
  }

  private String html(Grid table) {
    return """
    <div class="gt-player" data-gt="steps"><div class="gt-stage" hidden></div>\
    <details class="gt-all" open><summary>Every step as a table</summary>%s</details>\
    <script type="application/json" class="gt-data">%s</script></div><script>%s</script>\
    """
        .formatted(table.scrolling(), data(), Pictures.file("player.js"));
  }

  // ----- the player's data ---------------------------------------------------------------------

  private int pooled(String kind, String value, String meaning) {
    List<String> entry = List.of(kind, value, meaning);
    return pool.computeIfAbsent(entry, key -> pool.size());
  }

  private int pooled(long value) {
    return numbersOfValues.computeIfAbsent(
        value,
        key -> {
          WordMeanings.Meaning meaning = steps.meaningOf(value);
          return pooled(meaning.kind().style(), Pictures.hex(value), meaning.text());
        });
  }

  private int register(String name, long value) {
    return abi.isFlags(name)
        ? pooled("bits", Pictures.hex(value), abi.flagNames(value))
        : pooled(value);
  }

  private String data() {
    var names = new ArrayList<>(steps.registers(0).keySet());
    var owners =
        names.stream().map(name -> abi.owner(name).name().toLowerCase(Locale.ROOT)).toList();
    List<Set<Integer>> uses = steps.steps().stream().map(step -> uses(step, names)).toList();
    List<Integer> always = always(uses, names);
    String file = commonFile();
    var all = new LinkedHashMap<String, Object>();
    var list = new ArrayList<Object>();
    for (Step step : steps.steps()) {
      list.add(step(step, names, file, uses.get(step.number())));
    }
    all.put("sp", abi.sp());
    all.put("pc", abi.pc());
    all.put("names", names);
    all.put("owners", owners);
    all.put("flags", flags(names));
    all.put("always", always.size() <= MOST_PLACES ? always : List.of());
    all.put("places", Math.min(always.size(), MOST_PLACES));
    all.put("file", file.isEmpty() ? "" : "lines of " + file);
    all.put("stacks", steps.stacks().stream().map(StepDrawing::stack).toList());
    all.put("steps", list);
    all.put("ending", steps.ending());
    all.put("pool", pool.keySet());
    return new Gson().toJson(all);
  }

  private static Map<String, Object> stack(StepMemory.Column column) {
    var one = new LinkedHashMap<String, Object>();
    one.put("name", column.memory().name());
    one.put("labels", column.addresses().stream().map(column::label).toList());
    one.put("lines", column.addresses().stream().map(a -> a % 16 == 0 ? 1 : 0).toList());
    var folds = new ArrayList<Long>(); // how many words are left out above each
    long above = column.addresses().getFirst() + 8;
    for (long address : column.addresses()) {
      folds.add((above - address) / 8 - 1);
      above = address;
    }
    one.put("folds", folds);
    return one;
  }

  // ----- the registers that matter -------------------------------------------------------------

  /** The registers that an instruction names, and those that it uses without naming them. */
  private Set<Integer> uses(Step step, List<String> names) {
    var found = new TreeSet<Integer>();
    String text = step.instruction().replaceFirst("\\s*(#|//).*", "").replaceAll("<[^>]*>", "");
    Matcher word = WORD.matcher(text);
    while (word.find()) {
      found.add(names.indexOf(abi.whole(word.group())));
    }
    if (abi.isa() == Isa.X86_64 && IMPLICIT_SP.matcher(text).find()) {
      found.add(names.indexOf(abi.sp()));
    }
    found.remove(-1);
    return found;
  }

  /**
   * All that some recorded instruction uses or changes, the stack pointer and the place in code.
   */
  private List<Integer> always(List<Set<Integer>> uses, List<String> names) {
    var found = new TreeSet<Integer>(List.of(names.indexOf(abi.sp()), names.indexOf(abi.pc())));
    for (int i = 0; i < uses.size(); i++) {
      found.addAll(uses.get(i));
      if (i + 1 < uses.size() && !steps.runsThrough(i) && !afterGap(i + 1)) {
        Step step = steps.steps().get(i);
        Step next = steps.steps().get(i + 1);
        for (String name : names) {
          if (step.register(name) != next.register(name)) {
            found.add(names.indexOf(name));
          }
        }
      }
    }
    found.remove(-1);
    return List.copyOf(found);
  }

  private int flags(List<String> names) {
    return names.stream().filter(abi::isFlags).mapToInt(names::indexOf).findFirst().orElse(-1);
  }

  // ----- the source ----------------------------------------------------------------------------

  private static String file(Step step) {
    return step.source().replaceFirst(":\\d+$", "");
  }

  /** The file that most of the source lines are of: it is named once. */
  private String commonFile() {
    return steps.steps().stream()
        .map(StepDrawing::file)
        .filter(file -> !file.isEmpty())
        .collect(Collectors.groupingBy(file -> file, LinkedHashMap::new, Collectors.counting()))
        .entrySet()
        .stream()
        .max(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey)
        .orElse("");
  }

  private Map<String, Object> step(Step step, List<String> names, String file, Set<Integer> uses) {
    int n = step.number();
    var one = new LinkedHashMap<String, Object>();
    one.put("n", number(step));
    one.put("place", step.place());
    one.put("ins", step.instruction());
    String source = step.source();
    boolean common = !file.isEmpty() && file(step).equals(file);
    one.put("src", common ? source.replace(file + ":", "line ") : source);
    one.put("from", source);
    one.put("uses", uses);
    one.put("effect", step.effect());
    one.put("last", step.last() ? 1 : 0);
    one.put("gap", afterGap(n) ? 1 : 0);
    one.put("regs", names.stream().map(name -> register(name, step.register(name))).toList());
    one.put(
        "words",
        steps.stacks().stream()
            .map(column ->
                column.addresses().stream()
                    .map(address -> {
                      var word = steps.word(n, address);
                      return word.isPresent() ? pooled(word.getAsLong()) : -1;
                    })
                    .toList())
            .toList());
    int stack = steps.stackOf(n);
    long sp = step.register(abi.sp());
    one.put("on", stack);
    // -1: the pointer stands above the highest word that is shown; -2: it is not shown.
    int row = stack < 0 ? -2 : steps.stacks().get(stack).addresses().indexOf(sp & -8);
    boolean above =
        stack >= 0 && row < 0 && sp == steps.stacks().get(stack).addresses().getFirst() + 8;
    one.put("row", row >= 0 ? row : above ? -1 : -2);
    one.put("ret", steps.returns(n) ? 1 : 0);
    return one;
  }
}
