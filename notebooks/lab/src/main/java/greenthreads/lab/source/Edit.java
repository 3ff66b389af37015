package greenthreads.lab.source;

import greenthreads.lab.source.SourceFile.Item;
import greenthreads.lab.source.SourceFile.Key;
import greenthreads.lab.source.SourceFile.Key.Space;
import greenthreads.lab.source.SourceFile.Kind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** What a cell puts into a file as a whole: an item, or a conditional group of items. */
final class Edit {
  private static final Set<String> TAG_WORDS = Set.of("struct", "union", "enum");

  private final List<Item> items;
  private final boolean isClosed;
  private final Set<Key> keys = new LinkedHashSet<>();
  private final String text;
  private final List<Piece> declaration;

  /**
   * A part of a text.
   *
   * @param file the file it is from
   * @param line the line there on which it begins
   * @param text its whole lines
   */
  record Piece(String file, int line, String text) {}

  private Edit(List<Item> items, boolean isClosed, String source) {
    this.items = List.copyOf(items);
    this.isClosed = isClosed;
    text = source.substring(items.getFirst().span().start(), items.getLast().span().end());
    if (isClosed) {
      items.forEach(item -> keys.addAll(item.keys()));
    }
    declaration = isClosed ? declaration(source) : List.of();
  }

  /** All that a cell puts into a file, in the cell's order. */
  static List<Edit> of(SourceFile source) {
    var edits = new ArrayList<Edit>();
    var group = new ArrayList<Item>();
    var branches = new Branches();
    for (Item item : source.items()) {
      branches.pass(item);
      group.add(item);
      if (branches.path().isEmpty() && !isUndef(item)) {
        boolean isComment = group.size() == 1 && item.kind() == Kind.COMMENT;
        if (!isComment || isOpen(item.text())) {
          edits.add(new Edit(group, true, source.text()));
        }
        group.clear();
      }
    }
    if (!group.isEmpty()) {
      edits.add(new Edit(group, branches.path().isEmpty(), source.text()));
    }
    return edits;
  }

  /** A macro may be replaced as C wants it: by {@code #undef}, and then another definition. */
  private static boolean isUndef(Item item) {
    return item.kind() == Kind.DIRECTIVE && item.name().equals("undef");
  }

  /** Whether a comment has no end: the compiler is to say so. */
  private static boolean isOpen(String comment) {
    return Token.all(comment).stream().anyMatch(Token::isOpenComment);
  }

  /** All of it. */
  Piece whole() {
    return new Piece(items.getFirst().file(), items.getFirst().firstLine(), text);
  }

  /**
   * What declares the functions that it consists of, so that they can stand anywhere; empty if it
   * is something else, or cannot be declared ahead.
   */
  List<Piece> declaration() {
    return declaration;
  }

  boolean replaces(Item item) {
    return !Collections.disjoint(keys, item.keys());
  }

  /** Whether it declares one of these. */
  boolean declaresAny(Set<Key> names) {
    return keys.stream()
        .anyMatch(key -> names.contains(key.space() == Space.TAG ? key : name(key.name())));
  }

  /** Whether it has a declaration. */
  boolean isDeclared() {
    return !declaration.isEmpty();
  }

  /** The names that it uses, its own among them. */
  Set<Key> used() {
    return usedIn(text);
  }

  /** The names that its declaration uses. */
  Set<Key> usedByDeclaration() {
    var all = new HashSet<Key>();
    declaration.forEach(piece -> all.addAll(usedIn(piece.text())));
    return all;
  }

  /** Whether it includes a header of the system's, and does nothing but that. */
  boolean isInclude() {
    return isForPreprocessor() && items.stream().anyMatch(Edit::isSystemHeader);
  }

  /** Whether it defines macros, and does nothing but that. */
  boolean isMacro() {
    return isForPreprocessor() && items.stream().anyMatch(item -> item.kind() == Kind.DEFINE);
  }

  private boolean isForPreprocessor() {
    return isClosed
        && items.stream()
            .allMatch(item ->
                switch (item.kind()) {
                  case DEFINE, DIRECTIVE, COMMENT -> true;
                  case INCLUDE -> isSystemHeader(item);
                  default -> false;
                });
  }

  private static boolean isSystemHeader(Item item) {
    return item.kind() == Kind.INCLUDE && item.name().startsWith("<");
  }

  // Declarations

  private List<Piece> declaration(String source) {
    var pieces = new ArrayList<Piece>();
    boolean hasFunction = false;
    for (Item item : items) {
      int code = item.span().code();
      String own = source.substring(code, item.span().end());
      int line = item.firstLine() + lines(source.substring(item.span().start(), code));
      switch (item.kind()) {
        case FUNCTION -> {
          String head = head(own);
          if (head.isEmpty()) {
            return List.of();
          }
          hasFunction = true;
          pieces.add(new Piece(item.file(), line, head));
        }
        case DIRECTIVE -> {
          if (Branches.isConditional(item.name())) {
            pieces.add(new Piece(item.file(), line, own));
          }
        }
        case COMMENT -> {}
        default -> {
          return List.of();
        }
      }
    }
    return hasFunction ? List.copyOf(pieces) : List.of();
  }

  private static int lines(String text) {
    return (int) text.chars().filter(c -> c == '\n').count();
  }

  /**
   * What stands before a function's body, as a declaration. Empty if it is no declaration: names
   * alone with their types behind them, a macro's call, a new struct, a choice between two.
   */
  private static String head(String function) {
    var tokens = Token.all(function).stream().filter(t -> !t.is(Token.Kind.COMMENT)).toList();
    if (Declaration.beginsWithCall(tokens)) {
      return "";
    }
    int depth = 0;
    for (int i = 0; i < tokens.size(); i++) {
      Token token = tokens.get(i);
      if (token.is("{") && depth == 0 && i > 0) {
        return function.substring(0, tokens.get(i - 1).end()) + ";";
      }
      boolean isSeparator = token.is(";") || token.is("{") || token.is("}");
      if (isSeparator || token.is(Token.Kind.DIRECTIVE)) {
        return "";
      }
      depth += Declaration.opens(token) ? 1 : Declaration.closes(token) ? -1 : 0;
    }
    return "";
  }

  // Names

  private static Key name(String name) {
    return new Key(Space.NAME, name);
  }

  /** The names in a text, but for those of members; those behind {@code struct} are tags. */
  static Set<Key> usedIn(String text) {
    var used = new HashSet<Key>();
    String before = "";
    for (Token token : Token.all(text)) {
      if (token.is(Token.Kind.DIRECTIVE)) {
        List.of(token.text().split("\\W+")).forEach(word -> used.add(name(word)));
      } else if (token.is(Token.Kind.WORD) && TAG_WORDS.contains(before)) {
        used.add(new Key(Space.TAG, token.text()));
      } else if (token.is(Token.Kind.WORD) && !before.equals(".") && !before.equals("->")) {
        used.add(name(token.text()));
      }
      before = token.is(">") && before.equals("-") ? "->" : token.text();
    }
    return used;
  }
}
