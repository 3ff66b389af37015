package greenthreads.lab.source;

import static java.util.stream.Collectors.joining;

import greenthreads.lab.source.SourceFile.Key;
import greenthreads.lab.source.SourceFile.Key.Space;
import greenthreads.lab.source.SourceFile.Kind;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the tokens of one declaration or definition declare (C17, 6.7). */
final class Declaration {
  private static final Set<String> ASM_WORDS = Set.of("__asm__", "asm", "__asm");
  private static final Set<String> ASSERTIONS = Set.of("_Static_assert", "static_assert");
  private static final Set<String> TAG_WORDS = Set.of("struct", "union", "enum");

  /** What stands in parentheses behind these belongs to them, and they are no names. */
  private static final Set<String> WITH_OPERAND =
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
          "_BitInt");

  private static final Set<String> QUALIFIERS =
      Set.of("const", "volatile", "restrict", "_Atomic", "__restrict", "__restrict__");

  private static final Pattern GLOBAL_SYMBOL =
      Pattern.compile("\\.glob(?:a)?l\\s+_?([A-Za-z]\\w*|_\\w+)");

  private static final Pattern LABEL = Pattern.compile("(?m)^\\s*([A-Za-z_]\\w*):");

  private final List<Token> tokens;
  private final Set<Key> keys = new LinkedHashSet<>();
  private Kind kind = Kind.OTHER;
  private String name = "";

  // What the declarators say, and the specifiers before them.
  private final List<String> names = new ArrayList<>();
  private boolean isFunction;
  private Kind aggregate;
  private String tag = "";
  private boolean hasMembers;
  private boolean hasValue;

  private Declaration(List<Token> tokens) {
    this.tokens = tokens;
  }

  /**
   * @param tokens without comments, directives and branches that are not understood
   * @param hasBody whether it is a function with its body
   */
  static Declaration of(List<Token> tokens, boolean hasBody) {
    var declaration = new Declaration(tokens);
    declaration.read(hasBody);
    return declaration;
  }

  /** Whether a brace behind these tokens would begin a function's body. */
  static boolean isFunction(List<Token> tokens) {
    var declaration = new Declaration(tokens);
    declaration.readDeclarators();
    return declaration.isFunction && !declaration.hasWord("=");
  }

  /**
   * Whether these tokens are a function's head in the oldest way, {@code int f(a, b) int a, b;},
   * behind which the body is to come.
   */
  static boolean listsParameters(List<Token> tokens) {
    int open = 0;
    while (open < tokens.size() && !tokens.get(open).is("(")) {
      open++;
    }
    int i = open + 1;
    while (i + 1 < tokens.size()
        && tokens.get(i).is(Token.Kind.WORD)
        && tokens.get(i + 1).is(",")) {
      i += 2;
    }
    return open > 0
        && i + 3 < tokens.size()
        && tokens.get(i).is(Token.Kind.WORD)
        && !tokens.get(i).is("void")
        && tokens.get(i + 1).is(")")
        && tokens.get(i + 2).is(Token.Kind.WORD)
        && !WITH_OPERAND.contains(tokens.get(i + 2).text())
        && !tokens.get(i + 3).is(";")
        && isFunction(tokens);
  }

  /** Whether these tokens are a macro's call and no more. */
  static boolean isCall(List<Token> tokens) {
    return new Declaration(tokens).isCall() && tokens.getLast().is(")");
  }

  /** Whether a macro's call stands where a type should. */
  static boolean beginsWithCall(List<Token> tokens) {
    return tokens.size() > 1
        && tokens.get(0).is(Token.Kind.WORD)
        && !WITH_OPERAND.contains(tokens.get(0).text())
        && tokens.get(1).is("(");
  }

  static boolean opens(Token token) {
    return token.is("(") || token.is("[") || token.is("{");
  }

  static boolean closes(Token token) {
    return token.is(")") || token.is("]") || token.is("}");
  }

  Kind kind() {
    return kind;
  }

  /** The first name it declares, or the empty string. */
  String name() {
    return name;
  }

  Set<Key> keys() {
    return Set.copyOf(keys);
  }

  private void read(boolean hasBody) {
    if (!tokens.isEmpty() && ASM_WORDS.contains(tokens.getFirst().text())) {
      readAssembly();
    } else if (!hasBody && isCall()) {
      readCall();
    } else {
      readDeclaration(hasBody);
    }
  }

  private void readDeclaration(boolean hasBody) {
    readDeclarators();
    boolean isTypedef = hasWord("typedef");
    boolean elsewhere = !hasBody && !isTypedef && (isFunction || hasWord("extern") && !hasValue);
    names.forEach(each -> keys.add(new Key(elsewhere ? Space.DECLARED : Space.NAME, each)));
    if (hasBody) {
      become(Kind.FUNCTION, names.getFirst());
    } else if (hasMembers && (names.isEmpty() || isTypedef)) {
      // An enumeration may have no name but those of its constants.
      String first = keys.stream().map(Key::name).findFirst().orElse("");
      become(aggregate, !tag.isEmpty() ? tag : names.isEmpty() ? first : names.getFirst());
    } else if (!names.isEmpty()) {
      Kind variable = elsewhere ? Kind.PROTOTYPE : Kind.GLOBAL;
      become(isTypedef ? Kind.TYPEDEF : variable, names.getFirst());
    } else if (!tag.isEmpty()) {
      keys.add(new Key(Space.DECLARED, tag));
      become(Kind.PROTOTYPE, tag);
    }
  }

  private void become(Kind newKind, String newName) {
    kind = newKind;
    name = newName;
  }

  private boolean isCall() {
    return tokens.size() > 2 && beginsWithCall(tokens) && close(1) >= tokens.size() - 2;
  }

  /**
   * An assertion or a macro's call, {@code HOLDS(rax, 0x10);}. With strings in it, it writes
   * assembly for its first argument.
   */
  private void readCall() {
    boolean hasStrings = tokens.stream().anyMatch(token -> token.is(Token.Kind.STRING));
    boolean isAssertion = ASSERTIONS.contains(tokens.getFirst().text());
    if (hasStrings && !isAssertion && tokens.get(2).is(Token.Kind.WORD) && is(3, ",")) {
      keys.add(new Key(Space.NAME, tokens.get(2).text()));
      become(Kind.ASSEMBLY, tokens.get(2).text());
    } else {
      String said = tokens.stream().map(Token::text).collect(joining(" "));
      keys.add(new Key(Space.UNNAMED, said));
    }
  }

  private boolean hasWord(String word) {
    return tokens.stream().anyMatch(token -> token.is(word));
  }

  // Specifiers and declarators

  /**
   * Goes over what is outside all brackets. A name is the last word of its declarator: {@code
   * static int *a, b[3] = {1}}; or it stands in parentheses: {@code (*c)(void)}.
   */
  private void readDeclarators() {
    String last = null;
    int words = 0;
    for (int i = 0; i < tokens.size() && !isFunction; i++) {
      Token token = tokens.get(i);
      boolean hasOperand = i > 0 && WITH_OPERAND.contains(tokens.get(i - 1).text());
      if (TAG_WORDS.contains(token.text())) {
        i = readTag(i);
        last = null;
        words++;
      } else if (token.is(Token.Kind.WORD)) {
        boolean isName = !WITH_OPERAND.contains(token.text()) && !QUALIFIERS.contains(token.text());
        last = isName ? token.text() : last;
        words++;
      } else if (token.is("*")) {
        words++;
      } else if (token.is("(") && !hasOperand && is(i + 1, "*")) {
        last = readParenthesised(i);
        words++;
        i = close(i);
        while (is(i + 1, "(") || is(i + 1, "[")) {
          i = close(i + 1);
        }
      } else if (token.is("(") && !hasOperand && last != null) {
        isFunction = true;
        names.add(last);
      } else if (token.is(",") || token.is(";")) {
        if (last != null && (words > 1 || !names.isEmpty())) {
          names.add(last);
        }
        last = null;
      } else if (token.is("=")) {
        hasValue = true;
        while (i + 1 < tokens.size() && !is(i + 1, ",") && !is(i + 1, ";")) {
          i = opens(tokens.get(i + 1)) ? close(i + 1) : i + 1;
        }
      } else if (opens(token)) {
        i = close(i);
      }
    }
  }

  /** The name in {@code (*name)}; in {@code (*name(parameters))}, it is a function's. */
  private String readParenthesised(int open) {
    int end = close(open);
    for (int i = open + 1; i < end; i++) {
      Token token = tokens.get(i);
      if (token.is(Token.Kind.WORD) && !QUALIFIERS.contains(token.text())) {
        isFunction = is(i + 1, "(");
        if (isFunction) {
          names.add(token.text());
        }
        return token.text();
      }
    }
    return null;
  }

  /** Reads a struct, union or enum, its members too; returns the index of its last token. */
  private int readTag(int start) {
    int i = start + 1;
    while (i < tokens.size() && WITH_OPERAND.contains(tokens.get(i).text())) {
      i = is(i + 1, "(") ? close(i + 1) + 1 : i + 1;
    }
    String found = "";
    if (i < tokens.size() && tokens.get(i).is(Token.Kind.WORD)) {
      found = tokens.get(i).text();
      i++;
    }
    boolean isFirst = aggregate == null;
    boolean members = is(i, "{");
    if (isFirst) {
      aggregate = Kind.valueOf(tokens.get(start).text().toUpperCase(Locale.ROOT));
      tag = found;
      hasMembers = members;
    }
    if (members && !found.isEmpty()) {
      keys.add(new Key(Space.TAG, found));
    }
    if (members && tokens.get(start).is("enum")) {
      readConstants(i);
    }
    return members ? close(i) : i - 1;
  }

  private void readConstants(int open) {
    int end = close(open);
    for (int i = open + 1; i < end; i++) {
      Token token = tokens.get(i);
      if (token.is(Token.Kind.WORD) && (is(i - 1, ",") || i == open + 1)) {
        keys.add(new Key(Space.NAME, token.text()));
      } else if (opens(token)) {
        i = close(i);
      }
    }
  }

  private boolean is(int index, String text) {
    return index < tokens.size() && tokens.get(index).is(text);
  }

  /**
   * The index of the bracket that closes the one at {@code open}; that of the last token if none.
   */
  private int close(int open) {
    int depth = 0;
    for (int i = open; i < tokens.size(); i++) {
      depth += opens(tokens.get(i)) ? 1 : closes(tokens.get(i)) ? -1 : 0;
      if (depth == 0) {
        return i;
      }
    }
    return tokens.size() - 1;
  }

  // Assembly

  /**
   * {@code __asm__(MACRO(name) …)} is about what the macro is called with; otherwise the strings
   * say which symbols are global, or at least which labels there are.
   */
  private void readAssembly() {
    int open = 0;
    while (open < tokens.size() && !is(open, "(")) {
      open++;
    }
    boolean isMacro =
        is(open + 2, "(")
            && is(open + 4, ")")
            && tokens.get(open + 1).is(Token.Kind.WORD)
            && tokens.get(open + 3).is(Token.Kind.WORD);
    if (isMacro) {
      names.add(tokens.get(open + 3).text());
    } else {
      String text = assemblyText(open);
      addMatches(GLOBAL_SYMBOL.matcher(text));
      if (names.isEmpty()) {
        addMatches(LABEL.matcher(text));
      }
    }
    names.forEach(each -> keys.add(new Key(Space.NAME, each)));
    become(Kind.ASSEMBLY, names.isEmpty() ? "" : names.getFirst());
  }

  private void addMatches(Matcher matcher) {
    matcher.results().map(result -> result.group(1)).forEach(names::add);
  }

  /** What the strings say together, the arguments of macros among them. */
  private String assemblyText(int open) {
    var assembly = new StringBuilder();
    int depth = 0;
    for (Token token : tokens.subList(Math.min(open + 1, tokens.size()), tokens.size())) {
      depth += token.is("(") ? 1 : token.is(")") ? -1 : 0;
      if (token.is(Token.Kind.STRING)) {
        String content = token.text().replaceAll("^\"|\"$", "");
        assembly.append(content.replace("\\n", "\n").replace("\\t", "\t"));
      } else if (token.is(Token.Kind.WORD) && depth > 0) {
        assembly.append(token.text());
      }
    }
    return assembly.toString();
  }
}
