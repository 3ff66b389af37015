package greenthreads.lab.source;

import greenthreads.lab.source.SourceFile.Item;
import greenthreads.lab.source.SourceFile.Key;
import greenthreads.lab.source.SourceFile.Key.Space;
import greenthreads.lab.source.SourceFile.Kind;
import greenthreads.lab.source.SourceFile.Span;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds where the items of a C text begin and end. */
final class Splitter {
  private static final Pattern MACRO = Pattern.compile("#\\s*define(?:\\s|\\\\\r?\n)*(\\w*)");

  private static final Pattern HEADER = Pattern.compile("\"([^\"]*)\"|(<[^>]*>)");
  private static final Pattern NEVER = Pattern.compile("(?s)#\\s*if\\s+0\\s*(?:/[/*].*)?");
  private static final Pattern LINE =
      Pattern.compile(
          "#\\s*line\\s+(\\d{1,9})(?:\\s+\"((?:[^\"\\\\]|\\\\.)*)\")?.*", Pattern.DOTALL);

  private final String text;
  private final List<Token> tokens;
  private final List<Item> items = new ArrayList<>();

  /** The index of the first token that is in no item yet. */
  private int next;

  // What #line directives have said.
  private String file;
  private int linesAhead;

  Splitter(String name, String text) {
    this.text = text;
    this.tokens = Token.all(text);
    this.file = name;
  }

  List<Item> split() {
    while (next < tokens.size()) {
      int code = next;
      while (tokens.get(code).is(Token.Kind.COMMENT) && isNearNext(code)) {
        code++;
      }
      switch (tokens.get(code).kind()) {
        case COMMENT -> add(Kind.COMMENT, "", code, code, Set.of());
        case DIRECTIVE -> addDirective(code);
        default -> addDeclaration(code);
      }
    }
    return List.copyOf(items);
  }

  /** Whether another token follows without an empty line between. */
  private boolean isNearNext(int index) {
    return index + 1 < tokens.size()
        && tokens.get(index + 1).line() - tokens.get(index).lastLine() <= 1;
  }

  // Directives

  /** Whether a directive of this name begins a conditional. */
  static boolean opens(String directive) {
    return directive.equals("if") || directive.equals("ifdef") || directive.equals("ifndef");
  }

  /** Whether it ends a branch and begins another: else, elif, elifdef, elifndef. */
  static boolean branches(String directive) {
    return directive.startsWith("el");
  }

  private static boolean isNever(Token directive) {
    return NEVER.matcher(directive.text()).matches();
  }

  private void addDirective(int code) {
    Token token = tokens.get(code);
    String directive = token.directive();
    switch (directive) {
      case "define" -> {
        Matcher matcher = MACRO.matcher(token.text());
        String macro = matcher.lookingAt() ? matcher.group(1) : "";
        add(Kind.DEFINE, macro, code, code, Set.of(new Key(Space.NAME, macro)));
      }
      case "include" -> {
        Matcher matcher = HEADER.matcher(token.text());
        String header = !matcher.find() ? "<>" : matcher.group().replace("\"", "");
        add(Kind.INCLUDE, header, code, code, Set.of(new Key(Space.INCLUDED, header)));
      }
      case "line" -> {
        add(Kind.DIRECTIVE, directive, code, code, Set.of());
        Matcher matcher = LINE.matcher(token.text());
        if (matcher.matches()) {
          linesAhead = Integer.parseInt(matcher.group(1)) - (token.lastLine() + 1);
          file = matcher.group(2) == null ? file : matcher.group(2).replaceAll("\\\\(.)", "$1");
        }
      }
      default -> {
        add(Kind.DIRECTIVE, directive, code, code, Set.of());
        if (isNever(token)) {
          addDisabled();
        }
      }
    }
  }

  /** The text under {@code #if 0} need not even be C: one item. */
  private void addDisabled() {
    int depth = 0;
    int end = next;
    for (; end < tokens.size(); end++) {
      String directive = tokens.get(end).directive();
      if (depth == 0 && endsBranch(tokens.get(end))) {
        break;
      }
      depth += opens(directive) ? 1 : directive.equals("endif") ? -1 : 0;
    }
    if (end > next) {
      add(Kind.OTHER, "", next, end - 1, Set.of());
    }
  }

  // Declarations

  /** The conditionals that are open inside an item, the innermost first. */
  private static final class Conditionals {
    /**
     * Each branch may open brackets that another opens too: only one is understood, the first that
     * is not {@code #if 0}.
     */
    private static final class Conditional {
      final int depthBefore;
      int depthAfter;
      boolean understood;
      boolean silent;

