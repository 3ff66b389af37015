package greenthreads.lab.source;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A C source text, split into what stands at its top level: functions, structs, variables, macros
 * and so on, each with the comment above it.
 *
 * <p>This is no C parser. It knows comments, literals, brackets and preprocessor directives, which
 * is enough to see where an item begins and ends, and looks for the name it declares. What it does
 * not understand is an item of kind {@link Kind#OTHER}; nothing is ever lost, and nothing throws.
 *
 * <p>Where a conditional directive stands inside an item, the first branch is the one that is
 * understood.
 */
public final class SourceFile {
  /** What an item is. */
  enum Kind {
    FUNCTION,
    /** A function written as assembly, at file scope. */
    ASSEMBLY,
    STRUCT,
    UNION,
    ENUM,
    TYPEDEF,
    GLOBAL,
    DEFINE,
    /** A declaration of what is defined elsewhere: a function, a variable, a struct. */
    PROTOTYPE,
    INCLUDE,
    /** Any other directive: its name is {@code if}, {@code endif}, {@code pragma} … */
    DIRECTIVE,
    /** A comment that belongs to no item. */
    COMMENT,
    OTHER
  }

  /**
   * An item.
   *
   * @param kind what it is
   * @param name the name it declares, or the empty string
   * @param file the name of the file it is from, which a {@code #line} directive may have changed
   * @param firstLine the line in that file on which it begins, its leading comment included
   * @param lastLine the line on which it ends
   * @param text the text of these lines
   * @param span where it is in the text that was parsed
   */
  public record Item(
      Kind kind, String name, String file, int firstLine, int lastLine, String text, Span span) {

    /** Whether it declares this name: {@code thread}, {@code struct thread}. */
    boolean declares(String wanted) {
      int space = wanted.lastIndexOf(' ');
      String last = wanted.substring(space + 1);
      boolean tagOnly = space >= 0;
      Set<String> keys = span.keys;
      return keys.contains(TAG + last)
          || keys.contains(INCLUDED + last)
          || !tagOnly && (keys.contains(NAME + last) || keys.contains(DECLARED + last));
    }
  }

  /**
   * Where an item is.
   *
   * @param start the offset of its first character, that of its leading comment if it has one
   * @param code the offset of its first character that is no comment
   * @param end the offset behind its last character
   * @param keys what it declares, each name behind the name space it is in
   */
  record Span(int start, int code, int end, Set<String> keys) {}

  // C's name spaces (C17, 6.2.3), as far as replacing one item by another goes.
  private static final String NAME = "name ";
  private static final String TAG = "tag ";
  private static final String DECLARED = "declared ";
  private static final String INCLUDED = "included ";

  /** An assertion has no name: it is the same if it says the same. */
  private static final String ASSERTED = "asserted ";

  private static final Set<String> ASM_WORDS = Set.of("__asm__", "asm", "__asm");

  private static final Set<String> ATTRIBUTES =
      Set.of(
          "__attribute__",
          "__attribute",
          "__declspec",
          "_Alignas",
          "alignas",
          "__asm__",
          "asm",
          "__asm",
          "__extension__");

  /** Words that are no name of a function, though a parenthesis may follow. */
  private static final Set<String> NO_NAMES =
      Set.of(
          "__attribute__",
          "__attribute",
          "__declspec",
          "_Alignas",
          "alignas",
          "__asm__",
          "asm",
          "__asm",
          "typeof",
          "__typeof__",
          "typeof_unqual",
          "_Atomic",
          "_BitInt",
          "__extension__",
          "_Static_assert",
          "static_assert",
          "void",
          "char",
          "short",
          "int",
          "long",
          "signed",
          "unsigned",
          "float",
          "double",
          "_Bool",
          "bool");

  private static final Set<String> QUALIFIERS =
      Set.of("const", "volatile", "restrict", "_Atomic", "__restrict", "__restrict__");

  private static final Pattern GLOBAL_SYMBOL =
      Pattern.compile("\\.glob(?:a)?l\\s+_?([A-Za-z]\\w*|_\\w+)");

  private static final Pattern LABEL = Pattern.compile("(?m)^\\s*([A-Za-z_]\\w*):");
  private static final Pattern MACRO = Pattern.compile("(?:\\s|\\\\\r?\n)*(\\w+)");
  private static final Pattern HEADER = Pattern.compile("\"([^\"]*)\"|(<[^>]*>)");
  private static final Pattern LINE =
      Pattern.compile("#\\s*line\\s+(\\d+)(?:\\s+\"((?:[^\"\\\\]|\\\\.)*)\")?");

  private final String name;
  private final String text;
  private final List<Item> items;

  private SourceFile(String name, String text, List<Item> items) {
    this.name = name;
    this.text = text;
    this.items = List.copyOf(items);
  }

  /** Splits a text; {@code name} is what diagnostics will call it. */
  public static SourceFile parse(String name, String text) {
    return new SourceFile(name, text, new Splitter(name, text).split());
  }

  String name() {
    return name;
  }

  String text() {
    return text;
  }

  /** All items in their order; what lies between them is white space. */
  List<Item> items() {
    return items;
  }

  /**
   * The item that defines a name, else one that declares it. Of several, under different {@code
   * #if} branches, it is the first.
   */
  public Optional<Item> item(String wanted) {
    List<Item> found = items(wanted);
    return found.isEmpty() ? Optional.empty() : Optional.of(found.get(0));
  }

  /** All items that define or declare a name: functions, then other definitions, then the rest. */
  List<Item> items(String wanted) {
    List<Item> found = new ArrayList<>();
    for (int rank = 0; rank < 3; rank++) {
      for (Item item : items) {
        if (rank(item.kind) == rank && item.declares(wanted)) {
          found.add(item);
        }
      }
    }
    return found;
  }

  private static int rank(Kind kind) {
    return switch (kind) {
      case FUNCTION, ASSEMBLY -> 0;
      case PROTOTYPE, INCLUDE, DIRECTIVE, COMMENT, OTHER -> 2;
      default -> 1;
    };
  }

  /**
   * This source with the texts of its quoted includes in their place, so that their items can be
   * found and replaced like its own.
   *
   * @param read gives the text of a file, named relative to the one that includes it, or nothing
   *     where the directive is to stay
   */
  SourceFile expand(Function<String, Optional<String>> read) {
    Deque<String> open = new ArrayDeque<>();
    open.push(name);
    return parse(name, expand(read, open));
  }

  private String expand(Function<String, Optional<String>> read, Deque<String> open) {
    StringBuilder out = new StringBuilder();
    int copied = 0;
    for (Item item : items) {
      String header = item.kind == Kind.INCLUDE ? item.name : "<>";
      if (header.startsWith("<")) {
        continue;
      }
      String path = name.substring(0, name.lastIndexOf('/') + 1) + header;
      Optional<String> included = open.contains(path) ? Optional.empty() : read.apply(path);
      if (included.isPresent()) {
        open.push(path);
        out.append(text, copied, item.span.code);
        startLine(out).append(lineDirective(1, path));
        out.append(parse(path, included.get()).expand(read, open));
        open.pop();
        copied = resume(out, item);
      }
    }
    return out.append(text, copied, text.length()).toString();
  }

  /** Goes on behind an item of this file; returns the offset from which to copy. */
  private int resume(StringBuilder out, Item item) {
    int end = item.span.end;
    boolean lineEnds = end < text.length() && text.charAt(end) == '\n';
    startLine(out);
    if (end < text.length()) {
      out.append(lineDirective(item.lastLine + (lineEnds ? 1 : 0), item.file));
    }
    return lineEnds ? end + 1 : end;
  }

  private static StringBuilder startLine(StringBuilder out) {
    if (!out.isEmpty() && out.charAt(out.length() - 1) != '\n') {
      out.append('\n');
    }
    return out;
  }

  private static String lineDirective(int line, String file) {
    String quoted = file.replace("\\", "\\\\").replace("\"", "\\\"");
    return "#line " + line + " \"" + quoted + "\"\n";
  }

  // Replacing

  /**
   * {@code base} with its items replaced by those of {@code edits} that declare the same names.
   *
   * <p>An item that is new stands before the next one that replaces something, or at the end. A
   * conditional group of the edits, from {@code #if} to {@code #endif}, is one item of many names.
   * An item of which the base has one version in each branch of an {@code #if} is replaced in every
   * branch. {@code #line} directives let the compiler name the file and the line that each piece is
   * from.
   */
  static String replace(SourceFile base, SourceFile edits) {
    List<Unit> units = edits.units();
    StringBuilder out = new StringBuilder();
    out.append(lineDirective(1, base.name));
    int copied = 0;
    Branches branches = new Branches();
    for (Item item : base.items) {
      branches.pass(item);
      Unit unit = replacement(units, item);
      if (unit == null) {
        continue;
      }
      out.append(base.text, copied, item.span.start);
      startLine(out);
      if (!unit.isPlacedFor(branches.path())) {
        int first = units.indexOf(unit);
        while (first > 0 && !units.get(first - 1).replaces(base)) {
          first--;
        }
        for (Unit placed : units.subList(first, units.indexOf(unit) + 1)) {
          if (!placed.isPlacedFor(branches.path())) {
            placed.writeTo(out);
            placed.placed.add(branches.path());
          }
        }
      }
      copied = base.resume(out, item);
    }
    out.append(base.text, copied, base.text.length());
    for (Unit unit : units) {
      if (unit.placed.isEmpty()) {
        unit.writeTo(startLine(out));
      }
    }
    return out.toString();
  }

  private static Unit replacement(List<Unit> units, Item item) {
    for (Unit unit : units) {
      if (unit.replaces(item)) {
        return unit;
      }
    }
    return null;
  }

  /** What is put into a base as a whole. */
  private static final class Unit {
    final Item first;
    final String text;
    final Set<String> keys = new LinkedHashSet<>();

    /** The branches into which it has been put. */
    final List<List<Integer>> placed = new ArrayList<>();

    Unit(Item first, String text) {
      this.first = first;
      this.text = text;
    }

    boolean replaces(Item item) {
      for (String key : item.span.keys) {
        if (keys.contains(key)) {
          return true;
        }
      }
      return false;
    }

    boolean replaces(SourceFile base) {
      return base.items.stream().anyMatch(this::replaces);
    }

    /** Whether all code at a path already sees it: it stands at that path or around it. */
    boolean isPlacedFor(List<Integer> path) {
      for (List<Integer> at : placed) {
        if (at.size() <= path.size() && at.equals(path.subList(0, at.size()))) {
          return true;
        }
      }
      return false;
    }

    void writeTo(StringBuilder out) {
      out.append(lineDirective(first.firstLine, first.file)).append(text).append('\n');
    }
  }

  private List<Unit> units() {
    List<Unit> units = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      Item item = items.get(i);
      if (item.kind == Kind.COMMENT) {
        continue;
      }
      int last = i;
      if (item.kind == Kind.DIRECTIVE && opens(item.name)) {
        for (int depth = 1; depth > 0 && last + 1 < items.size(); ) {
          Item inner = items.get(++last);
          if (inner.kind == Kind.DIRECTIVE) {
            depth += opens(inner.name) ? 1 : inner.name.equals("endif") ? -1 : 0;
          }
        }
      }
      Unit unit = new Unit(item, text.substring(item.span.start, items.get(last).span.end));
      for (Item part : items.subList(i, last + 1)) {
        unit.keys.addAll(part.span.keys);
      }
      units.add(unit);
      i = last;
    }
    return units;
  }

  private static boolean opens(String directive) {
    return directive.equals("if") || directive.equals("ifdef") || directive.equals("ifndef");
  }

  private static boolean branches(String directive) {
    return directive.startsWith("el"); // else, elif, elifdef, elifndef
  }

  /** Which branches of which conditionals a place of a file is in. */
  private static final class Branches {
    private final List<Integer> path = new ArrayList<>();
    private int count;

    void pass(Item item) {
      if (item.kind != Kind.DIRECTIVE) {
        return;
      }
      if (opens(item.name)) {
        path.add(++count);
      } else if (!path.isEmpty()) {
        if (branches(item.name)) {
          path.set(path.size() - 1, ++count);
        } else if (item.name.equals("endif")) {
          path.remove(path.size() - 1);
        }
      }
    }

    List<Integer> path() {
      return List.copyOf(path);
    }
  }

  // Splitting

  private enum TokenKind {
    END,
    COMMENT,
    DIRECTIVE,
    WORD,
    STRING,
    OTHER
  }

  /** A token; {@code depth} counts the brackets around it, for a bracket those around the pair. */
  private record Token(TokenKind kind, int start, int end, String text, int depth) {
    boolean is(String wanted) {
      return text.equals(wanted);
    }
  }

  private static final class Splitter {
    private final String text;
    private final List<Item> items = new ArrayList<>();

    /** The indexes in items of the conditionals that are open. */
    private final Deque<Integer> conditionals = new ArrayDeque<>();

    private int at;

    // What #line directives have said, and where the counting of lines has arrived.
    private String file;
    private int countedTo;
    private int line = 1;

    Splitter(String name, String text) {
      this.text = text;
      this.file = name;
    }

    List<Item> split() {
      int comment = -1; // where the comments in front of the next item begin
      int commentEnd = -1;
      while (true) {
        Token token = next();
        boolean adjacent = comment >= 0 && newlines(commentEnd, token.start) <= 1;
        if (comment >= 0 && !adjacent) {
          add(Kind.COMMENT, "", comment, comment, commentEnd, Set.of());
          comment = -1;
        }
        if (token.kind == TokenKind.END) {
          if (comment >= 0) {
            add(Kind.COMMENT, "", comment, comment, commentEnd, Set.of());
          }
          return items;
        }
        if (token.kind == TokenKind.COMMENT) {
          comment = comment >= 0 ? comment : token.start;
          commentEnd = token.end;
          continue;
        }
        int start = comment >= 0 ? comment : token.start;
        comment = -1;
        if (token.kind == TokenKind.DIRECTIVE) {
          addDirective(start, token);
        } else {
          at = token.start;
          addDeclaration(start, token.start);
        }
      }
    }

    private void addDirective(int start, Token token) {
      String directive = directiveName(token.text);
      if (directive.equals("define")) {
        String macro = wordAfter(token.text, "define");
        add(Kind.DEFINE, macro, start, token.start, token.end, Set.of(NAME + macro));
        return;
      }
      if (directive.equals("include")) {
        String header = header(token.text);
        add(Kind.INCLUDE, header, start, token.start, token.end, Set.of(INCLUDED + header));
        return;
      }
      if (opens(directive)) {
        conditionals.push(items.size());
      } else if (directive.equals("endif") && !conditionals.isEmpty()) {
        conditionals.pop();
      }
      add(Kind.DIRECTIVE, directive, start, token.start, token.end, Set.of());
      if (isNever(token.text)) {
        skipBranch();
      } else if (directive.equals("line")) {
        Matcher matcher = LINE.matcher(token.text);
        if (matcher.lookingAt()) {
          lineAt(token.end);
          line = parseInt(matcher.group(1), line) - 1; // that of the next line
          if (matcher.group(2) != null) {
            file = matcher.group(2).replaceAll("\\\\(.)", "$1");
          }
        }
      }
    }

    /** The text under {@code #if 0} need not even be C: one item. */
    private void skipBranch() {
      int start = at;
      int end = at;
      int depth = 0;
      while (true) {
        Token token = nextDirective();
        String directive = directiveName(token.text);
        if (token.kind == TokenKind.END
            || depth == 0 && (branches(directive) || directive.equals("endif"))) {
          end = token.start;
          break;
        }
        depth += opens(directive) ? 1 : directive.equals("endif") ? -1 : 0;
      }
      while (start < end && Character.isWhitespace(text.charAt(start))) {
        start++;
      }
      int last = end;
      while (last > start && Character.isWhitespace(text.charAt(last - 1))) {
        last--;
      }
      if (start < last) {
        addExactly(Kind.OTHER, "", start, start, last, Set.of());
      }
      at = end;
    }

    private Token nextDirective() {
      while (true) {
        int from = at;
        while (from < text.length() && " \t\r\n\f\u000b".indexOf(text.charAt(from)) >= 0) {
          from++;
        }
        at = from;
        if (from == text.length()) {
          return new Token(TokenKind.END, from, from, "", 0);
        }
        if (text.charAt(from) == '#') {
          return next();
        }
        int newline = text.indexOf('\n', from);
        at = newline < 0 ? text.length() : newline;
      }
    }

    /**
     * A conditional inside an item. Each branch may open brackets that another opens too: only one
     * is understood, the first that is not {@code #if 0}.
     */
    private static final class Conditional {
      final int depthBefore;
      int depthAfter;
      boolean understood;
      boolean silent;

      Conditional(int depth, boolean never) {
        depthBefore = depth;
        silent = never;
      }

      /** Ends a branch; returns the depth at which the next one begins. */
      int next(int depth) {
        if (!silent) {
          understood = true;
          depthAfter = depth;
        }
        silent = understood;
        return depthBefore;
      }
    }

    /** Reads from {@code code} to the end of the declaration, definition or macro call there. */
    private void addDeclaration(int start, int code) {
      List<Token> tokens = new ArrayList<>();
      Deque<Conditional> inner = new ArrayDeque<>();
      int depth = 0;
      boolean complete = false;
      boolean body = false;
      boolean silent = false; // in a branch that is not the first
      int end = code;
      while (true) {
        Token token = next();
        if (token.kind == TokenKind.END) {
          end = complete ? end : text.stripTrailing().length();
          at = end; // the comments behind it are items of their own
          break;
        }
        if (token.kind == TokenKind.COMMENT) {
          continue;
        }
        if (token.kind == TokenKind.DIRECTIVE) {
          String directive = directiveName(token.text);
          if (opens(directive)) {
            inner.push(new Conditional(depth, isNever(token.text)));
          } else if (branches(directive) || directive.equals("endif")) {
            if (inner.isEmpty()) {
              if (restart()) {
                return;
              }
              at = end; // a stray directive: the item ends in front of it
              break;
            }
            Conditional conditional = inner.peek();
            depth = conditional.next(depth);
            if (directive.equals("endif")) {
              inner.pop();
              depth = conditional.understood ? conditional.depthAfter : depth;
            }
          }
          silent = inner.stream().anyMatch(conditional -> conditional.silent);
          end = token.end;
          if (complete && inner.isEmpty() && depth == 0) {
            break;
          }
          continue;
        }
        boolean closes = token.is(")") || token.is("]") || token.is("}");
        boolean bodyOpens = token.is("{") && depth == 0 && !silent && isFunctionHead(tokens);
        if (isMacroCall(tokens, token, depth) && inner.isEmpty()) {
          at = end;
          break;
        }
        if (closes && depth > 0) {
          depth--;
        }
        if (!silent) {
          tokens.add(new Token(token.kind, token.start, token.end, token.text, depth));
        }
        end = token.end;
        if (token.is("(") || token.is("[") || token.is("{")) {
          depth++;
        }
        body |= bodyOpens;
        boolean bodyCloses = body && token.is("}") && depth == 0;
        if (!silent) {
          complete = depth == 0 && (token.is(";") || bodyCloses);
        }
        if (complete && inner.isEmpty()) {
          break;
        }
      }
      Name found = new Namer(tokens).find(body);
      add(found.kind, found.name, start, code, end, found.keys);
    }

    /**
     * A branch ends in the middle of the item. Then the item begins with the conditional: it is
     * read again from there, as an item that contains all branches.
     */
    private boolean restart() {
      if (conditionals.isEmpty()) {
        return false;
      }
      int index = conditionals.pop();
      Item conditional = items.get(index);
      items.subList(index, items.size()).clear();
      at = conditional.span.code;
      countedTo = conditional.span.start;
      line = conditional.firstLine;
      file = conditional.file;
      addDeclaration(conditional.span.start, conditional.span.code);
      return true;
    }

    /** Whether what has been read is a macro call that ends without a semicolon. */
    private boolean isMacroCall(List<Token> tokens, Token next, int depth) {
      if (depth > 0 || tokens.size() < 3 || newlines(last(tokens).end, next.start) == 0) {
        return false;
      }
      Token first = tokens.get(0);
      boolean call =
          first.kind == TokenKind.WORD
              && (!NO_NAMES.contains(first.text) || ASM_WORDS.contains(first.text))
              && tokens.get(1).is("(")
              && last(tokens).is(")");
      for (Token token : tokens.subList(2, tokens.size() - 1)) {
        call &= token.depth > 0;
      }
      boolean strings = tokens.stream().anyMatch(token -> token.kind == TokenKind.STRING);
      return call && strings && !next.is("{") && !next.is(";");
    }

    private static boolean isFunctionHead(List<Token> tokens) {
      for (Token token : tokens) {
        if (token.depth == 0 && token.is("=")) {
          return false;
        }
      }
      return new Namer(tokens).functionName() != null;
    }

    private static Token last(List<Token> tokens) {
      return tokens.get(tokens.size() - 1);
    }

    /** Adds an item and what follows it on its line, if that is only a comment. */
    private void add(Kind kind, String name, int start, int code, int end, Set<String> keys) {
      int last = end;
      if (kind != Kind.COMMENT) {
        at = Math.max(at, end);
        int before = at;
        Token token = next();
        if (token.kind == TokenKind.COMMENT
            && newlines(end, token.start) == 0
            && restOfLineIsEmpty(token.end)) {
          last = token.end;
        } else {
          at = before;
        }
      }
      addExactly(kind, name, start, code, last, keys);
    }

    private void addExactly(
        Kind kind, String name, int start, int code, int end, Set<String> keys) {
      int firstLine = lineAt(start);
      int lastLine = lineAt(end);
      Span span = new Span(start, code, end, Set.copyOf(keys));
      String itemText = text.substring(start, end);
      items.add(new Item(kind, name, file, firstLine, lastLine, itemText, span));
    }

    private boolean restOfLineIsEmpty(int from) {
      for (int i = from; i < text.length() && text.charAt(i) != '\n'; i++) {
        if (!Character.isWhitespace(text.charAt(i))) {
          return false;
        }
      }
      return true;
    }

    private int lineAt(int offset) {
      line += newlines(countedTo, offset);
      countedTo = offset;
      return line;
    }

    private int newlines(int from, int to) {
      int count = 0;
      for (int i = from; i < to; i++) {
        if (text.charAt(i) == '\n') {
          count++;
        }
      }
      return count;
    }

    // Tokens

    private Token next() {
      skipSpace();
      if (at >= text.length()) {
        return new Token(TokenKind.END, at, at, "", 0);
      }
      int start = at;
      char c = text.charAt(at);
      TokenKind kind = TokenKind.OTHER;
      if (text.startsWith("/*", at)) {
        int close = text.indexOf("*/", at + 2);
        at = close < 0 ? text.length() : close + 2;
        kind = TokenKind.COMMENT;
      } else if (text.startsWith("//", at)) {
        skipLine();
        kind = TokenKind.COMMENT;
      } else if (c == '#' && isFirstOfLine(at)) {
        skipDirective();
        kind = TokenKind.DIRECTIVE;
      } else if (c == '"' || c == '\'') {
        skipLiteral();
        kind = c == '"' ? TokenKind.STRING : TokenKind.OTHER;
      } else if (isWordPart(c)) {
        boolean number = Character.isDigit(c);
        while (at < text.length() && continuesWord(number)) {
          at++;
        }
        kind = number ? TokenKind.OTHER : TokenKind.WORD;
      } else {
        at++;
      }
      return new Token(kind, start, at, text.substring(start, at), 0);
    }

    private boolean continuesWord(boolean number) {
      char c = text.charAt(at);
      boolean separator = c == '\'' && at + 1 < text.length() && isWordPart(text.charAt(at + 1));
      return isWordPart(c) || number && (c == '.' || separator);
    }

    private static boolean isWordPart(char c) {
      return c == '_' || c == '$' || Character.isLetterOrDigit(c);
    }

    private void skipSpace() {
      while (at < text.length()) {
        if (Character.isWhitespace(text.charAt(at))) {
          at++;
        } else if (continuationAt(at) > 0) {
          at += continuationAt(at);
        } else {
          return;
        }
      }
    }

    /** The length of a backslash at the end of a line, with that end; 0 if there is none. */
    private int continuationAt(int offset) {
      if (text.startsWith("\\\n", offset)) {
        return 2;
      }
      return text.startsWith("\\\r\n", offset) ? 3 : 0;
    }

    private void skipLine() {
      while (at < text.length() && text.charAt(at) != '\n') {
        at += Math.max(1, continuationAt(at));
      }
      if (at < text.length() && text.charAt(at - 1) == '\r') {
        at--;
      }
    }

    /** A string or character; one that is not closed ends with its line, as for the compiler. */
    private void skipLiteral() {
      char quote = text.charAt(at++);
      while (at < text.length() && text.charAt(at) != '\n') {
        char c = text.charAt(at);
        if (c == quote) {
          at++;
          return;
        }
        at += c == '\\' ? Math.max(2, continuationAt(at)) : 1;
      }
      at = Math.min(at, text.length());
    }

    /** A directive ends with its line; a comment in it may go on over the next. */
    private void skipDirective() {
      while (at < text.length() && text.charAt(at) != '\n') {
        if (text.startsWith("/*", at)) {
          int close = text.indexOf("*/", at + 2);
          at = close < 0 ? text.length() : close + 2;
        } else if (text.startsWith("//", at)) {
          skipLine();
        } else if (text.charAt(at) == '"') {
          skipLiteral();
        } else {
          at += Math.max(1, continuationAt(at));
        }
      }
      if (at > 0 && text.charAt(at - 1) == '\r') {
        at--;
      }
    }

    private boolean isFirstOfLine(int offset) {
      for (int i = offset - 1; i >= 0 && text.charAt(i) != '\n'; i--) {
        if (!Character.isWhitespace(text.charAt(i))) {
          // Only a comment may stand in front.
          return i > 0 && text.startsWith("*/", i - 1);
        }
      }
      return true;
    }

    private static String directiveName(String directive) {
      int start = 0;
      while (start < directive.length() && !Character.isLetter(directive.charAt(start))) {
        start++;
      }
      int end = start;
      while (end < directive.length() && isWordPart(directive.charAt(end))) {
        end++;
      }
      return directive.substring(start, end);
    }

    private static String wordAfter(String directive, String word) {
      String rest = directive.substring(directive.indexOf(word) + word.length());
      Matcher matcher = MACRO.matcher(rest);
      return matcher.lookingAt() ? matcher.group(1) : "";
    }

    private static String header(String directive) {
      Matcher matcher = HEADER.matcher(directive);
      if (!matcher.find()) {
        return "<>";
      }
      return matcher.group(1) != null ? matcher.group(1) : matcher.group(2);
    }

    private static boolean isNever(String directive) {
      return directive.matches("(?s)#\\s*if\\s+0\\s*(?:/[/*].*)?");
    }

    private static int parseInt(String digits, int otherwise) {
      return digits.length() < 10 ? Integer.parseInt(digits) : otherwise;
    }
  }

  /** What a declaration declares. */
  private record Name(Kind kind, String name, Set<String> keys) {}

  /** Finds the names in the tokens of one declaration (C17, 6.7). */
  private static final class Namer {
    private final List<Token> tokens;
    private final Set<String> keys = new LinkedHashSet<>();

    Namer(List<Token> tokens) {
      this.tokens = tokens;
    }

    Name find(boolean body) {
      String first = tokens.isEmpty() ? ";" : tokens.get(0).text;
      if (first.equals(";")) {
        return new Name(Kind.OTHER, "", Set.of());
      }
      if (first.equals("_Static_assert") || first.equals("static_assert")) {
        return known();
      }
      if (ASM_WORDS.contains(first)) {
        return assembly();
      }
      String function = functionName();
      if (body) {
        keys.add(NAME + function);
        return new Name(Kind.FUNCTION, function, keys);
      }
      if (isCall()) {
        return macroCall();
      }
      String tag = tags();
      boolean typedef = hasWord("typedef");
      List<String> declared = function != null ? List.of(function) : variables(tag);
      boolean elsewhere = !typedef && (function != null || hasWord("extern") && !hasToken("="));
      for (String variable : declared) {
        keys.add((elsewhere ? DECLARED : NAME) + variable);
      }
      int open = indexOf("{", 0);
      boolean hasBody = open >= 0 && indexOf("=", 0, open) < 0;
      Kind aggregate = aggregate();
      if (hasBody && aggregate != null && (declared.isEmpty() || typedef)) {
        if (tag != null) {
          return new Name(aggregate, tag, keys);
        }
        if (declared.isEmpty()) {
          declared = names(keys);
        }
        return new Name(aggregate, declared.isEmpty() ? "" : declared.get(0), keys);
      }
      if (declared.isEmpty()) {
        if (tag == null) {
          return new Name(Kind.OTHER, "", Set.of());
        }
        return new Name(Kind.PROTOTYPE, tag, Set.of(DECLARED + tag));
      }
      Kind kind = typedef ? Kind.TYPEDEF : elsewhere ? Kind.PROTOTYPE : Kind.GLOBAL;
      return new Name(kind, declared.get(0), keys);
    }

    /** What has no name is known by its text: the same once more takes its place. */
    private Name known() {
      StringBuilder text = new StringBuilder(ASSERTED);
      tokens.forEach(token -> text.append(token.text).append(' '));
      return new Name(Kind.OTHER, "", Set.of(text.toString()));
    }

    private static List<String> names(Set<String> keys) {
      List<String> names = new ArrayList<>();
      for (String key : keys) {
        if (key.startsWith(NAME)) {
          names.add(key.substring(NAME.length()));
        }
      }
      return names;
    }

    /**
     * The name in front of the parameters, or null. An attribute that is a macro may look the same;
     * it is in capitals.
     */
    String functionName() {
      String capitals = null;
      for (int i = 0; i + 1 < tokens.size(); i++) {
        Token token = tokens.get(i);
        if (token.depth > 0) {
          continue;
        }
        if (token.is("=") || token.is("{")) {
          break;
        }
        boolean called =
            tokens.get(i + 1).is("(") && (i + 2 == tokens.size() || !tokens.get(i + 2).is("*"));
        if (called && token.kind == TokenKind.WORD && !NO_NAMES.contains(token.text)) {
          if (!token.text.equals(token.text.toUpperCase(Locale.ROOT))) {
            return token.text;
          }
          capitals = capitals == null ? token.text : capitals;
        } else if (token.is("(") && (i == 0 || !ATTRIBUTES.contains(tokens.get(i - 1).text))) {
          String inner = innerFunctionName(i);
          if (inner != null) {
            return inner;
          }
        }
      }
      return capitals;
    }

    /**
     * {@code (*name(parameters))(…)}: it returns a pointer to a function; and {@code (name)(…)}.
     */
    private String innerFunctionName(int open) {
      boolean pointer = open + 1 < tokens.size() && tokens.get(open + 1).is("*");
      for (int i = open + 1; i + 1 < tokens.size() && tokens.get(i).depth > 0; i++) {
        Token token = tokens.get(i);
        if (token.depth > 1 || token.kind != TokenKind.WORD || QUALIFIERS.contains(token.text)) {
          continue;
        }
        boolean called = pointer && tokens.get(i + 1).is("(");
        boolean alone =
            i == open + 1
                && tokens.get(i + 1).is(")")
                && i + 2 < tokens.size()
                && tokens.get(i + 2).is("(");
        return called || alone ? token.text : null;
      }
      return null;
    }

    /** The names between the type and the end: {@code static int *a, b[3] = {1}, (*c)(void);}. */
    private List<String> variables(String tag) {
      List<String> names = new ArrayList<>();
      String candidate = null;
      boolean value = false;
      boolean pointer = false;
      int words = 0;
      for (int i = 0; i < tokens.size(); i++) {
        Token token = tokens.get(i);
        if (token.depth > 0) {
          continue;
        }
        if (token.is(",") || token.is(";")) {
          if (candidate != null && (words > 1 || pointer || !names.isEmpty())) {
            names.add(candidate);
          }
          candidate = null;
          value = false;
        } else if (token.is("=") || token.is("[") || token.is(":")) {
          value = true;
        } else if (token.is("}") && !value) {
          candidate = null; // the body of a struct or enum; what follows are the names
          words++;
        } else if (token.is("*")) {
          pointer = true;
        } else if (token.is("(") && !value) {
          boolean attribute = i > 0 && ATTRIBUTES.contains(tokens.get(i - 1).text);
          boolean inside = !attribute && i + 1 < tokens.size() && tokens.get(i + 1).is("*");
          candidate = inside ? pointerName(i) : candidate;
          pointer |= inside;
        } else if (token.kind == TokenKind.WORD
            && !value
            && !ATTRIBUTES.contains(token.text)
            && !QUALIFIERS.contains(token.text)) {
          boolean isTag = i > 0 && isTagWord(tokens.get(i - 1).text);
          candidate = isTag ? null : token.text;
          words++;
        }
      }
      return names;
    }

    private String pointerName(int open) {
      for (int i = open + 1; i < tokens.size() && tokens.get(i).depth > 0; i++) {
        Token token = tokens.get(i);
        if (token.kind == TokenKind.WORD && !QUALIFIERS.contains(token.text)) {
          return token.text;
        }
      }
      return null;
    }

    /** The tag of the first struct, union or enum; those with a body, and enumerators, are keys. */
    private String tags() {
      String first = null;
      for (int i = 0; i + 1 < tokens.size(); i++) {
        if (tokens.get(i).depth > 0 || !isTagWord(tokens.get(i).text)) {
          continue;
        }
        int at = i + 1;
        while (at < tokens.size()
            && (tokens.get(at).depth > 0
                || tokens.get(at).is("(")
                || tokens.get(at).is(")")
                || NO_NAMES.contains(tokens.get(at).text))) {
          at++;
        }
        if (at == tokens.size()) {
          break;
        }
        Token name = tokens.get(at);
        boolean named = name.kind == TokenKind.WORD;
        if (named && first == null) {
          first = name.text;
        }
        int open = indexOf("{", at);
        int value = indexOf("=", at);
        if (open >= 0 && (value < 0 || value > open)) {
          if (named) {
            keys.add(TAG + name.text);
          }
          if (tokens.get(i).is("enum")) {
            addEnumerators(open);
          }
        }
        break;
      }
      return first;
    }

    private void addEnumerators(int open) {
      for (int i = open + 1; i < tokens.size() && tokens.get(i).depth > 0; i++) {
        Token before = tokens.get(i - 1);
        boolean begins = i == open + 1 || before.is(",") && before.depth == 1;
        if (begins && tokens.get(i).kind == TokenKind.WORD) {
          keys.add(NAME + tokens.get(i).text);
        }
      }
    }

    private static boolean isTagWord(String word) {
      return word.equals("struct") || word.equals("union") || word.equals("enum");
    }

    private Kind aggregate() {
      for (Token token : tokens) {
        if (token.depth == 0 && isTagWord(token.text)) {
          return token.is("struct") ? Kind.STRUCT : token.is("union") ? Kind.UNION : Kind.ENUM;
        }
      }
      return null;
    }

    private boolean isCall() {
      return tokens.size() > 2
          && tokens.get(0).kind == TokenKind.WORD
          && !NO_NAMES.contains(tokens.get(0).text)
          && tokens.get(1).is("(")
          && endOfGroup(1) >= tokens.size() - 2;
    }

    /** The index of the bracket that closes the one at {@code open}. */
    private int endOfGroup(int open) {
      int i = open + 1;
      while (i < tokens.size() && tokens.get(i).depth > tokens.get(open).depth) {
        i++;
      }
      return i;
    }

    /** A macro call with strings in it writes assembly; its first argument is what it defines. */
    private Name macroCall() {
      boolean strings = tokens.stream().anyMatch(token -> token.kind == TokenKind.STRING);
      Token argument = tokens.get(2);
      if (!strings || argument.kind != TokenKind.WORD) {
        return known();
      }
      return new Name(Kind.ASSEMBLY, argument.text, Set.of(NAME + argument.text));
    }

    /**
     * {@code __asm__(MACRO(name) …)} is about what the macro is called with; otherwise the strings
     * say which symbols are global, or at least which labels there are.
     */
    private Name assembly() {
      int open = indexOf("(", 0);
      List<String> names = new ArrayList<>();
      if (open >= 0 && isMacroWithName(open + 1)) {
        String macro = tokens.get(open + 1).text;
        for (int i = open + 1; i < tokens.size(); i++) {
          if (tokens.get(i).is(macro) && isMacroWithName(i)) {
            names.add(tokens.get(i + 2).text);
          }
        }
      } else {
        String text = assemblyText();
        addMatches(GLOBAL_SYMBOL.matcher(text), names);
        if (names.isEmpty()) {
          addMatches(LABEL.matcher(text), names);
        }
      }
      for (String name : names) {
        keys.add(NAME + name);
      }
      return new Name(Kind.ASSEMBLY, names.isEmpty() ? "" : names.get(0), keys);
    }

    private boolean isMacroWithName(int i) {
      return i + 3 < tokens.size()
          && tokens.get(i).kind == TokenKind.WORD
          && tokens.get(i + 1).is("(")
          && tokens.get(i + 2).kind == TokenKind.WORD
          && tokens.get(i + 3).is(")")
          && (i + 4 >= tokens.size() || !tokens.get(i + 4).text.startsWith("\":"));
    }

    /** What the strings say together, the arguments of macros among them. */
    private String assemblyText() {
      StringBuilder assembly = new StringBuilder();
      for (int i = 2; i < tokens.size(); i++) {
        Token token = tokens.get(i);
        if (token.kind == TokenKind.STRING) {
          int close = Math.max(1, token.text.length() - (token.text.endsWith("\"") ? 1 : 0));
          String content = token.text.substring(1, close);
          assembly.append(content.replace("\\n", "\n").replace("\\t", "\t"));
        } else if (token.kind == TokenKind.WORD && token.depth > 1) {
          assembly.append(token.text);
        }
      }
      return assembly.toString();
    }

    private static void addMatches(Matcher matcher, List<String> names) {
      while (matcher.find()) {
        if (!names.contains(matcher.group(1))) {
          names.add(matcher.group(1));
        }
      }
    }

    private boolean hasWord(String word) {
      return tokens.stream().anyMatch(token -> token.depth == 0 && token.is(word));
    }

    private boolean hasToken(String text) {
      return indexOf(text, 0) >= 0;
    }

    private int indexOf(String text, int from) {
      return indexOf(text, from, tokens.size());
    }

    private int indexOf(String text, int from, int to) {
      for (int i = from; i < to; i++) {
        if (tokens.get(i).depth == 0 && tokens.get(i).is(text)) {
          return i;
        }
      }
      return -1;
    }
  }
}
