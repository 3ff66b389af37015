package greenthreads.lab.source;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A macro of C's preprocessor, with what is needed to expand those that write assembly.
 *
 * @param name its name
 * @param parameters their names, or null if it is used without parentheses
 * @param body what stands for it
 */
public record CMacro(String name, List<String> parameters, String body) {
  private static final Pattern DEFINITION =
      Pattern.compile("#\\s*define\\s+(\\w+)(\\(([^)]*)\\))?(.*)", Pattern.DOTALL);

  private static final Pattern TOKEN =
      Pattern.compile(
          Token.STRING + "|[A-Za-z_]\\w*|\\d\\w*|\\s+|##|&&|\\|\\||[=!<>]=|.", Pattern.DOTALL);

  static CMacro constant(String name, String value) {
    return new CMacro(name, null, value);
  }

  static boolean isDefinition(String directive) {
    return DEFINITION.matcher(directive).matches();
  }

  /** A macro from its {@code #define}, on one line. */
  static CMacro parse(String directive) {
    Matcher matcher = DEFINITION.matcher(directive);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(directive);
    }
    List<String> parameters = null;
    if (matcher.group(2) != null) {
      String list = matcher.group(3).strip();
      parameters = list.isEmpty() ? List.of() : List.of(list.split("\\s*,\\s*"));
    }
    return new CMacro(matcher.group(1), parameters, matcher.group(4).strip());
  }

  // Expanding

  /** A text with every macro in it expanded, as C17 says in 6.10.3; there is no {@code ##}. */
  static String expand(String text, Map<String, CMacro> macros) {
    return String.join("", expand(tokens(text), macros, Set.of()));
  }

  private static List<String> expand(
      List<String> tokens, Map<String, CMacro> macros, Set<String> hidden) {
    var out = new ArrayList<String>();
    for (int i = 0; i < tokens.size(); i++) {
      CMacro macro = hidden.contains(tokens.get(i)) ? null : macros.get(tokens.get(i));
      int open = macro == null || macro.parameters == null ? -1 : afterSpace(tokens, i + 1);
      if (macro == null || open >= 0 && !isAt(tokens, open, "(")) {
        out.add(tokens.get(i));
        continue;
      }
      List<String> body = tokens(macro.body);
      if (open >= 0) {
        var arguments = new ArrayList<List<String>>();
        i = arguments(tokens, open, arguments);
        body = macro.substitute(body, arguments, macros, hidden);
      }
      var inside = new HashSet<>(hidden);
      inside.add(macro.name);
      out.addAll(expand(body, macros, inside));
    }
    return out;
  }

  private List<String> substitute(
      List<String> body,
      List<List<String>> arguments,
      Map<String, CMacro> macros,
      Set<String> hidden) {
    var out = new ArrayList<String>();
    for (int i = 0; i < body.size(); i++) {
      int named = body.get(i).equals("#") ? afterSpace(body, i + 1) : -1;
      int parameter =
          parameters.indexOf(named >= 0 && named < body.size() ? body.get(named) : body.get(i));
      if (parameter < 0) {
        out.add(body.get(i));
      } else if (named >= 0) {
        out.add('"' + String.join("", arguments.get(parameter)).strip() + '"');
        i = named;
      } else {
        out.addAll(expand(arguments.get(parameter), macros, hidden));
      }
    }
    return out;
  }

  /** Reads the arguments of a call; returns the index of the bracket that closes it. */
  private static int arguments(List<String> tokens, int open, List<List<String>> arguments) {
    var argument = new ArrayList<String>();
    int depth = 1;
    int i = open;
    while (depth > 0) {
      if (++i == tokens.size()) {
        throw new IllegalArgumentException("no bracket closes " + String.join("", tokens));
      }
      String token = tokens.get(i);
      depth += token.equals("(") ? 1 : token.equals(")") ? -1 : 0;
      if (depth == 0 || depth == 1 && token.equals(",")) {
        arguments.add(argument);
        argument = new ArrayList<>();
      } else {
        argument.add(token);
      }
    }
    return i;
  }

  private static int afterSpace(List<String> tokens, int i) {
    return i < tokens.size() && tokens.get(i).isBlank() ? i + 1 : i;
  }

  private static boolean isAt(List<String> tokens, int i, String text) {
    return i < tokens.size() && tokens.get(i).equals(text);
  }

  private static List<String> tokens(String text) {
    return TOKEN.matcher(text).results().map(result -> result.group()).toList();
  }

  /** What string literals that stand side by side say together. */
  static String strings(String text) {
    var out = new StringBuilder();
    for (String token : tokens(text)) {
      if (token.startsWith("\"")) {
        out.append(token, 1, token.length() - 1);
      } else if (!token.isBlank()) {
        throw new IllegalArgumentException("no string: " + token);
      }
    }
    return out.toString().replace("\\n", "\n");
  }

  // Conditions

  /**
   * The value of an {@code #if}'s condition: integers, names, {@code defined}, brackets, and the
   * operators that such conditions use.
   *
   * @throws IllegalArgumentException if it is anything else
   */
  public static long evaluate(String condition, Map<String, CMacro> macros) {
    var tokens = new ArrayList<>(tokens(condition));
    tokens.removeIf(String::isBlank);
    var evaluation = new Evaluation(tokens, macros);
    long value = evaluation.binary(0);
    if (evaluation.at < tokens.size()) {
      throw new IllegalArgumentException(condition);
    }
    return value;
  }

  private static final class Evaluation {
    /** Operators of two operands; those that bind more tightly come later. */
    private static final List<Set<String>> LEVELS =
        List.of(
            Set.of("||"),
            Set.of("&&"),
            Set.of("|"),
            Set.of("&"),
            Set.of("==", "!="),
            Set.of("<", ">", "<=", ">="),
            Set.of("+", "-"),
            Set.of("*"));

    private final List<String> tokens;
    private final Map<String, CMacro> macros;
    private int at;

    Evaluation(List<String> tokens, Map<String, CMacro> macros) {
      this.tokens = tokens;
      this.macros = macros;
    }

    private String next() {
      if (at == tokens.size()) {
        throw new IllegalArgumentException("it ends too early");
      }
      return tokens.get(at++);
    }

    /** An expression whose operators are of this level or bind more tightly. */
    long binary(int level) {
      if (level == LEVELS.size()) {
        return unary();
      }
      long left = binary(level + 1);
      while (at < tokens.size() && LEVELS.get(level).contains(tokens.get(at))) {
        left = apply(next(), left, binary(level + 1));
      }
      return left;
    }

    private static long apply(String operator, long left, long right) {
      return switch (operator) {
        case "||" -> left != 0 || right != 0 ? 1 : 0;
        case "&&" -> left != 0 && right != 0 ? 1 : 0;
        case "|" -> left | right;
        case "&" -> left & right;
        case "==" -> left == right ? 1 : 0;
        case "!=" -> left != right ? 1 : 0;
        case "<" -> left < right ? 1 : 0;
        case ">" -> left > right ? 1 : 0;
        case "<=" -> left <= right ? 1 : 0;
        case ">=" -> left >= right ? 1 : 0;
        case "+" -> left + right;
        case "-" -> left - right;
        default -> left * right;
      };
    }

    private long unary() {
      String token = next();
      if (token.equals("!")) {
        return unary() == 0 ? 1 : 0;
      }
      if (token.equals("(")) {
        long value = binary(0);
        expect(")");
        return value;
      }
      if (token.equals("defined")) {
        boolean bracket = isAt(tokens, at, "(");
        at += bracket ? 1 : 0;
        boolean defined = macros.containsKey(next());
        if (bracket) {
          expect(")");
        }
        return defined ? 1 : 0;
      }
      if (Character.isDigit(token.charAt(0))) {
        return Long.decode(token.replaceAll("[uUlL]+$", ""));
      }
      if (!Character.isJavaIdentifierStart(token.charAt(0))) {
        throw new IllegalArgumentException(token);
      }
      CMacro macro = macros.get(token);
      return macro == null || macro.body.isEmpty() ? 0 : evaluate(macro.body, macros);
    }

    private void expect(String token) {
      if (!next().equals(token)) {
        throw new IllegalArgumentException("no " + token);
      }
    }
  }
}
