package greenthreads.lab.isolate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.compile.Keeper;
import greenthreads.lab.compile.Toolchain;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class JavaProgramTest {
  private static final String LOG =
      """
      #
      # A fatal error has been detected by the Java Runtime Environment:
      #
      #  SIGSEGV (0xb) at pc=0x00007f916a43bbe3, pid=882, tid=886
      #
      # JRE version: OpenJDK Runtime Environment (25.0.3+9) (build 25.0.3+9-LTS)
      # Problematic frame:
      # V  [libjvm.so+0xa3bbe3]  JavaThread::oops_do_frames(OopClosure*, NMethodClosure*) [clone .part.0]+0x413
      #

      Current thread (0x00007f91640626f0):  VMThread "VM Thread"          [id=886, stack(0x1,0x2) (1024K)]

      Java frames: (J=compiled Java code, j=interpreted, Vv=VM code)
      j  JavaFrames.keep(J)J+29
      v  ~UpcallStub::upcall_stub 0x00007fa6108200e6

      [error occurred during error reporting (printing Java stack), id 0xb]

      VM_Operation (0x00007f91593fdd90): SerialCollectForAllocation, mode: safepoint, requested by thread 0x0
      """;

  @TempDir Path folder;

  private JavaProgram program(String text) throws IOException {
    return program(text, Duration.ofSeconds(60));
  }

  private JavaProgram program(String text, Duration limit) throws IOException {
    Path root = folder.resolve("project with space é");
    Files.createDirectories(root.resolve("notebooks"));
    Files.writeString(root.resolve("notebooks/Small.java"), text);
    var workspace = new Workspace(root, root.resolve(".build"));
    var keeper = new Keeper(Toolchain.find(System.getenv()).command(), workspace);
    return new JavaProgram("Small", Path.of("none"), workspace, keeper, limit);
  }

  private static String printing(String statement) {
    return """
    import java.nio.file.*;

    public class Small {
        /** What it does. */
        static void body(String[] words) throws Exception {
            %s
        }

        public static void main(String[] words) throws Exception {
            body(words);
        }
    }
    """
        .formatted(statement);
  }

  private void assertNothingIsLeft() throws IOException {
    Path runs = folder.resolve("project with space é/.build/jvm");
    try (var files = Files.list(runs)) {
      assertEquals(List.of(), files.toList());
    }
  }

  @Test
  void tellsHowItEndedAndWhatItCounted() throws IOException {
    var counts =
        "Files.write(Path.of(words[1]), java.nio.ByteBuffer.allocate(32)"
            + ".order(java.nio.ByteOrder.nativeOrder()).putLong(7).putLong(-1).array());";
    JvmEnd end =
        program(printing(counts + "System.out.print(words[2] + words[3] + \"\\ncame home\\n\");"))
            .run("Serial", "é", 5);
    assertEquals("é5\ncame home\n", end.printed());
    assertTrue(end.cameHome());
    assertEquals(List.of(7L, -1L, 0L, 0L), end.counts());
    assertEquals(Optional.empty(), end.crash());
    assertEquals("nothing: it came home", end.endedBy());
    assertNothingIsLeft();
  }

  @Test
  void whoDoesNotComeHomeHasNot() throws IOException {
    assertEquals("the program", program(printing("")).run("Serial").endedBy());
    assertEquals("exit status 5", program(printing("System.exit(5);")).run("Serial").endedBy());
    assertFalse(
        program(printing("System.out.println(\"came home\"); System.exit(5);"))
            .run("Serial")
            .cameHome());
    JvmEnd full =
        program(
                printing(
                    "var all = new java.util.ArrayList<int[]>(); while (true) all.add(new int[1 << 20]);"))
            .run("Serial");
    assertFalse(full.cameHome());
  }

  @Test
  void endsWhatTakesTooLong() throws IOException {
    JvmEnd end =
        program(printing("while (true) Thread.sleep(1000);"), Duration.ofSeconds(3)).run("Serial");
    assertTrue(end.tookTooLong());
    assertFalse(end.cameHome());
    assertEquals("its time limit", end.endedBy());
    assertNothingIsLeft();
  }

  @Test
  void deletesWhatAKilledKernelHasLeft() throws IOException {
    JavaProgram program = program(printing(""));
    Path runs = folder.resolve("project with space é/.build/jvm");
    Path old = Files.createDirectories(runs.resolve("run-1"));
    Path young = Files.createDirectories(runs.resolve("run-2"));
    Files.writeString(old.resolve("counts"), "");
    Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofHours(1))));
    program.run("Serial");
    assertFalse(Files.exists(old));
    assertTrue(Files.exists(young), "it may be another kernel's");
  }

  @Test
  void saysWhatIsWrong() throws IOException {
    var wrong =
        assertThrows(CompileError.class, () -> program(printing("int i = \"\";")).run("Serial"));
    assertTrue(
        wrong.getMessage().contains("Small.java:6: error: incompatible types"), wrong.getMessage());
    JavaProgram right = program(printing(""));
    assertTrue(
        assertThrows(LabException.class, () -> right.run("Shiny"))
            .getMessage()
            .contains("it has: "));
    assertThrows(LabException.class, () -> right.source("nothing"));
    assertEquals(
        "/** What it does. */\nstatic void body(String[] words) throws Exception {\n    \n}",
        right.source("body").code().replaceAll("(?m)^ +$", "    "));
    Files.delete(folder.resolve("project with space é/notebooks/Small.java"));
    assertTrue(
        assertThrows(LabException.class, () -> right.run("Serial"))
            .getMessage()
            .contains("no program `Small`"));
  }

  @Test
  void asksTheJdkForItsCollectors() throws IOException {
    List<String> collectors = program(printing("")).collectors();
    assertTrue(collectors.contains("Serial"), collectors.toString());
    for (String each : collectors) {
      assertTrue(each.matches("[A-Z][A-Za-z0-9]*"), each);
    }
  }

  @Test
  void readsAJvmsLog() {
    JvmCrash crash = JvmCrash.read(LOG).orElseThrow();
    assertEquals("SIGSEGV", crash.error());
    assertEquals("JavaThread::oops_do_frames", crash.frame());
    assertEquals("VMThread \"VM Thread\"", crash.thread());
    assertEquals("SerialCollectForAllocation", crash.operation());
    assertEquals(2, crash.javaFrames().size());
    assertTrue(crash.walkFailed());
    assertTrue(crash.figure().text().contains("2, then it crashed again"));
  }

  @Test
  void readsWhatTheJvmHoldsForImpossible() {
    String log =
        LOG.replace(
            "#  SIGSEGV (0xb) at pc=0x00007f916a43bbe3, pid=882, tid=886",
            "#  Internal Error (oopMap.cpp:710), pid=1, tid=2\n#  guarantee(last != nullptr) failed: last");
    assertEquals(
        "guarantee(last != nullptr) failed: last", JvmCrash.read(log).orElseThrow().error());
    String plain =
        log.replace("#  guarantee(last != nullptr) failed: last", "#  Error: ShouldNotReachHere()");
    assertEquals("ShouldNotReachHere()", JvmCrash.read(plain).orElseThrow().error());
    String quiet = LOG.substring(0, LOG.indexOf("Java frames"));
    JvmCrash early = JvmCrash.read(quiet).orElseThrow();
    assertEquals(List.of(), early.javaFrames());
    assertEquals("", early.operation());
    assertEquals(Optional.empty(), JvmCrash.read("something else"));
  }

  @Test
  void readsAWalkThatWentInACircle() {
    String frame = "J 12 c2 JavaFrames.keep(J)J (63 bytes) @ 0x1 [0x1+0x1]";
    String log = LOG.replaceFirst("(?m)^(Java frames: .*)$", "$1" + ("\n" + frame).repeat(200_000));
    JvmCrash crash = JvmCrash.read(log).orElseThrow();
    assertEquals(
        200_000 + JvmCrash.read(LOG).orElseThrow().javaFrames().size(), crash.javaFrames().size());
    assertTrue(crash.walkFailed());
  }

  @Test
  void shortensNamesOfFunctions() {
    String before =
        "JavaThread::oops_do_frames(OopClosure*, NMethodClosure*) [clone .part.0]+0x413";
    for (var name :
        List.of(
            List.of(
                "oopDesc* PSPromotionManager::copy<(bool)0, A<B>>(oopDesc*)+0x8",
                "PSPromotionManager::copy"),
            List.of(
                "void G1FullGCMarker::mark<oopDesc*>(oopDesc**) [clone .isra.0]+0x66",
                "G1FullGCMarker::mark"))) {
      assertEquals(
          name.get(1), JvmCrash.read(LOG.replace(before, name.get(0))).orElseThrow().frame());
    }
  }
}
