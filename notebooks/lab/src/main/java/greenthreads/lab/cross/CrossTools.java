package greenthreads.lab.cross;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.base.Program;
import greenthreads.lab.compile.Toolchain;
import greenthreads.lab.machine.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * What this machine has for programs of another one: a compiler that makes them, an emulator that
 * runs them.
 *
 * @param compiler the compiler, if there is one
 * @param runner the words before a program's name; empty if it runs by itself
 * @param canRun whether its programs run here at all
 * @param missing what to install, a sentence or two; empty if nothing is missing
 */
record CrossTools(
    Optional<Toolchain> compiler, List<String> runner, boolean canRun, String missing) {
  /**
   * What there is for a machine.
   *
   * @param own finds the compiler of this machine
   * @param environment the words of {@code PATH} are looked through
   */
  static CrossTools of(Target target, Supplier<Toolchain> own, Map<String, String> environment) {
    if (target == Target.here()) {
      try {
        return new CrossTools(Optional.of(own.get()), List.of(), true, "");
      } catch (LabException none) {
        return new CrossTools(Optional.empty(), List.of(), true, none.getMessage());
      }
    }
    if (target.isMac() && Platform.IS_MAC) {
      return ofOtherMac(target, own.get());
    }
    Optional<Toolchain> compiler = first(environment, compilers(target));
    String never = whyItNeverRuns(target);
    Optional<Path> runner =
        never.isEmpty()
            ? runners(target).stream()
                .flatMap(name -> program(environment, name).stream())
                .findFirst()
            : Optional.empty();
    var missing = new ArrayList<String>();
    if (compiler.isEmpty()) {
      missing.add("To compile for it: `./build.sh cross`" + compilerPackages(target) + ".");
    }
    if (runner.isEmpty()) {
      missing.add(never.isEmpty() ? "To run it: " + runnerPackages(target) + "." : never);
    }
    return new CrossTools(
        compiler,
        runner.map(Path::toString).stream().toList(),
        runner.isPresent(),
        String.join(" ", missing));
  }

  /** The commands to look for, the best first. */
  private static List<String> compilers(Target target) {
    return switch (target) {
      case X86_64_LINUX -> List.of("x86_64-linux-gnu-gcc", "zig cc -target x86_64-linux-musl");
      case AARCH64_LINUX -> List.of("aarch64-linux-gnu-gcc", "zig cc -target aarch64-linux-musl");
      case RISCV64_LINUX -> List.of("riscv64-linux-gnu-gcc", "zig cc -target riscv64-linux-musl");
      case X86_64_WINDOWS -> List.of("x86_64-w64-mingw32-gcc", "zig cc -target x86_64-windows-gnu");
      case X86_64_MACOS -> List.of("zig cc -target x86_64-macos");
      case AARCH64_MACOS -> List.of("zig cc -target aarch64-macos");
    };
  }

  private static String compilerPackages(Target target) {
    return switch (target) {
      case X86_64_LINUX, AARCH64_LINUX, RISCV64_LINUX ->
          ", or `sudo apt install gcc-%s-linux-gnu` (Debian, Ubuntu)"
              .formatted(architecture(target).replace('_', '-'));
      case X86_64_WINDOWS ->
          ", or `sudo apt install gcc-mingw-w64-x86-64` (Debian, Ubuntu),"
              + " `sudo dnf install mingw64-gcc` (Fedora), `brew install mingw-w64` (macOS)";
      case X86_64_MACOS, AARCH64_MACOS -> " (Zig), or `conda install -c conda-forge zig`";
    };
  }

  /** The programs that run its programs; Debian's own starter for Wine is in another package. */
  private static List<String> runners(Target target) {
    String emulator = "qemu-" + architecture(target);
    return target.isWindows()
        ? List.of("wine64", "wine", "/usr/lib/wine/wine64")
        : List.of(emulator, emulator + "-static");
  }

  private static String runnerPackages(Target target) {
    return target.isWindows()
        ? "`sudo apt install wine64` (Debian, Ubuntu), `sudo dnf install wine` (Fedora),"
            + " `brew install --cask wine-stable` (macOS)"
        : "`sudo apt install qemu-user` (Debian, Ubuntu), `sudo dnf install qemu-user` (Fedora)";
  }

  /** Why its programs do not run here, whatever is installed; empty if they might. */
  private static String whyItNeverRuns(Target target) {
    if (target.isMac()) {
      return "To run it takes a Mac.";
    }
    if (target.isWindows()) {
      return Platform.IS_X86_64 || Platform.IS_MAC
          ? ""
          : "To run it takes a machine with an x86-64 processor, or a Mac.";
    }
    return Platform.IS_MAC
        ? "To run it takes a Linux system: its emulator does not run on macOS."
        : "";
  }

  /** As compilers and emulators call the processor: {@code x86_64}, {@code riscv64}. */
  private static String architecture(Target target) {
    return target.isX86() ? "x86_64" : target.folder.replace("arch/", "");
  }

  /** A Mac's own compiler knows both processors. */
  private static CrossTools ofOtherMac(Target target, Toolchain here) {
    var words = new ArrayList<>(here.command());
    String architecture = target.isX86() ? "x86_64" : "arm64";
    words.addAll(List.of("-target", architecture + "-apple-macos"));
    List<String> runner = List.of("/usr/bin/arch", "-x86_64");
    boolean runs =
        target.isX86()
            && Program.run(List.of("/usr/bin/arch", "-x86_64", "/usr/bin/true")).exit() == 0;
    return new CrossTools(
        Optional.of(by(here, words)),
        runs ? runner : List.of(),
        runs,
        runs ? "" : "To run it takes a Mac with that processor, or Rosetta for x86-64.");
  }

  private static Optional<Toolchain> first(Map<String, String> environment, List<String> commands) {
    for (String command : commands) {
      List<String> words = new ArrayList<>(List.of(command.split(" ")));
      Optional<Path> program = program(environment, words.getFirst());
      if (program.isPresent()) {
        boolean isZig = words.getFirst().equals("zig");
        words.set(0, program.get().toString());
        var chosen = new HashMap<>(environment);
        chosen.put("CC", words.getFirst() + (isZig ? " cc" : ""));
        return Optional.of(
            KNOWN.computeIfAbsent(
                String.join(" ", words) + "|" + changed(program.get()),
                key -> by(Toolchain.find(chosen), words)));
      }
    }
    return Optional.empty();
  }

  /** What the compilers call themselves: asked once, as long as their files stay as they are. */
  private static final Map<String, Toolchain> KNOWN = new ConcurrentHashMap<>();

  private static String changed(Path program) {
    try {
      return Files.getLastModifiedTime(program).toString();
    } catch (IOException e) {
      return "";
    }
  }

  /** The same compiler with words of ours. */
  private static Toolchain by(Toolchain compiler, List<String> command) {
    String version = compiler.version().replaceFirst("^\\S+ \\(GCC\\) (\\d+).*", "gcc $1");
    return new Toolchain(
        List.copyOf(command),
        compiler.executable(),
        command.getFirst().endsWith("zig") ? "zig's " + version : version,
        compiler.identity() + "|" + String.join(" ", command));
  }

  private static Optional<Path> program(Map<String, String> environment, String name) {
    return Program.find(name, environment.getOrDefault("PATH", ""));
  }
}
