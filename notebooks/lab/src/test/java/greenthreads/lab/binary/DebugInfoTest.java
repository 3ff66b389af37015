package greenthreads.lab.binary;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import greenthreads.lab.base.Programs;
import java.io.IOException;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.StructLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.ThrowingConsumer;
import org.junit.jupiter.api.io.TempDir;

/** Holds what {@link DebugInfo} reads against what C itself says of the same source. */
class DebugInfoTest {
  @TempDir Path folder;

  private static final String STRUCTS =
      """
      typedef signed char int8;
      typedef struct node {
          struct node *next;
          const char *const name;
          int values[3][4];
          void (*call)(struct node *, int);
      } node_t;
      typedef struct {
          int a;
          union { long whole; double real; };
          struct { short half; char quarter; };
          union color { int rgb; unsigned char parts[4]; } paint;
      } untagged;
      struct bits { unsigned a : 3; unsigned b : 7; int c; long d : 40; char last; };
      struct __attribute__((packed)) tight { char c; int i; double d; node_t n; };
      struct wide {
          _Alignas(64) char buffer[10];
          _Bool flag;
          __int128 big;
          int8 small;
          int open[];
      };
      union both { int i; double d[3]; char c[5]; };
      struct empty_tail { long a; char b; };
      """;

  /** Each function's text is its expected prototype, so that the two cannot drift apart. */
  private static final List<String> PROTOTYPES =
      List.of(
          "int add(int a, int b)",
          "void nothing(void)",
          "const char *text(const char *restrict p, char *const *argv)",
          "int (*pick(int which))(int, int)",
          "node_t *walk(node_t *n, untagged *u, struct bits *b, struct tight *t, struct wide *w)",
          "int many(int count, ...)",
          "double numbers(signed char a, unsigned char b, short c, unsigned short d, long e,"
              + " unsigned long f, long long g, float h, double i)",
          "int8 aliases(_Bool a, union both *b, enum direction c, char d)",
          "void rows(int (*table)[4], volatile int *port, void (*callback)(void *))",
          "static int kept_here(int x)");

  private static final String FUNCTIONS =
      """
      enum direction { UP, DOWN = 7 };
      int add(int a, int b) { return a + b; }
      void nothing(void) { }
      const char *text(const char *restrict p, char *const *argv) { return argv ? p : *argv; }
      int (*pick(int which))(int, int) { return which ? add : 0; }
      node_t *walk(node_t *n, untagged *u, struct bits *b, struct tight *t, struct wide *w)
      {
          return u && b && t && w ? n : n->next;
      }
      int many(int count, ...) { return count; }
      double numbers(signed char a, unsigned char b, short c, unsigned short d, long e,
                     unsigned long f, long long g, float h, double i)
      {
          return a + b + c + d + e + f + g + h + i;
      }
      int8 aliases(_Bool a, union both *b, enum direction c, char d) { return a + b->i + c + d; }
      void rows(int (*table)[4], volatile int *port, void (*callback)(void *))
      {
          *port = table[1][2];
          callback(0);
      }
      __attribute__((noinline)) static int kept_here(int x) { return x * x + 1; }
      int uses_kept_here(int x) { return kept_here(x) + kept_here(x + 1); }
      """;

  /** Members whose offsets and sizes the compiled C prints: the struct's C name, then members. */
  private static final Map<String, List<String>> MEMBERS =
      Map.of(
          "struct node", List.of("next", "name", "values", "call"),
          "untagged", List.of("a", "whole", "real", "half", "quarter", "paint"),
          "struct bits", List.of("c", "last"),
          "struct tight", List.of("c", "i", "d", "n"),
          "struct wide", List.of("buffer", "flag", "big", "small", "open"),
          "union both", List.of("i", "d", "c"),
          "struct empty_tail", List.of("a", "b"));

  // What C says

