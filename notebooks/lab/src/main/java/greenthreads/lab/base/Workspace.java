package greenthreads.lab.base;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * Where the project and its generated files lie.
 *
 * @param root the project's folder: it holds {@code native/} and {@code notebooks/}
 * @param build the folder for everything generated; ours alone
 */
public record Workspace(Path root, Path build) {
  /** What the folders of the build are made with. */
  static final FileAttribute<?> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private static final String MARKER = "native/arch/arch.h";

  /**
   * Finds the project from the environment that the kernelspec sets, else from the working
   * directory upwards.
   *
   * @throws LabException if this process runs outside the project
   */
  public static Workspace find() {
    Path root = rootFrom(System.getenv("GREEN_THREADS_HOME"), Path.of(""));
    String build = System.getenv("GREEN_THREADS_BUILD");
    return new Workspace(
        root, build == null || build.isBlank() ? root.resolve(".build") : Path.of(build));
  }

  public static Path rootFrom(String home, Path workingDirectory) {
    if (home != null && !home.isBlank() && Files.exists(Path.of(home).resolve(MARKER))) {
      return Path.of(home).toAbsolutePath().normalize();
    }
    Path start = workingDirectory.toAbsolutePath().normalize();
    for (Path folder = start; folder != null; folder = folder.getParent()) {
      if (Files.exists(folder.resolve(MARKER))) {
        return folder;
      }
    }
    throw new LabException(
        "The project was not found: no "
            + MARKER
            + " in "
            + start
            + " or above it.\nOpen the notebook from the project's own notebooks folder,"
            + " or start it with ./build.sh.");
  }

  public Path sources() {
    return root.resolve("native");
  }

  /**
   * A folder of the build, made on demand and readable by its owner only.
   *
   * @throws LabException if it cannot be made, with the reason the system gives
   */
  public Path folder(String name) {
    Path folder = build.resolve(name);
    try {
      if (!Files.isDirectory(folder)) {
        Files.createDirectories(folder.getParent());
        Files.createDirectories(folder, OWNER_ONLY);
      }
      return folder;
    } catch (IOException e) {
      throw new LabException(
          "The folder for generated files, "
              + folder
              + ", cannot be made: "
              + Words.reason(e)
              + ".\nMake it writable, or set GREEN_THREADS_BUILD to a folder of your own and"
              + " restart the kernel.",
          e);
    }
  }
}
