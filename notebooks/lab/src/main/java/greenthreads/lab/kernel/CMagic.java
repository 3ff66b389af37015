package greenthreads.lab.kernel;

import greenthreads.lab.Session;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.bind.Project.CompilerInput;
import greenthreads.lab.show.Cell;
import greenthreads.lab.source.Sources;
import io.github.spencerpark.jupyter.kernel.magic.registry.CellMagic;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The cell magic {@code %%c}: the cell's body is a C file.
 *
 * <pre>
 * %%c mine [-O0 …]                        a whole file
 * %%c mine --from 03-a-single-stack-swap  that chapter's file, with the named parts replaced
 * </pre>
 */
public final class CMagic {
  private static final String USAGE =
      "Write `%%c NAME` on the cell's first line, for example `%%c mine`; then the C code.\n"
          + "`%%c NAME --from CHAPTER` starts from a chapter's file: what you define replaces the"
          + " part of the same name. Words that start with - go to the compiler: `%%c mine -O0`.";

  /** Comments and texts of C. */
  private static final Pattern NO_CODE =
      Pattern.compile("(?s)/\\*.*?\\*/|//[^\n]*|\"(?:\\\\.|[^\"\\\\\n])*+\"");

  private static final Pattern READS_INPUT =
      Pattern.compile(
          "\\b(?:(?:stdin|STDIN_FILENO)\\b|(?:scanf|getchar|gets)\\s*\\(|read\\s*\\(\\s*0\\s*,)");

  /**
   * Compiles the body and keeps it under a name.
   *
   * @param arguments the words after {@code %%c}
   * @param body the cell from its second line on
   */
  @CellMagic("c")
  public void c(List<String> arguments, String body) {
    try {
      edit(arguments, body);
    } catch (LabException e) {
      // Whatever is wrong with the cell, its former version stands nowhere any more.
      arguments.stream()
          .findFirst()
          .filter(CMagic::isName)
          .ifPresent(name -> Session.project().refuse(name, e));
      throw e;
    }
  }

  /**
   * A cell of C, its first line included, as a source to compile.
   *
   * @throws LabException if it is none
   */
  static CompilerInput input(Workspace workspace, String code) {
    Request wanted = Request.ofCell(code);
    String[] parts = code.stripLeading().split("\n", 2);
    String body = parts.length == 2 ? parts[1] : "";
    return new CompilerInput(
        Sources.cell(workspace, wanted.name(), wanted.from(), body), wanted.options());
  }

  private static boolean isName(String word) {
    return word.matches("[A-Za-z0-9][A-Za-z0-9_-]*");
  }

  private static void edit(List<String> arguments, String body) {
    Request wanted = Request.of(arguments);
    Session.project().edit(wanted.name(), wanted.from(), body, wanted.options());
    if (READS_INPUT.matcher(NO_CODE.matcher(body).replaceAll(" ")).find()) {
      Cell.say(
          "cell "
              + wanted.name()
              + " reads standard input. Native code finds it empty here: ask in Java (IO.readln), and"
              + " pass the text as an argument.");
    }
  }

  /**
   * What a cell's first line asks for.
   *
   * @param name what the cell is called
   * @param from the file it starts from, or null
   * @param options words for the compiler
   */
  record Request(String name, String from, List<String> options) {
    /** Reads the first line of a cell of C. */
    static Request ofCell(String code) {
      String line = code.stripLeading().lines().findFirst().orElse("");
      return of(List.of(line.replaceFirst("^%%c\\b", "").strip().split("\\s+")));
    }

    /**
     * Reads the words after {@code %%c}.
     *
     * @throws LabException if they are not such words
     */
    static Request of(List<String> arguments) {
      String name = null;
      String from = null;
      var options = new ArrayList<String>();
      var words = arguments.iterator();
      while (words.hasNext()) {
        String word = words.next();
        if (word.equals("--from")) {
          from = words.hasNext() ? words.next() : null;
          if (from == null) {
            throw new LabException("%%c: --from wants a chapter's name after it.\n" + USAGE);
          }
        } else if (word.startsWith("-")) {
          options.add(word);
        } else if (name == null) {
          name = word;
        } else {
          throw new LabException("%%c: what is `" + word + "`?\n" + USAGE);
        }
      }
      if (name == null || !isName(name)) {
        throw new LabException("%%c: the cell needs a name of letters and digits.\n" + USAGE);
      }
      return new Request(name, from, List.copyOf(options));
    }
  }
}
