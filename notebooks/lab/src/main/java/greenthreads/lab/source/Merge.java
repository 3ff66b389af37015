package greenthreads.lab.source;

import greenthreads.lab.source.SourceFile.Item;
import greenthreads.lab.source.SourceFile.Key;
import greenthreads.lab.source.SourceFile.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
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
   * <p>An item that is new stands before the next one that replaces something, or at the end; and
   * if one that comes before that in the base uses it, there. A conditional group of the edits,
   * from {@code #if} to {@code #endif}, is one item of many names. An item of which the base has
   * one version in each branch of an {@code #if} is replaced in every branch.
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
        while (first > 0 && edits.get(first - 1).isNewIn(base)) {
          first--;
        }
        placeWhatTheyUse(base, item, edits, first, index + 1, branches.path());
        edits.subList(first, index + 1).forEach(edit -> place(edit, branches.path()));
      }
      copied = resume(base, item);
    }
    out.append(base.text(), copied, base.text().length());
    edits.stream().filter(edit -> edit.placed.isEmpty()).forEach(edit -> place(edit, List.of()));
  }

  /**
   * Puts what stands above some edits in their source and has no place yet, as far as they use it:
   * new items whole, and of functions that replace a later item of the base what declares them.
   */
  private void placeWhatTheyUse(
      SourceFile base, Item at, List<Edit> edits, int first, int end, List<Integer> path) {
    var used = new HashSet<String>();
    edits.subList(first, end).forEach(edit -> used.addAll(namesIn(edit.text)));
    List<Item> before = base.items().subList(0, base.items().indexOf(at));
    var pieces = new ArrayDeque<Runnable>();
    for (Edit edit : edits.subList(0, first).reversed()) {
      if (edit.isPlacedFor(path)
          || edit.keys.stream().noneMatch(key -> used.contains(key.name()))) {
        continue;
      }
      if (edit.isNewIn(base)) {
        used.addAll(namesIn(edit.text));
        pieces.push(() -> place(edit, path));
      } else if (!edit.prototype.isEmpty()
          && before.stream().noneMatch(item -> item.declares(edit.first.name()))) {
        used.addAll(namesIn(edit.prototype));
        pieces.push(() -> {
          startPiece(edit.first.firstLine() + edit.linesOfComment, edit.first.file());
          out.append(edit.prototype).append('\n');
        });
      }
    }
    pieces.forEach(Runnable::run);
  }

  /** The names that code uses or declares, but for those of members. */
  private static Set<String> namesIn(String code) {
    var names = new HashSet<String>();
    String before = "";
    for (Token token : Token.all(code)) {
      if (token.is(Token.Kind.DIRECTIVE)) {
        names.addAll(List.of(token.text().split("\\W+")));
      } else if (token.is(Token.Kind.WORD) && !before.endsWith(".") && !before.endsWith("->")) {
        names.add(token.text());
      }
      before = token.is(">") ? before + ">" : token.text();
    }
    return names;
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

    /** Declares what the edit defines, if it is a function; else empty. */
    final String prototype;

    final int linesOfComment;

    /** The branches into which it has been put. */
    final List<List<Integer>> placed = new ArrayList<>();

    Edit(List<Item> items, String source) {
      first = items.getFirst();
      text = source.substring(first.span().start(), items.getLast().span().end());
      items.forEach(item -> keys.addAll(item.keys()));
      int code = first.span().code();
      linesOfComment =
          (int) source.substring(first.span().start(), code).chars().filter(c -> c == '\n').count();
      prototype =
          items.size() == 1 && first.kind() == Kind.FUNCTION
              ? prototype(source.substring(code, first.span().end()))
              : "";
    }

    /** What stands before a function's body. */
    private static String prototype(String function) {
      int end = 0;
      for (Token token : Token.all(function)) {
        if (token.is(Token.Kind.DIRECTIVE)) {
          return "";
        }
        if (token.is("{")) {
          return function.substring(0, end) + ";";
        }
        end = token.is(Token.Kind.COMMENT) ? end : token.end();
      }
      return "";
    }

    boolean isNewIn(SourceFile base) {
      return base.items().stream().noneMatch(this::replaces);
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
