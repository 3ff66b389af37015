package greenthreads.lab.machine;

import static java.util.stream.Collectors.joining;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/** A kind of machine that the chapters' C is written for: an architecture and a system. */
public enum Target {
  X86_64_LINUX("x86-64, Linux", "x86_64-sysv", "__x86_64__ __linux__ __ELF__ MAP_STACK"),
  AARCH64_LINUX("AArch64, Linux", "aarch64", "__aarch64__ __linux__ __ELF__ MAP_STACK"),
  X86_64_MACOS("x86-64, macOS", "x86_64-sysv", "__x86_64__ __APPLE__"),
  AARCH64_MACOS("AArch64, macOS", "aarch64", "__aarch64__ __APPLE__"),
  RISCV64_LINUX(
      "RISC-V 64, Linux",
      "riscv64",
      "__riscv __riscv_xlen=64 __riscv_float_abi_double __linux__ __ELF__ MAP_STACK"),
  X86_64_WINDOWS("x86-64, Windows", "x86_64-windows", "__x86_64__ _WIN32 MAP_STACK");

  /** What a reader calls it: {@code AArch64, macOS}. */
  public final String title;

  /** The folder of {@code native/} that is its own: {@code arch/aarch64}. */
  public final String folder;

  private final String defined;

  Target(String title, String folder, String defined) {
    this.title = title;
    this.folder = "arch/" + folder;
    this.defined = defined;
  }

  /** This machine. */
  public static Target here() {
    if (Platform.IS_MAC) {
      return Platform.IS_X86_64 ? X86_64_MACOS : AARCH64_MACOS;
    }
    return switch (Platform.ARCHITECTURE) {
      case "x86-64" -> X86_64_LINUX;
      case "riscv64" -> RISCV64_LINUX;
      default -> AARCH64_LINUX;
    };
  }

  /**
   * The one of this title, letters' case and commas apart.
   *
   * @throws LabException if there is none, naming those that are
   */
  public static Target of(String title) {
    for (Target target : values()) {
      if (plainly(target.title).equals(plainly(title))) {
        return target;
      }
    }
    String known = Stream.of(values()).map(target -> target.title).collect(joining("; "));
    throw new LabException("No plain edition is made for " + title + ".\nThere are: " + known);
  }

  private static String plainly(String title) {
    return title.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", " ").strip();
  }

  public boolean isMac() {
    return this == X86_64_MACOS || this == AARCH64_MACOS;
  }

  public boolean isWindows() {
    return this == X86_64_WINDOWS;
  }

  public boolean isX86() {
    return folder.startsWith("arch/x86_64");
  }

  /** The macros by which a C source knows this machine, as its compilers define them. */
  public Map<String, String> macros() {
    var macros = new LinkedHashMap<String, String>();
    for (String definition : defined.split(" ")) {
      String[] words = definition.split("=");
      macros.put(words[0], words.length > 1 ? words[1] : "1");
    }
    macros.put("__USER_LABEL_PREFIX__", isMac() ? "_" : "");
    return macros;
  }
}