  @TestFactory
  List<DynamicTest> layoutsAreThoseThatTheCompiledProgramPrints() {
    return forEachCompiler(options -> {
      StringBuilder main = new StringBuilder("#include <stdio.h>\n#include <stddef.h>\n");
      main.append(STRUCTS).append("int main(void) {\n");
      MEMBERS.forEach((struct, members) -> {
        String size = "printf(\"%%s 0 %%zu %%zu\\n\", \"%1$s\", sizeof(%1$s), _Alignof(%1$s));";
        main.append(size.replace("%%", "%").replace("%1$s", struct)).append('\n');
        for (String member : members) {
          boolean open = member.equals("open");
          main.append(
              "printf(\"%s.%s %%zu %%zu 0\\n\", offsetof(%s, %s), %s);\n"
                  .formatted(
                      struct,
                      member,
                      struct,
                      member,
                      open ? "(size_t) 0" : "sizeof((*(%s *) 0).%s)".formatted(struct, member)));
        }
      });
      // Each struct must be used, or the compiler does not describe it.
      for (String struct : MEMBERS.keySet()) {
        main.append("{ static %s s; printf(\"\", (void *) &s); }\n".formatted(struct));
      }
      main.append("}\n");
      Path program = folder.resolve("layouts");
      compile(options, main.toString(), program, "-w");
      DebugInfo info = DebugInfo.read(program);
      int lines = 0;
      for (String line : Programs.run(List.of(program.toString())).lines().toList()) {
        compareLayout(info, line);
        lines++;
      }
      assertEquals(MEMBERS.size() + MEMBERS.values().stream().mapToInt(List::size).sum(), lines);
    });
  }

  /** A line: {@code struct node.next 0 8 0}, or {@code struct node 0 72 8} for the whole. */
  private static void compareLayout(DebugInfo info, String line) {
    String[] words = line.split(" ");
    int count = words.length;
    String what = String.join(" ", Arrays.copyOf(words, count - 3));
    long offset = Long.parseLong(words[count - 3]);
    long size = Long.parseLong(words[count - 2]);
    long alignment = Long.parseLong(words[count - 1]);
    int dot = what.indexOf('.');
    CStruct struct = info.struct(dot < 0 ? what : what.substring(0, dot)).orElseThrow();
    GroupLayout layout = group(struct);
    if (dot < 0) {
      assertEquals(size, struct.size(), line);
      assertEquals(size, layout.byteSize(), line);
      assertEquals(alignment, layout.byteAlignment(), line);
      return;
    }
    String name = what.substring(dot + 1);
    boolean inAnonymousUnion = name.equals("whole") || name.equals("real");
    PathElement[] path =
        inAnonymousUnion
            ? new PathElement[] {
              PathElement.groupElement("$union8"), PathElement.groupElement(name)
            }
            : new PathElement[] {PathElement.groupElement(name)};
    assertEquals(offset, layout.byteOffset(path), line);
    assertEquals(size, layout.select(path).byteSize(), line);
  }

  /** The layout of a struct or of a union. */
  private static GroupLayout group(CStruct struct) {
    return struct.layout(Long.MAX_VALUE, 0);
  }

  private static CType member(CStruct struct, String name) {
    return struct.members().stream()
        .filter(member -> member.name().equals(name))
        .findFirst()
        .orElseThrow()
        .type();
  }

  @TestFactory
  List<DynamicTest> prototypesAreThoseOfTheSource() {
    return forEachCompiler(options -> checkPrototypes(DebugInfo.read(library(options))));
  }

  private void checkPrototypes(DebugInfo info) {
    String source = STRUCTS + FUNCTIONS;
    List<String> lines = source.lines().toList();
    for (String expected : PROTOTYPES) {
      boolean isStatic = expected.startsWith("static ");
      String prototype = expected.replace("static ", "");
      String name = prototype.replaceAll("^.*?(\\w+)\\(([^*].*)?$", "$1");
      CFunction function = info.function(name).orElseThrow(() -> new AssertionError(name));
      assertEquals(prototype, function.toString());
      assertEquals(!isStatic, function.external(), name);
      assertTrue(function.prototyped(), name);
      assertEquals("functions.c", function.file(), name);
      String line = lines.get(function.line() - 1);
      assertTrue(line.contains(name + "(") && !line.contains("return " + name), line);
    }
    assertTrue(info.function("many").orElseThrow().variadic());
    assertFalse(info.function("add").orElseThrow().variadic());
    List<String> names = info.functions().stream().map(CFunction::name).toList();
    assertEquals(PROTOTYPES.size() + 1, names.size(), names.toString());
    assertEquals("add", names.get(0), "in the order of the source");
    assertTrue(info.function("missing").isEmpty());
    assertTrue(info.struct("missing").isEmpty());
  }

