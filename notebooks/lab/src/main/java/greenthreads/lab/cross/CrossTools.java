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
  /** Where Debian puts Wine; its own starter for it is in another package. */
  private static final String DEBIANS_WINE = "/usr/lib/wine/wine64";

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
    return switch (target) {
      case X86_64_LINUX -> linux(environment, "x86_64", "x86-64-linux-gnu", "x86_64-linux-musl");
      case AARCH64_LINUX ->
          linux(environment, "aarch64", "aarch64-linux-gnu", "aarch64-linux-musl");
      case RISCV64_LINUX ->
          linux(environment, "riscv64", "riscv64-linux-gnu", "riscv64-linux-musl");
      case X86_64_WINDOWS -> windows(environment);
      case X86_64_MACOS -> macOs(own, environment, "x86_64");
      case AARCH64_MACOS -> macOs(own, environment, "aarch64");
    };
  }

  private static CrossTools linux(
      Map<String, String> environment, String architecture, String debian, String zig) {
    Optional<Toolchain> compiler =
        first(environment, List.of(debian.replace("x86-64", "x86_64") + "-gcc"))
            .or(() -> first(environment, List.of("zig cc -target " + zig)));
    var missing = new ArrayList<String>();
    if (compiler.isEmpty()) {
      missing.add(
          "To compile for it: `./build.sh cross`, or `sudo apt install gcc-"
              + debian
              + "` (Debian, Ubuntu).");
    }
    if (Platform.IS_MAC) {
      missing.add("To run it takes a Linux system: its emulator does not run on macOS.");
      return new CrossTools(compiler, List.of(), false, String.join(" ", missing));
    }
    Optional<Path> emulator =
        program(environment, "qemu-" + architecture)
            .or(() -> program(environment, "qemu-" + architecture + "-static"));
    if (emulator.isEmpty()) {
      missing.add(
          "To run it: `sudo apt install qemu-user` (Debian, Ubuntu),"
              + " `sudo dnf install qemu-user` (Fedora).");
    }
    return new CrossTools(
        compiler,
        emulator.map(Path::toString).stream().toList(),
        emulator.isPresent(),
        String.join(" ", missing));
  }

  private static CrossTools windows(Map<String, String> environment) {
    Optional<Toolchain> compiler =
        first(environment, List.of("x86_64-w64-mingw32-gcc", "zig cc -target x86_64-windows-gnu"));
    var missing = new ArrayList<String>();
    if (compiler.isEmpty()) {
      missing.add(
          "To compile for it: `./build.sh cross`, or `sudo apt install gcc-mingw-w64-x86-64`"
              + " (Debian, Ubuntu), `sudo dnf install mingw64-gcc` (Fedora),"
              + " `brew install mingw-w64` (macOS).");
    }
    if (!Platform.IS_X86_64 && !Platform.IS_MAC) {
      missing.add("To run it takes a machine with an x86-64 processor, or a Mac.");
      return new CrossTools(compiler, List.of(), false, String.join(" ", missing));
    }
    Optional<Path> wine =
        program(environment, "wine64")
            .or(() -> program(environment, "wine"))
            .or(() -> program(environment, DEBIANS_WINE));
    if (wine.isEmpty()) {
      missing.add(
          "To run it: `sudo apt install wine64` (Debian, Ubuntu), `sudo dnf install wine`"
              + " (Fedora), `brew install --cask wine-stable` (macOS).");
    }
    return new CrossTools(
        compiler,
        wine.map(Path::toString).stream().toList(),
        wine.isPresent(),
        String.join(" ", missing));
  }

  /** A Mac's own compiler knows both; elsewhere they are made, and run nowhere. */
  private static CrossTools macOs(
      Supplier<Toolchain> own, Map<String, String> environment, String architecture) {
    if (Platform.IS_MAC) {
      Toolchain here = own.get();
      var words = new ArrayList<>(here.command());
      words.addAll(List.of("-target", architecture.replace("aarch64", "arm64") + "-apple-macos"));
      List<String> runner = List.of("/usr/bin/arch", "-x86_64");
      boolean runs =
          architecture.equals("x86_64")
              && Program.run(List.of("/usr/bin/arch", "-x86_64", "/usr/bin/true")).exit() == 0;
      String missing =
          runs ? "" : "To run it takes a Mac with that processor, or Rosetta for x86-64.";
      return new CrossTools(Optional.of(by(here, words)), runs ? runner : List.of(), runs, missing);
    }
    Optional<Toolchain> compiler =
        first(environment, List.of("zig cc -target " + architecture + "-macos"));
    String missing = "To run it takes a Mac.";
    if (compiler.isEmpty()) {
      missing =
          "To compile for it: `./build.sh cross` (Zig), or `conda install -c conda-forge zig`. "
              + missing;
    }
    return new CrossTools(compiler, List.of(), false, missing);
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
