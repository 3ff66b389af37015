package greenthreads.lab.kernel;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The archive of parsed classes that the kernel starts from in half the time.
 *
 * <p>Java writes it when a kernel ends. One that is killed meanwhile leaves a part of it, which
 * Java neither uses nor writes anew: from then on each kernel would start slowly.
 */
final class ClassArchive {
  private static final String OPTION = "-XX:SharedArchiveFile=";

  private ClassArchive() {}

  /** Deletes the archive if this Java could not use it, so that another is made. */
  static void deleteIfUnusable() throws IOException {
    if (System.getProperty("java.vm.info", "").contains("sharing")) {
      return;
    }
    Optional<Path> archive = among(ManagementFactory.getRuntimeMXBean().getInputArguments());
    if (archive.isPresent()) {
      Files.deleteIfExists(archive.get());
    }
  }

  /** The archive that these options of Java name. */
  static Optional<Path> among(List<String> options) {
    return options.stream()
        .filter(option -> option.startsWith(OPTION))
        .map(option -> Path.of(option.substring(OPTION.length())))
        .findFirst();
  }
}