  @TestFactory
  List<DynamicTest> kindsSeeThroughTypedefsAndQualifiers() {
    return forEachCompiler(options -> {
      DebugInfo info = DebugInfo.read(library(options));
      assertEquals(
          List.of(
              "SIGNED 1",
              "UNSIGNED 1",
              "SIGNED 2",
              "UNSIGNED 2",
              "SIGNED 8",
              "UNSIGNED 8",
              "SIGNED 8",
              "FLOAT 4",
              "FLOAT 8"),
          kinds(info, "numbers"));
      assertEquals(List.of("BOOL 1", "POINTER 8", "ENUM 4", "CHAR 1"), kinds(info, "aliases"));
      CFunction aliases = info.function("aliases").orElseThrow();
      assertEquals(CType.Kind.SIGNED, aliases.result().kind());
      assertEquals("int8", aliases.result().spelling());
      assertEquals(CType.Kind.VOID, info.function("nothing").orElseThrow().result().kind());

      CType callback = info.function("rows").orElseThrow().parameters().get(2).type();
      CType pointee = callback.target().orElseThrow();
      assertEquals(CType.Kind.FUNCTION, pointee.kind());
      assertEquals("void (*)(void *)", callback.spelling());
      assertEquals(CType.Kind.VOID, pointee.target().orElseThrow().kind());

      CType table = info.function("rows").orElseThrow().parameters().get(0).type();
      assertEquals(16, table.target().orElseThrow().size());
      CType values = member(info.struct("node").orElseThrow(), "values");
      assertEquals("int values[3][4]", values.declare("values"));
      assertEquals("int row[4]", values.target().orElseThrow().declare("row"));
      assertEquals(48, values.size());
    });
  }

  private static List<String> kinds(DebugInfo info, String function) {
    return info.function(function).orElseThrow().parameters().stream()
        .map(parameter -> parameter.type().kind() + " " + parameter.type().size())
        .toList();
  }

  @TestFactory
  List<DynamicTest> structsThatReferToThemselvesEnd() {
    return forEachCompiler(options -> {
      DebugInfo info = DebugInfo.read(library(options));
      CStruct node = info.struct("node").orElseThrow();
      assertEquals(node.layout(), info.struct("struct node").orElseThrow().layout());
      assertEquals(node.layout(), info.struct("node_t").orElseThrow().layout());
      CType next = member(node, "next");
      for (int i = 0; i < 1000; i++) {
        CStruct again = next.target().flatMap(CType::struct).orElseThrow();
        next = member(again, "next");
      }
      assertEquals("struct node *", next.spelling());
      assertEquals("untagged", info.struct("untagged").orElseThrow().name());

      StructLayout layout = node.layout();
      assertEquals("node", layout.name().orElseThrow());
      assertEquals(4, layout.memberLayouts().stream().filter(p -> p.name().isPresent()).count());
      CStruct both = info.struct("both").orElseThrow();
      assertTrue(both.union());
      assertThrows(IllegalStateException.class, both::layout);
    });
  }

  // What compilers do to functions

  @TestFactory
  List<DynamicTest> inlinedFunctionsKeepTheirPrototype() {
    return forEachCompiler(options -> {
      String source =
          """
          int shared(int value, long step) { return value + (int) step; }
          static inline int gone(char c) { return c + 1; }
          int user(int a) { return shared(a, 2) + shared(a, 3) + gone((char) a); }
          """;
      Path file = folder.resolve("inlined.so");
      compile(options, source, file, "-fPIC", "-shared");
      DebugInfo info = DebugInfo.read(file);
      CFunction shared = info.function("shared").orElseThrow();
      assertEquals("int shared(int value, long step)", shared.toString());
      assertEquals(1, shared.line());
      assertTrue(shared.external());
      CFunction gone = info.function("gone").orElseThrow();
      assertEquals("int gone(char c)", gone.toString());
      assertFalse(gone.external());
      List<String> defined = info.functions().stream().map(CFunction::name).toList();
      assertEquals(
          options.contains("-O0") ? List.of("shared", "gone", "user") : List.of("shared", "user"),
          defined);
    });
  }

  @TestFactory
  List<DynamicTest> unprototypedFunctionsAndLineDirectives() {
    return forEachCompiler(options -> {
      String source =
          """
          int old(a) int a; { return a; }
          #line 41 "mine"
          int renamed(void) { return 1; }
          """;
      Path file = folder.resolve("old.so");
      compile(options, source, file, "-fPIC", "-shared", "-w");
      DebugInfo info = DebugInfo.read(file);
      assertFalse(info.function("old").orElseThrow().prototyped());
      CFunction renamed = info.function("renamed").orElseThrow();
      assertEquals("mine:41", renamed.place());
      assertTrue(renamed.prototyped());
    });
  }

