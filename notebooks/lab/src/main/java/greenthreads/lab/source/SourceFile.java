package greenthreads.lab.source;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * A C source text, split into what stands at its top level: functions, structs, variables, macros
 * and so on, each with the comment above it.
 *
 * <p>This is no C parser. It knows comments, literals, brackets and preprocessor directives, which
 * is enough to see where an item begins and ends ({@link Splitter}), and looks for the name it
 * declares ({@link Declaration}). What it does not understand is an item of kind {@link
 * Kind#OTHER}; nothing is ever lost, and nothing throws.
 *
 * <p>Where a conditional directive stands inside an item, the first branch is the one that is
 * understood.
 *
 * @param name what diagnostics call it
 * @param text the whole text
 * @param items all items in their order; what lies between them is white space
 */
public record SourceFile(String name, String text, List<Item> items) {
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
    OTHER;

    /** Who comes first where several items have one name: 0 for functions, 2 for no definition. */
    private int rank() {
      return switch (this) {
        case FUNCTION, ASSEMBLY -> 0;
        case PROTOTYPE, INCLUDE, DIRECTIVE, COMMENT, OTHER -> 2;
        default -> 1;
      };
    }
  }

  /**
   * What an item declares.
   *
   * @param space which names it is one of
   * @param name the name
   */
  record Key(Space space, String name) {
    /** C's name spaces (C17, 6.2.3), as far as replacing one item by another goes. */
    enum Space {
      NAME,
      TAG,
      /** What is declared here and defined elsewhere. */
      DECLARED,
      INCLUDED,
      /** What has no name, such as an assertion: it is the same if it says the same. */
      UNNAMED
    }
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
   * @param keys all that it declares
   */
  public record Item(
      Kind kind,
      String name,
      String file,
      int firstLine,
      int lastLine,
      String text,
      Span span,
      Set<Key> keys) {

    /** Whether it declares this name: {@code thread}, {@code struct thread}. */
    boolean declares(String wanted) {
      String last = wanted.substring(wanted.lastIndexOf(' ') + 1);
      boolean tagOnly = last.length() < wanted.length();
      return keys.stream()
          .filter(key -> key.name.equals(last))
          .anyMatch(key ->
              switch (key.space) {
                case TAG, INCLUDED -> true;
                case NAME, DECLARED -> !tagOnly;
                case UNNAMED -> false;
              });
    }
  }

  /**
   * Where an item is.
   *
   * @param start the offset of its first character, that of its leading comment if it has one
   * @param code the offset of its first character that is no comment
   * @param end the offset behind its last character
   */
  record Span(int start, int code, int end) {}

  /** Splits a text; {@code name} is what diagnostics will call it. */
  public static SourceFile parse(String name, String text) {
    return new SourceFile(name, text, new Splitter(name, text).split());
  }

  /**
   * The item that defines a name, else one that declares it. Of several, under different {@code
   * #if} branches, it is the first.
   */
  public Optional<Item> item(String wanted) {
    return items(wanted).stream().findFirst();
  }

  /** All items that define or declare a name: functions, then other definitions, then the rest. */
  List<Item> items(String wanted) {
    return IntStream.rangeClosed(0, 2)
        .boxed()
        .flatMap(rank -> items.stream().filter(item -> item.kind.rank() == rank))
        .filter(item -> item.declares(wanted))
        .toList();
  }
}