      Conditional(int depth, boolean silent) {
        this.depthBefore = depth;
        this.depthAfter = depth;
        this.silent = silent;
      }
    }

    private final Deque<Conditional> open = new ArrayDeque<>();

    boolean isEmpty() {
      return open.isEmpty();
    }

    /** Whether this is a branch that is not understood. */
    boolean isSilent() {
      return open.stream().anyMatch(conditional -> conditional.silent);
    }

    /** Passes a directive; returns the depth of the brackets behind it. */
    int pass(Token directive, int depth) {
      if (opens(directive.directive())) {
        open.push(new Conditional(depth, isNever(directive)));
      }
      if (!endsBranch(directive)) {
        return depth;
      }
      Conditional conditional = open.peek();
      if (!conditional.silent) {
        conditional.understood = true;
        conditional.depthAfter = depth;
      }
      conditional.silent = conditional.understood;
      return branches(directive.directive()) ? conditional.depthBefore : open.pop().depthAfter;
    }
  }

  private static boolean endsBranch(Token token) {
    return branches(token.directive()) || token.directive().equals("endif");
  }

  /** Reads to the end of the declaration or definition whose first token this is. */
  private void addDeclaration(int code) {
    var understood = new ArrayList<Token>();
    var conditionals = new Conditionals();
    var braces = new ArrayDeque<Integer>();
    int depth = 0;
    boolean hasBody = false;
    boolean complete = false;
    int last = tokens.size() - 1; // what is never closed takes the rest along
    for (int i = code; i < tokens.size(); i++) {
      Token token = tokens.get(i);
      if (token.is(Token.Kind.COMMENT)) {
        continue;
      }
      if (conditionals.isEmpty()
          && (endsBranch(token) || depth == 0 && isCallAlone(understood, token))) {
        last = codeBefore(i);
        break;
      }
      if (token.is(Token.Kind.DIRECTIVE)) {
        depth = conditionals.pass(token, depth);
      } else if (!conditionals.isSilent()) {
        hasBody |= token.is("{") && depth == 0 && Declaration.isFunction(understood);
        understood.add(token);
        if (token.is("{")) {
          braces.push(depth);
        }
        depth =
            token.is("}")
                ? depthBefore(braces, depth)
                : Math.max(
                    0,
                    depth
                        + (Declaration.opens(token) ? 1 : 0)
                        - (Declaration.closes(token) ? 1 : 0));
        boolean ends = token.is(";") && !Declaration.listsParameters(understood);
        complete = depth == 0 && (ends || hasBody && token.is("}"));
      }
      if (complete && conditionals.isEmpty()) {
        last = i;
        break;
      }
    }
    Declaration found = Declaration.of(understood, hasBody);
    add(found.kind(), found.name(), code, last, found.keys());
  }

  /** How deep the brace stood that is closed now; what is open in it and has no end, ends there. */
  private static int depthBefore(Deque<Integer> braces, int depth) {
    while (!braces.isEmpty() && braces.peek() >= depth) {
      braces.pop(); // of another branch of a conditional
    }
    return braces.isEmpty() ? Math.max(0, depth - 1) : braces.pop();
  }

  /** Whether what has been read is a macro's call that ends with its line and no semicolon. */
  private static boolean isCallAlone(List<Token> tokens, Token next) {
    return !tokens.isEmpty()
        && next.line() > tokens.getLast().lastLine()
        && !next.is("{")
        && !next.is(";")
        && Declaration.isCall(tokens);
  }

  private int codeBefore(int index) {
    int i = index - 1;
    while (tokens.get(i).is(Token.Kind.COMMENT)) {
      i--;
    }
    return i;
  }

  /** Adds an item, and what follows it on its line, if that is only a comment. */
  private void add(Kind kind, String name, int code, int last, Set<Key> keys) {
    Token first = tokens.get(next);
    next = last + 1;
    if (next < tokens.size() && kind != Kind.COMMENT) {
      Token behind = tokens.get(next);
      boolean isLastOfLine =
          next + 1 == tokens.size() || tokens.get(next + 1).line() > behind.lastLine();
      if (behind.is(Token.Kind.COMMENT)
          && behind.line() == tokens.get(last).lastLine()
          && isLastOfLine) {
        next++;
      }
    }
    Token end = tokens.get(next - 1);
    items.add(
        new Item(
            kind,
            name,
            file,
            first.line() + linesAhead,
            end.lastLine() + linesAhead,
            text.substring(first.start(), end.end()),
            new Span(first.start(), tokens.get(code).start(), end.end()),
            keys));
  }
}
