package greenthreads.lab.source;

import greenthreads.lab.source.SourceFile.Item;
import greenthreads.lab.source.SourceFile.Key;
import greenthreads.lab.source.SourceFile.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * One text out of several sources. {@code #line} directives let the compiler name the file and the
 * line that each piece is from.
 */
final class Merge {
  private final StringBuilder out = new StringBuilder();

  private Merge() {}

  // Headers

  /**
   * A source with the texts of its quoted includes in their place, so that their items can be found
   * and replaced like its own.
   *
   * @param read gives the text of a file, named relative to the one that includes it, or nothing
   *     where the directive is to stay
   */
  static SourceFile expand(SourceFile source, Function<String, Optional<String>> read) {
    var merge = new Merge();
    Deque<String> open = new ArrayDeque<>();
    open.push(source.name());
    merge.expand(source, read, open);
    return SourceFile.parse(source.name(), merge.out.toString());
  }

  private void expand(
      SourceFile source, Function<String, Optional<String>> read, Deque<String> open) {
    int copied = 0;
    for (Item item : source.items()) {
      if (item.kind() != Kind.INCLUDE || item.name().startsWith("<")) {
        continue;
      }
      String folder = source.name().substring(0, source.name().lastIndexOf('/') + 1);
      String path = folder + item.name();
      Optional<String> included = open.contains(path) ? Optional.empty() : read.apply(path);
      if (included.isPresent()) {
        open.push(path);
        out.append(source.text(), copied, item.span().code());
        startPiece(1, path);
        expand(SourceFile.parse(path, included.get()), read, open);
        open.pop();
        copied = resume(source, item);
      }
    }
    out.append(source.text(), copied, source.text().length());
  }

  // Edits

  /**
   * {@code base} with its items replaced by those of {@code edits} that declare the same names.
   *
   * <p>An item that is new stands before the next one that replaces something, or at the end. A
   * conditional group of the edits, from {@code #if} to {@code #endif}, is one item of many names.
   * An item of which the base has one version in each branch of an {@code #if} is replaced in every
   * branch.
   */
  static String replace(SourceFile base, SourceFile edits) {
    var merge = new Merge();
    merge.put(base, edits(edits));
    return merge.out.toString();
  }

  private void put(SourceFile base, List<Edit> edits) {
    startPiece(1, base.name());
    int copied = 0;
    var branches = new Branches();
    for (Item item : base.items()) {
      branches.pass(item);
      int index = 0;
      while (index < edits.size() && !edits.get(index).replaces(item)) {
        index++;
      }
      if (index == edits.size()) {
        continue;
      }
      out.append(base.text(), copied, item.span().start());
      startLine();
      if (!edits.get(index).isPlacedFor(branches.path())) {
        int first = index;
        while (first > 0 && base.items().stream().noneMatch(edits.get(first - 1)::replaces)) {
          first--;
        }
        edits.subList(first, index + 1).forEach(edit -> place(edit, branches.path()));
      }
      copied = resume(base, item);
    }
    out.append(base.text(), copied, base.text().length());
    edits.stream().filter(edit -> edit.placed.isEmpty()).forEach(edit -> place(edit, List.of()));
  }

  private void place(Edit edit, List<Integer> path) {
    if (!edit.isPlacedFor(path)) {
      edit.placed.add(path);
      startPiece(edit.first.firstLine(), edit.first.file());
      out.append(edit.text).append('\n');
    }
  }

  /** What is put into a base as a whole. */
  private static final class Edit {
    final Item first;
    final String text;
    final Set<Key> keys = new LinkedHashSet<>();

    /** The branches into which it has been put. */
    final List<List<Integer>> placed = new ArrayList<>();

    Edit(List<Item> items, String source) {
      first = items.getFirst();
      text = source.substring(first.span().start(), items.getLast().span().end());
      items.forEach(item -> keys.addAll(item.keys()));
    }

    boolean replaces(Item item) {
      return !Collections.disjoint(keys, item.keys());
    }

    /** Whether all code at a path already sees it: it stands at that path or around it. */
    boolean isPlacedFor(List<Integer> path) {
      return placed.stream()
          .anyMatch(at -> at.size() <= path.size() && at.equals(path.subList(0, at.size())));
    }
  }

  private static List<Edit> edits(SourceFile source) {
    var edits = new ArrayList<Edit>();
    var group = new ArrayList<Item>();
    var branches = new Branches();
    for (Item item : source.items()) {
      branches.pass(item);
      group.add(item);
      if (branches.path().isEmpty()) {
        if (group.size() > 1 || item.kind() != Kind.COMMENT) {
          edits.add(new Edit(group, source.text()));
        }
        group.clear();
      }
    }
    if (!group.isEmpty()) { // a conditional that is never closed
      edits.add(new Edit(group, source.text()));
    }
    return edits;
  }

  /** Which branches of which conditionals a place of a file is in. */
  private static final class Branches {
    private final List<Integer> path = new ArrayList<>();
    private int count;

    void pass(Item item) {
      if (item.kind() != Kind.DIRECTIVE) {
        return;
      }
      if (Splitter.opens(item.name())) {
        path.add(++count);
      } else if (!path.isEmpty() && Splitter.branches(item.name())) {
        path.set(path.size() - 1, ++count);
      } else if (!path.isEmpty() && item.name().equals("endif")) {
        path.removeLast();
      }
    }

    List<Integer> path() {
      return List.copyOf(path);
    }
  }

  // Pieces

  /** Goes on behind an item of a source; returns the offset from which to copy. */
  private int resume(SourceFile source, Item item) {
    int end = item.span().end();
    boolean lineEnds = end < source.text().length() && source.text().charAt(end) == '\n';
    startLine();
    if (end < source.text().length()) {
      startPiece(item.lastLine() + (lineEnds ? 1 : 0), item.file());
    }
    return lineEnds ? end + 1 : end;
  }

  private void startPiece(int line, String file) {
    startLine();
    String quoted = file.replace("\\", "\\\\").replace("\"", "\\\"");
    out.append("#line ").append(line).append(" \"").append(quoted).append("\"\n");
  }

  private void startLine() {
    if (!out.isEmpty() && out.charAt(out.length() - 1) != '\n') {
      out.append('\n');
    }
  }
}
