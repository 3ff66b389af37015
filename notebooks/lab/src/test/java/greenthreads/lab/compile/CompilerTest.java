package greenthreads.lab.compile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import greenthreads.lab.base.Cache;
import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.bind.TestProject;
import greenthreads.lab.show.Listing;
import greenthreads.lab.source.NativeSource;
import greenthreads.lab.source.Sources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class CompilerTest {
  private static final String ADD =
      "#include \"arch/arch.h\"\nint add(int a, int b) { return a + b; }\n";

  @TempDir Path folder;
  private TestProject project;

  @BeforeEach
  void makeProject() throws IOException {
    project = TestProject.in(folder).with("add", ADD);
  }

  @Test
  void secondBuildComesFromTheCache() {
    Compiler.Built first = project.build("add");
    Compiler.Built second = project.build("add");
    assertTrue(first.fresh());
    assertFalse(second.fresh());
    assertEquals(first.library(), second.library());
  }

  @Test
  void changedTextHeaderOrOptionIsAnotherBuild() throws IOException {
    var keys = new ArrayList<String>();
    keys.add(project.build("add").key());
    keys.add(project.build("add", "-O0").key());
    project.with("add", ADD + "\n");
    keys.add(project.build("add").key());
    Files.writeString(project.workspace().sources().resolve("arch/arch.h"), "#define TEN 11\n");
    keys.add(project.build("add").key());
    assertEquals(keys.size(), keys.stream().distinct().count(), keys.toString());
  }

  @Test
  void usualLevelIsNoOtherBuild() {
    assertEquals(project.build("add").key(), project.build("add", "-O2").key());
    assertNotEquals(project.build("add", "-O1").key(), project.build("add", "-O2", "-O1").key());
    assertNotEquals(project.build("add").key(), project.build("add", "-O2", "-O1").key());
  }

  @Test
  void secondListingComesFromTheCache() {
    NativeSource source = NativeSource.ofFile(project.workspace().sources(), "add");
    Toolchain mine = project.compiler().toolchain();
    Listing first = Assembly.listing(project.compiler(), source, "add", List.of());
    var gone = new Toolchain(List.of("false"), mine.executable(), mine.version(), mine.identity());
    var without = new Compiler(gone, project.workspace());
    assertEquals(first.code(), Assembly.listing(without, source, "add", List.of()).code());
    assertThrows(
        CompileError.class, () -> Assembly.listing(without, source, "add", List.of("-O0")));
  }

  /** As if a distribution had built the compiler to protect by default. */
  @Test
  void listingsDoNotDependOnWhatACompilerProtectsByDefault() throws IOException {
    project.with(
        "far",
        "int look(char *);\nint far(void) { char a[20000]; return look(a) + 1; }\n"
            + "int near(void) { return 1; }\n");
    Toolchain mine = project.compiler().toolchain();
    var protects = new ArrayList<>(mine.command());
    protects.add("-fstack-protector-strong");
    if (!Platform.IS_MAC) {
      protects.add(Platform.IS_X86_64 ? "-fcf-protection=full" : "-mbranch-protection=standard");
      if (!mine.isClang()) {
        protects.add("-fstack-clash-protection");
      }
    }
    var hardened = new Toolchain(protects, mine.executable(), mine.version(), "hardened");
    var other = new Compiler(hardened, project.workspace());
    NativeSource source = NativeSource.ofFile(project.workspace().sources(), "far");
    for (String function : List.of("far", "near")) {
      Listing usual = Assembly.listing(project.compiler(), source, function, List.of());
      assertEquals(usual.code(), Assembly.listing(other, source, function, List.of()).code());
      assertNotEquals(
          usual.code(),
          Assembly.listing(other, source, function, protects.subList(1, protects.size())).code());
    }
  }

  @Test
  void anotherCompilerIsAnotherBuild() {
    Toolchain mine = project.compiler().toolchain();
    var renamed = new Toolchain(mine.command(), mine.executable(), mine.version(), "another");
    Compiler.Built first = project.build("add");
    NativeSource source = NativeSource.ofFile(project.workspace().sources(), "add");
    Compiler.Built second = new Compiler(renamed, project.workspace()).build(source, List.of());
    assertNotEquals(first.key(), second.key());
  }

  @Test
  void errorsThatFollowFromOneInTheCellAreCountedOnly() {
    String message = refusalOf("int twice(int a, int b) { return 2 * c; }\n");
    assertTrue(message.contains("mine.c:"), message);
    assertFalse(message.contains("base.c:"), message);
    assertTrue(message.contains(" more outside of the cell, "), message);
  }

  @Test
  void errorsOutsideOfTheCellAloneAreShown() {
    String message = refusalOf("struct pair { int first; };\n");
    assertTrue(message.contains("base.c:"), message);
    assertFalse(message.contains("outside of the cell"), message);
  }

  private String refusalOf(String cell) {
    project.with(
        "base",
        """
        struct pair { int first, second; };
        int twice(int a) { return a + a; }
        int sum(struct pair *p) { return p->first + p->second; }
        int four(void) { return twice(2); }
        int no_type(int b) { return b + four(); }
        """);
    NativeSource source = Sources.cell(project.workspace(), "mine", "base", cell);
    return assertThrows(CompileError.class, () -> project.compiler().build(source, List.of()))
        .getMessage();
  }

  @Test
  void errorIsTheCompilersOwnWithTheReadersLine() {
    project.with("bad", "int f(void) {\n  return x;\n}\n");
    CompileError error = assertThrows(CompileError.class, () -> project.build("bad"));
    assertTrue(error.getMessage().startsWith("bad.c does not compile: "), error.getMessage());
    assertTrue(error.getMessage().contains("bad.c:2:"), error.getMessage());
    assertTrue(error.getMessage().contains("1 error"), error.getMessage());
    assertFalse(error.getMessage().contains(folder.toString()), "a path of this machine is shown");
  }

  @Test
  void failureLeavesNothingBehind() throws IOException {
    project.with("bad", "int f(void) { return x; }\n");
    assertThrows(CompileError.class, () -> project.build("bad"));
    try (Stream<Path> left = Files.list(project.workspace().folder("native"))) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void warningsAreKeptWithTheBuild() {
    project.with("warn", "int f(int unused) { return 1; }\n");
    assertTrue(project.build("warn").messages().contains("unused"));
    assertTrue(project.build("warn").messages().contains("unused"), "lost by the cache");
  }

  @Test
  void missingFileNamesThoseThatAreThere() {
    LabException error = assertThrows(LabException.class, () -> project.build("ad"));
    assertTrue(error.getMessage().contains("native/ad.c"), error.getMessage());
    assertTrue(error.getMessage().contains("add"), error.getMessage());
  }

  @Test
  void nameCannotLeaveTheFolder() {
    assertThrows(LabException.class, () -> project.build("../../etc/passwd"));
  }

  @Test
  void damagedEntryIsMadeAgain() throws IOException {
    Compiler.Built built = project.build("add");
    Files.write(built.library(), new byte[] {1, 2, 3});
    Compiler.Built again = project.build("add");
    assertTrue(again.fresh());
    assertTrue(Files.size(again.library()) > 1000);
  }

  @Test
  void rubbishInPlaceOfTheEntryIsReplaced() throws IOException {
    Compiler.Built built = project.build("add");
    Path entry = built.library().getParent();
    Cache.delete(entry);
    Files.writeString(entry, "rubbish");
    assertTrue(project.build("add").fresh());
  }

  @Test
  void deletedCacheIsMadeAgain() {
    project.build("add");
    Cache.delete(project.workspace().build());
    assertTrue(project.build("add").fresh());
  }

  @Test
  void cacheIsPrivate() throws IOException {
    project.build("add");
    Path cache = project.workspace().folder("native");
    assertEquals(
        "rwx------",
        java.nio.file.attribute.PosixFilePermissions.toString(
            Files.getPosixFilePermissions(cache)));
  }

  @Test
  void unusableCacheIsASentence() throws IOException {
    Files.writeString(project.workspace().build(), "a file in the folder's place");
    LabException error = assertThrows(LabException.class, () -> project.build("add"));
    assertTrue(error.getMessage().contains("cannot be made"), error.getMessage());
    assertTrue(error.getMessage().contains("GREEN_THREADS_BUILD"), error.getMessage());
  }

  /** Seconds are not what is tested here, but a limit of the machine's memory would take many. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "#include \"/dev/zero\"\n",
        "#define A(x) x x x x x x x x x x\n#define B(x) A(A(A(A(A(A(A(A(A(x)))))))))\n"
            + "int t(void) { int a = 0; B(a++;) return a; }\n"
      })
  void aSourceWithoutAnEndMeetsALimit(String endless) throws IOException {
    assumeTrue(!Platform.IS_MAC, "macOS has no limit of a process's memory");
    project.with("endless", endless);
    CompileError error = assertThrows(CompileError.class, () -> project.build("endless"));
    assertTrue(
        error.getMessage().contains("GiB of memory that it is given")
            || error.getMessage().contains("did not end within 60 s"),
        error.getMessage());
    assertNothingIsLeft();
  }

  @Test
  void anInterruptLeavesNothingOfTheCompiler() throws Exception {
    assumeTrue(!Platform.IS_MAC, "a file without an end would take all memory");
    project.build("add");
    project.with("endless", "#include \"/dev/zero\"\n");
    var thrown = new Throwable[1];
    Thread cell =
        Thread.ofPlatform()
            .start(() -> {
              try {
                project.build("endless");
              } catch (LabException e) {
                thrown[0] = e;
              }
            });
    while (compilers().findAny().isEmpty()) {
      Thread.sleep(5);
    }
    cell.interrupt();
    assertTrue(cell.join(java.time.Duration.ofSeconds(20)), "the interrupt waits");
    assertTrue(thrown[0].getMessage().startsWith("Interrupted while `"), thrown[0].getMessage());
    assertFalse(thrown[0].getMessage().contains("keeper"), thrown[0].getMessage());
    assertNothingIsLeft();
  }

  private Stream<ProcessHandle> compilers() {
    return ProcessHandle.current()
        .descendants()
        .filter(process -> process.info().command().orElse("").matches(".*/(cc1|clang).*"));
  }

  private void assertNothingIsLeft() throws IOException {
    assertEquals(List.of(), compilers().toList());
    try (Stream<Path> left = Files.list(project.workspace().folder("native"))) {
      assertEquals(
          List.of(),
          left.filter(file -> file.getFileName().toString().startsWith("draft")).toList());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"-fsyntax-only", "--help", "--version"})
  void anOptionThatMakesNothingIsTold(String option) {
    CompileError error = assertThrows(CompileError.class, () -> project.build("add", option));
    assertTrue(
        error.getMessage().startsWith("add.c was not compiled: as it was asked"),
        error.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"thread", "address", "undefined,address", "leak", "memory", "hwaddress"})
  void aCheckerThatMustBeThereFromTheStartIsRefused(String checker) {
    String option = "-fsanitize=" + checker;
    CompileError error = assertThrows(CompileError.class, () -> project.build("add", option));
    assertTrue(
        error.getMessage().startsWith("add.c was not compiled: " + option), error.getMessage());
    var environment = TestProject.environment("CC", "gcc " + option, "PATH", System.getenv("PATH"));
    Compiler checking = new Compiler(Toolchain.find(environment), project.workspace());
    NativeSource source = NativeSource.ofFile(project.workspace().sources(), "add");
    assertThrows(CompileError.class, () -> checking.build(source, List.of()));
  }

  @Test
  void aCheckerThatNeedsNothingBeforeIsNot() {
    assertEquals("", project.build("add", "-fsanitize=bounds,undefined").messages());
  }

  @Test
  void whateverChangesTheResultIsInTheKey() {
    String path = System.getenv("PATH");
    NativeSource source = NativeSource.ofFile(project.workspace().sources(), "add");
    var keys = new ArrayList<String>();
    for (List<String> more :
        List.of(
            List.of("CC", "gcc"),
            List.of("CC", "gcc -O0"),
            List.of("CC", "gcc -O0 -fsanitize=undefined"),
            List.of("CC", "gcc", "CPATH", folder.toString()),
            List.of("CC", "gcc", "C_INCLUDE_PATH", folder.toString()),
            List.of("CC", "gcc", "LIBRARY_PATH", folder.toString()))) {
      var words = new ArrayList<>(more);
      words.addAll(List.of("PATH", path));
      Toolchain chosen = Toolchain.find(TestProject.environment(words.toArray(String[]::new)));
      keys.add(new Compiler(chosen, project.workspace()).build(source, List.of()).key());
    }
    assertEquals(keys.size(), keys.stream().distinct().count(), keys.toString());
  }

  @Test
  void eightAtOnceAgree() throws Exception {
    for (int round = 0; round < 5; round++) {
      project.with("add", ADD + "// round " + round + "\n");
      Callable<String> build = () -> project.build("add").library().toString();
      try (var pool = Executors.newFixedThreadPool(8)) {
        var all = pool.invokeAll(java.util.Collections.nCopies(8, build));
        var libraries = new java.util.HashSet<String>();
        for (Future<String> one : all) {
          libraries.add(one.get());
        }
        assertEquals(1, libraries.size());
      }
    }
  }

  @Test
  void compilerIsFoundByCc() {
    String path = System.getenv("PATH");
    Toolchain gcc = Toolchain.find(TestProject.environment("CC", "gcc -m64", "PATH", path));
    assertEquals(List.of("gcc", "-m64"), gcc.command());
  }

  @Test
  void noCompilerSaysHowToInstallOne() {
    LabException error =
        assertThrows(
            LabException.class,
            () -> Toolchain.find(TestProject.environment("PATH", folder.toString())));
    assertTrue(error.getMessage().contains("no C compiler"), error.getMessage());
    assertTrue(error.getMessage().contains("apt install gcc"), error.getMessage());
  }

  @Test
  void wrongCcIsNamed() {
    LabException error =
        assertThrows(
            LabException.class,
            () -> Toolchain.find(TestProject.environment("CC", "no-such-cc", "PATH", "/usr/bin")));
    assertTrue(error.getMessage().contains("`no-such-cc`"), error.getMessage());
  }

  @Test
  void compilerThatDoesNotWorkIsNamed() throws IOException {
    Path fake = Files.writeString(folder.resolve("cc"), "#!/bin/sh\necho broken; exit 3\n");
    fake.toFile().setExecutable(true);
    LabException error =
        assertThrows(
            LabException.class,
            () -> Toolchain.find(TestProject.environment("PATH", folder + ":/usr/bin")));
    assertTrue(error.getMessage().contains("exit status 3"), error.getMessage());
  }

  @Test
  void versionIsReadFromEveryBanner() {
    assertEquals("gcc 12.2.0", Toolchain.shortVersion("gcc (Debian 12.2.0-14+deb12u1) 12.2.0"));
    assertEquals("clang 14.0.6", Toolchain.shortVersion("Debian clang version 14.0.6"));
    assertEquals(
        "Apple clang 17.0.0",
        Toolchain.shortVersion("Apple clang version 17.0.0 (clang-1700.0.13.5)"));
    assertEquals(
        "gcc 14.3.0",
        Toolchain.shortVersion("x86_64-conda-linux-gnu-cc (conda-forge gcc 14.3.0-1) 14.3.0"));
  }

  static Stream<List<String>> choices() {
    return Stream.of(
        List.of("gcc -m64", "gcc", "-m64"),
        List.of("  gcc   -O0 ", "gcc", "-O0"),
        List.of("'/a b/cc' -m64", "/a b/cc", "-m64"),
        List.of("\"/a b/zig\" cc", "/a b/zig", "cc"),
        List.of("/a\\ b/cc -DX=\"a b\"", "/a b/cc", "-DX=a b"),
        List.of("gcc -DX='a\"b'", "gcc", "-DX=a\"b"),
        List.of("gcc -DX=\"a\\\"b\"", "gcc", "-DX=a\"b"),
        List.of("gcc '-O0", "gcc", "'-O0"));
  }

  @ParameterizedTest
  @MethodSource("choices")
  void wordsOfCcAreTheShells(List<String> choice) {
    assertEquals(choice.subList(1, choice.size()), Toolchain.words(choice.getFirst()));
  }

  @Test
  void pathOfAProgramIsOneWord() throws IOException {
    Path program = Files.createDirectories(folder.resolve("a folder é/it's")).resolve("my cc");
    Files.writeString(program, "#!/bin/sh\nexec cc \"$@\"\n");
    assertTrue(program.toFile().setExecutable(true));
    assertEquals(List.of(program.toString()), Toolchain.words(program.toString()));
    assertEquals(
        List.of(program.toString(), "-m64", "-O0"), Toolchain.words(program + " -m64  '-O0'"));
  }
}