  @TestFactory
  List<DynamicTest> structsCompletedInAnotherUnit() {
    return forEachCompiler(options -> {
      Path other =
          Files.writeString(
              folder.resolve("other.c"),
              """
              struct hidden { int secret; };
              int open(struct hidden *h) { return h->secret; }
              """);
      Path file = folder.resolve("two.so");
      String source = "struct hidden; int peek(struct hidden *h) { return h != 0; }\n";
      compile(options, source, file, "-fPIC", "-shared", other.toString());
      DebugInfo info = DebugInfo.read(file);
      assertEquals(2, info.functions().size());
      CType pointer = info.function("peek").orElseThrow().parameters().get(0).type();
      CStruct hidden = pointer.target().flatMap(CType::struct).orElseThrow();
      assertEquals("secret", hidden.members().get(0).name());
      assertEquals(4, pointer.target().orElseThrow().size());
    });
  }

  @Test
  void structsWithoutABodyAreNotThere() throws Exception {
    String source = "struct hidden; int peek(struct hidden *h) { return h != 0; }\n";
    Path file = folder.resolve("opaque.so");
    compile(List.of(Programs.anyCompiler(), "-gdwarf-4"), source, file, "-fPIC", "-shared");
    DebugInfo info = DebugInfo.read(file);
    assertTrue(info.struct("hidden").isEmpty());
    CType hidden = info.function("peek").orElseThrow().parameters().get(0).type().target().get();
    assertEquals("struct hidden", hidden.spelling());
    assertEquals(0, hidden.size());
    assertTrue(hidden.struct().isEmpty());
    assertThrows(IllegalStateException.class, () -> hidden.layout(Long.MAX_VALUE, 0, 0));
  }

  // What the debug information may look like

  @TestFactory
  List<DynamicTest> unusualWaysToWriteDwarf() {
    List<DynamicTest> tests = new ArrayList<>();
    for (String compiler : List.of("gcc", "clang")) {
      for (List<String> options :
          List.of(
              List.of("-gdwarf-4", "-gstrict-dwarf"),
              List.of("-gdwarf-4", "-gz=zlib"),
              List.of("-gdwarf-4", "-g3"),
              List.of("-gdwarf-4", "-masm=intel"))) {
        String name = compiler + " " + String.join(" ", options);
        tests.add(
            dynamicTest(
                name,
                () -> {
                  Programs.assumeHas(compiler);
                  assumeTrue(
                      accepts(compiler, options), compiler + " here does not know " + options);
                  List<String> all = new ArrayList<>(List.of(compiler));
                  all.addAll(options);
                  DebugInfo info = DebugInfo.read(library(all));
                  assertEquals(
                      "int add(int a, int b)", info.function("add").orElseThrow().toString());
                  assertEquals("functions.c", info.function("add").orElseThrow().file());
                  assertTrue(info.function("many").orElseThrow().variadic());
                  checkPrototypes(info);
                  assertEquals(72, info.struct("node").orElseThrow().layout().byteSize());
                }));
      }
    }
    return tests;
  }

  /** A library that was linked in may come from a compiler that was told otherwise. */
  @TestFactory
  List<DynamicTest> unitsOfOtherVersionsAreSteppedOver() {
    return forEachCompiler(options -> {
      for (String version : List.of("-gdwarf-3", "-gdwarf-5")) {
        String compiler = options.getFirst();
        Path other = Files.writeString(folder.resolve("other.c"), "int other(void) { return 1; }");
        Path object = folder.resolve("other.o");
        Programs.run(
            List.of(compiler, version, "-fPIC", "-c", other.toString(), "-o", object.toString()));
        DebugInfo info = DebugInfo.read(library(options, object.toString()));
        assertTrue(info.function("other").isEmpty(), version);
        checkPrototypes(info);
      }
    });
  }

  @Test
  void filesWithoutDebugInformationSayNothing() throws Exception {
    Path file = library(List.of(Programs.anyCompiler(), "-g0"));
    DebugInfo info = DebugInfo.read(file);
    assertTrue(info.functions().isEmpty());
    assertTrue(info.function("add").isEmpty());
    assertTrue(info.struct("node").isEmpty());
  }

