package greenthreads.lab.source;

import greenthreads.lab.source.SourceFile.Item;
import greenthreads.lab.source.SourceFile.Key;
import greenthreads.lab.source.SourceFile.Kind;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
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
   * <p>A function is only declared where the one stood that it replaces. It stands itself at the
   * end, with all that is new, in the order of the edits: there it sees the whole base and what
   * stands above it among the edits, whatever the order of the base is. Anything else that replaces
   * something stands in its place, and what it uses of the edits above it stands before it. New
   * headers come before those of the base, with the macros above them.
   *
   * <p>A conditional group of the edits, from {@code #if} to {@code #endif}, is one item of many
   * names. What several branches of the base have is replaced in each of them. What could come
   * twice so is kept to once by the preprocessor: only it knows which branches there are.
   */
  static String replace(SourceFile base, SourceFile edits) {
    var merge = new Merge();
    merge.put(base, Edit.of(edits));
    return merge.out.toString();
  }

  private void put(SourceFile base, List<Edit> edits) {
    startPiece(1, base.name());
    List<Edit> heads = heads(base, edits);
    int placeOfHeads = placeOfHeads(base);
    int copied = 0;
    var branches = new Branches();
    for (Item item : base.items()) {
      if (!heads.isEmpty() && item.span().start() == placeOfHeads) {
        out.append(base.text(), copied, placeOfHeads);
        heads.forEach(edit -> place(edit, true));
        startPiece(item.firstLine(), item.file());
        copied = placeOfHeads;
      }
      branches.pass(item);
      List<Edit> replacing = edits.stream().filter(edit -> edit.replaces(item)).toList();
      if (!replacing.isEmpty()) {
        out.append(base.text(), copied, item.span().start());
        startLine();
        replacing.forEach(edit -> replace(edit, base, edits, branches.path().isEmpty()));
        copied = resume(base, item);
      }
    }
    out.append(base.text(), copied, base.text().length());
    edits.forEach(edit -> place(edit, true));
  }

  private void replace(Edit edit, SourceFile base, List<Edit> edits, boolean isCertain) {
    var used = new HashSet<>(edit.isDeclared() ? edit.usedByDeclaration() : edit.used());
    var needed = new ArrayDeque<Edit>();
    for (Edit above : edits.subList(0, edits.indexOf(edit)).reversed()) {
      boolean canStandHere = isNew(above, base) || guards.containsKey(above);
      if (above.declaresAny(used) && (above.isDeclared() || canStandHere)) {
        used.addAll(above.isDeclared() ? above.usedByDeclaration() : above.used());
        needed.push(above);
      }
    }
    needed.add(edit);
    for (Edit each : needed) {
      if (each.isDeclared()) {
        each.declaration().forEach(this::append);
      } else {
        place(each, isCertain);
      }
    }
  }

  /** The edits that have a whole place, and those that have one in some branches. */
  private final Set<Edit> placed = new HashSet<>();

  private final Map<Edit, String> guards = new HashMap<>();

  /**
   * Puts an edit here, unless the compiler has it by now.
   *
   * @param isCertain whether the compiler reads this place in any case
   */
  private void place(Edit edit, boolean isCertain) {
    if (placed.contains(edit)) {
      return;
    }
    if (isCertain && !guards.containsKey(edit)) {
      append(edit.whole());
    } else {
      guards.putIfAbsent(edit, "LAB_HAS_EDIT_" + guards.size());
      startLine();
      out.append("#ifndef %1$s\n#define %1$s\n".formatted(guards.get(edit)));
      append(edit.whole());
      out.append("#endif\n");
    }
    if (isCertain) {
      placed.add(edit);
    }
  }

  private static boolean isNew(Edit edit, SourceFile base) {
    return base.items().stream().noneMatch(edit::replaces);
  }

  /**
   * The edits that come before all else: new headers, and new macros that stand above one or that a
   * condition of the base asks for.
   */
  private static List<Edit> heads(SourceFile base, List<Edit> edits) {
    var asked = new HashSet<Key>();
    for (Item item : base.items()) {
      if (item.kind() == Kind.DIRECTIVE && Branches.isConditional(item.name())) {
        asked.addAll(Edit.usedIn(item.text()));
      }
    }
    asked.removeIf(key -> Branches.isConditional(key.name()) || key.name().equals("defined"));
    var heads = new ArrayDeque<Edit>();
    boolean isAboveHeader = false;
    for (Edit edit : edits.reversed()) {
      isAboveHeader |= edit.isInclude();
      boolean isHead =
          edit.isInclude() || edit.isMacro() && (isAboveHeader || edit.declaresAny(asked));
      if (isHead && isNew(edit, base)) {
        heads.push(edit);
      }
    }
    return List.copyOf(heads);
  }

  /** Where the first header of a file is included, or the conditional begins that it is in. */
  private static int placeOfHeads(SourceFile base) {
    int outside = 0;
    var branches = new Branches();
    for (Item item : base.items()) {
      boolean wasOutside = branches.path().isEmpty();
      branches.pass(item);
      outside = wasOutside ? item.span().start() : outside;
      if (item.kind() == Kind.INCLUDE) {
        return outside;
      }
    }
    return base.items().isEmpty() ? 0 : base.items().getFirst().span().start();
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

  private void append(Edit.Piece piece) {
    startPiece(piece.line(), piece.file());
    out.append(piece.text());
    startLine();
    if (piece.text().stripTrailing().endsWith("\\")) {
      out.append('\n'); // the line goes on, and what follows is not to be a part of it
    }
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
