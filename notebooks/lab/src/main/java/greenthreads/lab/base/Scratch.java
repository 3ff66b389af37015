package greenthreads.lab.base;

import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Folders for what is needed for a moment only: where the system has them, or in the build folder
 * where that one is full, read-only or gone.
 */
public final class Scratch {
  /** As much as a small file takes of a disk. */
  private static final byte[] SOMETHING = new byte[4096];

  private Scratch() {}

  /**
   * A new folder, in which there is room for a small file. Whoever asked for it deletes it.
   *
   * @param prefix what its name begins with
   * @throws IOException if there is no such place, with the build folder's reason
   */
  public static Path folder(String prefix) throws IOException {
    return folder(Path.of(System.getProperty("java.io.tmpdir")), prefix);
  }

  static Path folder(Path usual, String prefix) throws IOException {
    try {
      return with(Files.createTempDirectory(usual, prefix));
    } catch (IOException e) {
      return with(Files.createTempDirectory(Workspace.find().folder("tmp"), prefix));
    }
  }

  /** Tries it. An interrupt of this thread is no reason against it: a stream does not mind one. */
  private static Path with(Path folder) throws IOException {
    Path file = folder.resolve("try");
    try (var out = new FileOutputStream(file.toFile())) {
      out.write(SOMETHING);
    } catch (IOException e) {
      Files.deleteIfExists(file);
      Files.delete(folder);
      throw e;
    }
    Files.delete(file);
    return folder;
  }
}