  @Test
  void otherFilesAreRefusedInOneSentence() throws Exception {
    Path text = Files.writeString(folder.resolve("text.so"), "not a library");
    assertEquals(
        "text.so is neither a 64-bit ELF or Mach-O file nor a PE file of Windows.",
        assertThrows(IOException.class, () -> DebugInfo.read(text)).getMessage());
    Path empty = Files.write(folder.resolve("empty.so"), new byte[0]);
    assertThrows(IOException.class, () -> DebugInfo.read(empty));
    assertThrows(IOException.class, () -> DebugInfo.read(folder.resolve("missing.so")));
    assumeTrue(Programs.isLinux(), "ELF objects come from compilers for Linux");
    Path object = folder.resolve("object.o");
    compile(List.of(Programs.anyCompiler(), "-g"), "int f(void) { return 1; }\n", object, "-c");
    assertEquals(
        "object.o is an object file: link it first, its DWARF is relocatable.",
        assertThrows(IOException.class, () -> DebugInfo.read(object)).getMessage());
  }

  // Other machines

  @TestFactory
  List<DynamicTest> crossCompiledLibraries() {
    List<DynamicTest> tests = new ArrayList<>();
    String compiler = "aarch64-linux-gnu-gcc";
    for (String level : List.of("-O0", "-O2")) {
      tests.add(
          dynamicTest(
              compiler + " " + level,
              () -> {
                Programs.assumeHas(compiler);
                DebugInfo info = DebugInfo.read(library(List.of(compiler, "-gdwarf-4", level)));
                checkPrototypes(info);
                assertEquals(
                    List.of("BOOL 1", "POINTER 8", "ENUM 4", "CHAR 1"), kinds(info, "aliases"));
                assertEquals(72, info.struct("node").orElseThrow().layout().byteSize());
              }));
    }
    return tests;
  }

  @TestFactory
  List<DynamicTest> machObjects() {
    List<DynamicTest> tests = new ArrayList<>();
    for (String target : List.of("arm64-apple-macos11", "x86_64-apple-macos11")) {
      tests.add(
          dynamicTest(
              target,
              () -> {
                Programs.assumeHas("clang");
                List<String> options = List.of("clang", "-target", target, "-gdwarf-4", "-O1");
                assumeTrue(
                    accepts("clang", options.subList(1, 3)), "clang here knows no " + target);
                Path object = folder.resolve("functions.o");
                compile(options, STRUCTS + FUNCTIONS, object, "-c");
                DebugInfo info = DebugInfo.read(object);
                checkPrototypes(info);
                assertEquals(72, info.struct("node").orElseThrow().layout().byteSize());
                assertEquals(64, info.struct("wide").orElseThrow().layout().byteSize());
              }));
    }
    return tests;
  }

  // Damage

  @TestFactory
  List<DynamicTest> truncatedFilesGiveAnErrorOrNothing() {
    return forSomeCompilers(options -> {
      byte[] whole = Files.readAllBytes(library(options));
      for (int length = 0; length < whole.length; length += 97) {
        survives(Arrays.copyOf(whole, length), "truncated to " + length);
      }
    });
  }

  @TestFactory
  List<DynamicTest> damagedFilesGiveAnErrorOrSomething() {
    return forSomeCompilers(options -> {
      byte[] whole = Files.readAllBytes(library(options, "-nostdlib", "-Wl,-N"));
      Random random = new Random(20250101);
      int readable = 0;
      for (int round = 0; round < 1000; round++) {
        byte[] damaged = whole.clone();
        for (int flips = 1 + random.nextInt(8); flips > 0; flips--) {
          damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
        }
        readable += survives(damaged, "round " + round) ? 1 : 0;
      }
      assertTrue(readable > 10 && readable < 1000, readable + " of 1000 could be read");
    });
  }

