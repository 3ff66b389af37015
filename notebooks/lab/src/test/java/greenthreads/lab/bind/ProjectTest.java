package greenthreads.lab.bind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.LabException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class ProjectTest {
  private static final String ONE = "int number(void) { return 1; }\n";

  @TempDir Path folder;
  private final List<String> said = new ArrayList<>();
  private TestProject files;
  private Project project;

  public interface Number {
    int number();
  }

  @BeforeEach
  void makeProject() throws IOException {
    files = TestProject.in(folder).with("one", ONE);
    project = files.following(said);
  }

  @Test
  void firstLoadCompilesAndSecondDoesNot() {
    assertEquals(1, project.load("one", Number.class, List.of()).number());
    assertEquals(1, project.load("one", Number.class, List.of()).number());
    assertTrue(said.get(0).matches("one\\.c: compiled with .+ in .+ m?s\\."), said.toString());
    assertTrue(
        said.get(1).startsWith("one.c: unchanged, loaded from the cache in "), said.toString());
  }

  @Test
  void editedFileIsFollowed() {
    Number number = project.load("one", Number.class, List.of());
    files.with("one", ONE.replace("1", "2"));
    assertEquals(1, number.number(), "nothing changes while a cell runs");
    project.refresh();
    assertEquals(2, number.number());
    assertTrue(said.getLast().startsWith("one.c: has changed; compiled with "), said.toString());
    files.with("one", ONE);
    project.refresh();
    assertEquals(1, number.number());
    assertTrue(said.getLast().startsWith("one.c: has changed; loaded from the cache in "));
  }

  @Test
  void unchangedFileIsLeftAlone() {
    Number number = project.load("one", Number.class, List.of());
    int before = said.size();
    project.refresh();
    assertEquals(before, said.size());
    assertEquals(1, number.number());
  }

  @Test
  void changedHeaderIsFollowed() throws IOException {
    files.with("one", "#include \"arch/arch.h\"\nint number(void) { return TEN; }\n");
    Number number = project.load("one", Number.class, List.of());
    assertEquals(10, number.number());
    Path header = files.workspace().sources().resolve("arch/arch.h");
    Files.writeString(header, "#define TEN 11\n");
    project.refresh();
    assertEquals(11, number.number());
  }

  @Test
  void brokenEditFailsTheCallsUntilItIsMended() {
    Number number = project.load("one", Number.class, List.of());
    files.with("one", "int number(void) { return ; x }\n");
    project.refresh();
    LabException error = assertThrows(LabException.class, number::number);
    assertTrue(error.getMessage().startsWith("one.c does not compile: "), error.getMessage());
    files.with("one", ONE.replace("1", "3"));
    project.refresh();
    assertEquals(3, number.number());
  }

  @Test
  void brokenEditIsReportedOnce() {
    project.load("one", Number.class, List.of());
    files.with("one", "int number(void) { return ; x }\n");
    project.refresh();
    int before = said.size();
    project.refresh();
    assertEquals(before, said.size(), said.toString());
  }

  @Test
  void changedTypeFailsTheCallsWithBothSides() {
    Number number = project.load("one", Number.class, List.of());
    files.with("one", "long number(void) { return 1; }\n");
    project.refresh();
    LabException error = assertThrows(LabException.class, number::number);
    assertTrue(error.getMessage().contains("Java says int, C says long"), error.getMessage());
  }

  @Test
  void deletedFileFailsTheCalls() throws IOException {
    Number number = project.load("one", Number.class, List.of());
    Files.delete(files.workspace().sources().resolve("one.c"));
    project.refresh();
    LabException error = assertThrows(LabException.class, number::number);
    assertTrue(error.getMessage().contains("no file native/one.c"), error.getMessage());
  }

  @Test
  void cellIsASourceLikeAFile() {
    project.edit("mine", null, ONE, List.of());
    assertEquals(List.of("cell mine: compiled"), List.of(said.getFirst().substring(0, 19)));
    Number number = project.load("mine", Number.class, List.of());
    assertEquals(1, number.number());
    project.edit("mine", null, ONE.replace("1", "4"), List.of());
    assertEquals(4, number.number(), "a cell that ran again is followed at once");
  }

  @Test
  void brokenCellHasNoCode() {
    project.edit("mine", null, ONE, List.of());
    Number number = project.load("mine", Number.class, List.of());
    Library library = project.load("mine", List.of());
    Number bound = library.bind(Number.class);
    assertThrows(CompileError.class, () -> project.edit("mine", null, "int number(", List.of()));
    List<Executable> uses =
        List.of(
            number::number,
            bound::number,
            () -> library.bind(Number.class),
            () -> library.find("number"),
            () -> Bound.of(number).orElseThrow().library().get(),
            () -> Bound.of(bound).orElseThrow().library().get().checked(),
            () -> project.load("mine", List.of()),
            () -> project.load("mine", Number.class, List.of()),
            () -> project.find("mine", List.of("-O0")));
    for (Executable use : uses) {
      LabException error = assertThrows(LabException.class, use);
      assertTrue(
          error.getMessage().startsWith("cell mine does not compile as it stands"),
          error.getMessage());
    }
    project.edit("mine", null, ONE, List.of());
    assertEquals(1, number.number(), "the same text again");
    assertEquals(1, bound.number());
    assertEquals(1, project.load("mine", Number.class, List.of()).number());
  }

  @Test
  void cellThatNeverCompiledIsNamed() {
    assertThrows(CompileError.class, () -> project.edit("mine", null, "int number(", List.of()));
    CompileError error =
        assertThrows(CompileError.class, () -> project.load("mine", Number.class, List.of()));
    assertTrue(error.getMessage().contains("Mend it and run it"), error.getMessage());
  }

  @Test
  void whatTheLinkerMissesIsNamedByWhoeverAsksLater() {
    String text = "int elsewhere(void);\nint number(void) { return elsewhere(); }\n";
    assertThrows(CompileError.class, () -> project.edit("mine", null, text, List.of()));
    CompileError error =
        assertThrows(CompileError.class, () -> project.load("mine", Number.class, List.of()));
    assertTrue(error.getMessage().contains("calls `elsewhere`, but no such"), error.getMessage());
    assertFalse(error.getMessage().contains("collect2"), error.getMessage());
  }

  @Test
  void libraryOfAnEditedFileSaysOnceThatItIsTheFormerOne() {
    Library library = project.load("one", List.of());
    Number number = library.bind(Number.class);
    files.with("one", ONE.replace("1", "2"));
    project.refresh();
    int before = said.size();
    assertEquals(1, number.number());
    assertEquals(1, number.number());
    assertEquals(before + 1, said.size(), said.toString());
    assertTrue(
        said.getLast().startsWith("one.c has changed since it was loaded; this is the former"),
        said.toString());
    project.refresh(); // the next cell
    assertEquals(1, number.number());
    assertEquals(before + 2, said.size(), said.toString());
    files.with("one", ONE);
    project.refresh();
    assertEquals(1, number.number());
    assertEquals(before + 2, said.size(), "it is as it was: nothing to say");
  }

  @Test
  void libraryThatIsNotUsedSaysNothing() {
    Library library = project.load("one", List.of());
    files.with("one", ONE.replace("1", "2"));
    int before = said.size();
    project.refresh();
    assertEquals(before, said.size());
    assertEquals("one", library.name());
  }

  @Test
  void cellFollowsTheFileThatItStartsFrom() {
    files.with("base", "int inner(void) { return 1; }\nint number(void) { return inner() + 1; }\n");
    project.edit("mine", "base", "int inner(void) { return 10; }\n", List.of());
    Number number = project.load("mine", Number.class, List.of());
    assertEquals(11, number.number());
    files.with("base", "int inner(void) { return 1; }\nint number(void) { return inner() + 2; }\n");
    assertEquals(12, project.load("mine", Number.class, List.of()).number());
    project.refresh();
    assertEquals(12, number.number());
    assertTrue(said.getLast().startsWith("cell mine: has changed; "), said.toString());
  }

  @Test
  void checksLoadWithoutALine() {
    project.load("one", List.of());
    int before = said.size();
    Project.quietly(() -> project.load("one", List.of()));
    assertEquals(before, said.size());
    files.with("one", ONE.replace("1", "2"));
    Project.quietly(() -> project.load("one", List.of()));
    assertEquals(before + 1, said.size(), "what was compiled is said");
  }

  @Test
  void cellStartsFromAFileAndReplacesParts() {
    files.with(
        "base",
        "static int inner(void) { return 1; }\n\nint number(void)\n{\n    return inner() + 1;\n}\n");
    project.edit("mine", "base", "static int inner(void) { return 41; }\n", List.of());
    assertEquals(42, project.load("mine", Number.class, List.of()).number());
  }

  @Test
  void diagnosticsPointIntoTheCell() {
    files.with(
        "base", "static int inner(void) { return 1; }\nint number(void) { return inner(); }\n");
    CompileError error =
        assertThrows(
            CompileError.class,
            () ->
                project.edit("mine", "base", "static int inner(void)\n{\n  oops;\n}\n", List.of()));
    // The cell's first line is the magic itself.
    assertTrue(error.getMessage().contains("mine.c:4:"), error.getMessage());
    assertTrue(error.getMessage().contains("oops"), error.getMessage());
    assertFalse(error.getMessage().contains("merged"), error.getMessage());
  }

  @Test
  void diagnosticsOfTheRestPointIntoTheFile() {
    files.with(
        "base", "static int inner(void) { return 1; }\n\nint number(void) { return inner(7); }\n");
    CompileError error =
        assertThrows(
            CompileError.class,
            () ->
                project.edit("mine", "base", "static int inner(void) { return 2; }\n", List.of()));
    assertTrue(error.getMessage().contains("base.c:3:"), error.getMessage());
  }

  @Test
  void braceLeftOpenIsBlamedOnTheCell() {
    files.with("base", "int number(void) { return 1; }\nint other(void) { return 2; }\n");
    String edit = "int number(void) {\n  if (1) { /* } */ puts(\"}\");\n}\n";
    CompileError error =
        assertThrows(CompileError.class, () -> project.edit("mine", "base", edit, List.of()));
    assertTrue(error.getMessage().contains("mine.c:2: error: no } for this {"), error.getMessage());
  }

  @Test
  void partOfAHeaderCanBeReplaced() {
    files.with("base", "#include \"arch/arch.h\"\nint number(void) { return TEN; }\n");
    project.edit("mine", "base", "#define TEN 12\n", List.of());
    assertEquals(12, project.load("mine", Number.class, List.of()).number());
  }

  @Test
  void cellCannotTakeAFilesName() {
    LabException error =
        assertThrows(LabException.class, () -> project.edit("one", null, ONE, List.of()));
    assertTrue(error.getMessage().contains("name of a file in native/"), error.getMessage());
  }

  @Test
  void cellMayIncludeTheProjectsHeaders() {
    project.edit(
        "mine", null, "#include \"arch/arch.h\"\nint number(void) { return TEN; }\n", List.of());
    assertEquals(10, project.load("mine", Number.class, List.of()).number());
  }

  @Test
  void optionsReachTheCompiler() {
    String text = "#ifdef __OPTIMIZE__\nint number(void) { return 2; }\n#else\n" + ONE + "#endif\n";
    files.with("level", text);
    assertEquals(2, project.load("level", Number.class, List.of()).number());
    assertEquals(1, project.load("level", Number.class, List.of("-O0")).number());
  }
}
