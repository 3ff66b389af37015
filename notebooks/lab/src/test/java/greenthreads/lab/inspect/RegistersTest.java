package greenthreads.lab.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.binary.CodePlace;
import greenthreads.lab.call.Mapping;
import greenthreads.lab.machine.Abi;
import greenthreads.lab.show.Figure;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class RegistersTest {
  private static final List<Mapping> MEMORY =
      List.of(
          new Mapping(0x1000, 0x3000, "r-xp", 0, "/lib/swap.so"),
          new Mapping(0x7f0000000000L, 0x7f0000010000L, "rw-p", 0, ""),
          new Mapping(0x7f0000100000L, 0x7f0000110000L, "rw-p", 0, "[heap]"));

  /** Registers as they were once recorded, in memory that is described by {@link #MEMORY}. */
  private static Registers recorded(Map<String, Long> others) {
    var values = new LinkedHashMap<String, Long>();
    for (String name : List.of("rax", "rbx", "rcx", "rbp", "rsp", "rip", "rflags")) {
      values.put(name, 0L);
    }
    values.put("rsp", 0x7f0000008000L);
    values.put("rip", 0x1234L + 0x1000);
    values.putAll(others);
    var meanings =
        new WordMeanings(
            MEMORY,
            address ->
                address >= 0x20000 && address < 0x20100
                    ? Optional.of(new CodePlace("hello", address - 0x20000))
                    : Optional.empty(),
            address -> Optional.empty());
    return Registers.of(values, meanings, null);
  }

  private static String line(String text, String register) {
    return text.lines().filter(line -> line.contains(register + " ")).findFirst().orElseThrow();
  }

  @Test
  void valueIsShownAsWhatItIs() {
    String text =
        recorded(
                Map.of(
                    "rax", 42L,
                    "rbx", 0x7f0000008010L,
                    "rcx", 0x7f0000100008L,
                    "rbp", -1L,
                    "rflags", 0x246L))
            .text();
    assertEquals("  rax     000000000000002a  the number 42", line(text, "rax"));
    assertTrue(line(text, "rbx").endsWith("this stack, rsp + 16"), text);
    assertTrue(line(text, "rcx").endsWith("an address in the heap"), text);
    assertTrue(line(text, "rbp").endsWith("the number -1"), text);
    assertTrue(line(text, "rflags").endsWith("ZF PF set"), text);
  }

  @Test
  void groupsSayWhoKeepsAValue() {
    List<String> lines = recorded(Map.of()).text().lines().toList();
    int caller = lines.indexOf("caller-saved: a called function may overwrite them");
    int callee = lines.indexOf("callee-saved: a called function gives them back as they were");
    assertTrue(caller >= 0 && callee > caller, lines.toString());
    assertTrue(lines.subList(caller, callee).toString().contains("rcx"));
    assertTrue(lines.subList(callee, lines.size()).toString().contains("rbx"));
  }

  @Test
  void changesAreMarkedInWordsAsWellAsInColour() {
    Figure figure = recorded(Map.of("rbx", 1L)).to(recorded(Map.of("rbx", 2L)));
    assertTrue(line(figure.text(), "rbx").startsWith("* rbx"), figure.text());
    assertTrue(line(figure.text(), "rbx").contains("-> 0000000000000002"), figure.text());
    assertTrue(line(figure.text(), "rax").contains("the same"), figure.text());
    assertTrue(figure.alt().endsWith("1 changed."), figure.alt());
    assertTrue(figure.html().contains("● changed, though callee-saved"));
    assertEquals(1, figure.html().split("<div class=\"gt-card[^\"]*gt-changed", -1).length - 1);
  }

  @Test
  void unknownRegisterIsNamed() {
    String message =
        assertThrows(NoSuchElementException.class, () -> recorded(Map.of()).get("x9")).getMessage();
    assertTrue(message.contains("`x9`"), message);
  }

  @Test
  void partsAreNestedAndChangedBytesCounted() {
    String name = Platform.IS_X86_64 ? "rax" : "x0";
    Figure figure = Registers.parts(name, 0x1111111111111111L, 0x11111111_11112211L);
    assertTrue(figure.caption().contains("1 byte changed"), figure.caption());
    if (Platform.IS_X86_64) {
      assertTrue(
          figure.text().lines().anyMatch(l -> l.matches("ah +15 to 8 +11 +22")), figure.text());
      assertTrue(
          figure.text().lines().anyMatch(l -> l.matches("al +7 to 0 +11 +11")), figure.text());
    }
    assertThrows(LabException.class, () -> Registers.parts("<b>", 0));
  }

  /** What the pictures say of the callee-saved registers is what native/arch/ says. */
  @Test
  void calleeSavedAreThoseOfTheNativeCode() throws Exception {
    Path arch =
        Workspace.rootFrom(System.getenv("GREEN_THREADS_HOME"), Path.of("")).resolve("native/arch");
    for (Map.Entry<String, Abi> each :
        Map.of("x86_64-sysv", Abi.X86_64, "aarch64", Abi.AARCH64).entrySet()) {
      var saved =
          Pattern.compile("#define CALLEE_SAVED \"(.*)\"")
              .matcher(Files.readString(arch.resolve(each.getKey() + "/machine.h")));
      assertTrue(saved.find());
      assertEquals(Set.of(saved.group(1).split(" ")), each.getValue().calleeSaved());
    }
  }

  @Test
  void namesFromOutsideAreEscaped() {
    WordMeanings evil =
        new WordMeanings(
            List.of(), a -> Optional.of(new CodePlace("<script>", 0)), a -> Optional.empty());
    Figure figure = Registers.of(Map.of("rip", 1L << 40, "rsp", 1L << 45), evil, null).figure();
    assertFalse(figure.html().contains("<script>"), figure.html());
    assertTrue(figure.text().contains("<script>"));
  }
}