  @Test
  void damagedMachObjectsGiveAnErrorOrSomething() throws Exception {
    Programs.assumeHas("clang");
    List<String> options = List.of("clang", "-target", "arm64-apple-macos11", "-gdwarf-4", "-O1");
    assumeTrue(accepts("clang", options.subList(1, 3)), "clang here knows no " + options.get(2));
    Path object = folder.resolve("functions.o");
    compile(options, STRUCTS + FUNCTIONS, object, "-c");
    byte[] whole = Files.readAllBytes(object);
    assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> {
          for (int length = 0; length < whole.length; length += 97) {
            survives(Arrays.copyOf(whole, length), "truncated to " + length);
          }
          Random random = new Random(20250101);
          for (int round = 0; round < 1000; round++) {
            byte[] damaged = whole.clone();
            damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
            survives(damaged, "round " + round);
          }
        });
  }

  @TestFactory
  List<DynamicTest> assemblyIsKnownByTheDeclarationThatACallerUsed() {
    return forEachCompiler(options -> {
      if (options.contains("-O0")) {
        return; // compilers describe what is called only when they optimise
      }
      String source =
          """
          __asm__(".pushsection .text\\n.globl leap\\n.hidden leap\\nleap: ret\\n.popsection");
          void leap(long *from, const long *to);
          void use(long *a, long *b) { leap(a, b); *a = 0; }
          """;
      Path file = folder.resolve("assembly.so");
      compile(options, source, file, "-fPIC", "-shared");
      DebugInfo info = DebugInfo.read(file);
      CFunction leap = info.function("leap").orElseThrow();
      // A declaration's parameters have no names in DWARF.
      assertEquals("void leap(long *, const long *)", leap.toString());
      assertEquals(List.of("use"), info.functions().stream().map(CFunction::name).toList());
    });
  }

  private static List<DynamicTest> forSomeCompilers(ThrowingConsumer<List<String>> test) {
    return forEachCompiler(options ->
            assertTimeoutPreemptively(Duration.ofSeconds(60), () -> test.accept(options)))
        .stream()
        .filter(one ->
            Set.of("gcc -gdwarf-4 -O0", "gcc -gdwarf-4 -O2", "clang -gdwarf-4 -O2")
                .contains(one.getDisplayName()))
        .toList();
  }

  /** Asks everything there is to ask; whether there was an answer. */
  private boolean survives(byte[] bytes, String what) throws IOException {
    Path file = Files.write(folder.resolve("damaged.so"), bytes);
    DebugInfo info;
    try {
      info = DebugInfo.read(file);
    } catch (IOException e) {
      assertTrue(e.getMessage().endsWith("."), what + ": " + e.getMessage());
      return false;
    }
    for (CFunction function : info.functions()) {
      assertTrue(function.toString().contains(function.name()), what);
      function.parameters().forEach(parameter -> exercise(parameter.type()));
    }
    for (CStruct struct :
        MEMBERS.keySet().stream().flatMap(s -> info.struct(s).stream()).toList()) {
      struct.members().forEach(member -> exercise(member.type()));
      try {
        group(struct);
      } catch (IllegalStateException e) {
        assertFalse(e.getMessage().isEmpty(), what);
      }
    }
    return !info.functions().isEmpty();
  }

  private static void exercise(CType type) {
    assertNotNull(type.spelling());
    assertTrue(type.size() >= 0);
    type.target().ifPresent(target -> assertNotNull(target.spelling()));
    type.struct().ifPresent(struct -> assertNotNull(struct.members()));
    try {
      assertNotNull(type.layout(Long.MAX_VALUE, 0, 0));
    } catch (IllegalStateException e) {
      assertFalse(e.getMessage().isEmpty());
    }
  }

  // Running compilers

  private static List<DynamicTest> forEachCompiler(ThrowingConsumer<List<String>> test) {
    List<DynamicTest> tests = new ArrayList<>();
    for (String compiler : List.of("gcc", "clang")) {
      for (String level : List.of("-O0", "-O2")) {
        List<String> options = List.of(compiler, "-gdwarf-4", level);
        tests.add(
            dynamicTest(
                String.join(" ", options),
                () -> {
                  assumeTrue(Programs.isLinux(), "a linked library holds DWARF only on Linux");
                  Programs.assumeHas(compiler);
                  test.accept(options);
                }));
      }
    }
    return tests;
  }

  private Path library(List<String> options, String... more) throws Exception {
    Path file = folder.resolve("functions.so");
    List<String> all = new ArrayList<>(List.of("-fPIC", "-shared"));
    all.addAll(List.of(more));
    compile(options, STRUCTS + FUNCTIONS, file, all.toArray(String[]::new));
    return file;
  }

  /** Compiles {@code functions.c} of this text; the compiler runs in its folder. */
  private void compile(List<String> options, String source, Path output, String... more)
      throws Exception {
    Files.writeString(folder.resolve("functions.c"), source);
    List<String> command = new ArrayList<>(options);
    command.addAll(List.of("-std=gnu17", "functions.c", "-o", output.toString()));
    command.addAll(List.of(more));
    Programs.run(command, folder);
  }

  private boolean accepts(String compiler, List<String> options) throws Exception {
    Path source = Files.writeString(folder.resolve("probe.c"), "int f(void) { return 1; }\n");
    List<String> command = new ArrayList<>(List.of(compiler));
    command.addAll(options);
    command.addAll(List.of("-Werror", "-c", source.toString(), "-o", source + ".o"));
    return Programs.start(command, folder).waitFor() == 0;
  }
}
