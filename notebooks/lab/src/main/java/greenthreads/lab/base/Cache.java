package greenthreads.lab.base;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;

/**
 * A folder of finished work, shared by all kernels of this user.
 *
 * <p>Its entries are folders, named by what went into them. Each is filled under another name and
 * then renamed, so that another kernel sees all of it or nothing, and carries the checksum of its
 * product: an entry that was damaged is made again.
 *
 * @param folder ours alone; made again if it is deleted
 */
public record Cache(Path folder) {
  private static final String CHECKSUM = "sha256";

  /** How often we try again what others undo meanwhile. */
  private static final int ATTEMPTS = 4;

  /** How gcc, its assembler and linker, clang, javac and the JDK say that a file is not there. */
  private static final Pattern MISSING =
      Pattern.compile("(?i)no such file or directory|file not found|NoSuchFileException");

  /** One lock for each entry: of the threads of this process, one makes it. */
  private static final Map<Path, Lock> MAKING = new ConcurrentHashMap<>();

  /** Does the work. */
  public interface Maker {
    /**
     * @param draft an empty folder to put the product in, and what else shall be kept
     * @throws LabException if the work fails, whoever does it
     */
    void make(Path draft) throws IOException;
  }

  /**
   * A finished entry.
   *
   * @param folder where it lies
   * @param content its product, as it was when its checksum was compared
   * @param checksum of the product
   * @param fresh whether it was made just now
   */
  public record Entry(Path folder, byte[] content, String checksum, boolean fresh) {
    /** Puts the product's file back if it was deleted since, or is another by now. */
    public void restore(String product) throws IOException {
      Path file = folder.resolve(product);
      if (!Files.exists(file) || !Arrays.equals(content, Files.readAllBytes(file))) {
        Files.createDirectories(folder, Workspace.OWNER_ONLY);
        Path whole = Files.write(Files.createTempFile(folder, "whole-", ""), content);
        Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE);
      }
    }
  }

  /**
   * The entry of this name, made if it is not there or not whole.
   *
   * @param name says what went into it
   * @param product the file in it that matters
   * @throws IOException if the folder cannot be used
   * @throws LabException what {@code maker} threw; or if the cell is interrupted while another
   *     thread makes the entry, which goes on
   */
  public Entry get(String name, String product, Maker maker) throws IOException {
    Path entry = folder.resolve(name);
    Lock lock = MAKING.computeIfAbsent(entry, each -> new ReentrantLock());
    try {
      if (!lock.tryLock()) {
        lock.lockInterruptibly(); // whoever needs what is being made just now waits for it
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LabException("Interrupted while `" + product + "` was being made.", e);
    }
    try {
      return get(entry, product, maker);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Others may undo what we do: the cache is deleted while we fill a folder of it; or a kernel that
   * saw a damaged entry takes away the whole one that we have just put in its place, since it
   * looked before and moves after. So we look, and do it again.
   *
   * <p>A folder is deleted file by file. So whoever says that a file is missing may be right at a
   * time when the draft is still there; it is believed when it says so again.
   */
  private Entry get(Path entry, String product, Maker maker) throws IOException {
    Optional<Entry> known = open(entry, product, false);
    String said = "";
    for (int attempt = 0; known.isEmpty() && attempt < ATTEMPTS; attempt++) {
      try {
        make(entry, product, maker);
      } catch (LabException | IOException e) {
        if (!MISSING.matcher(e.toString()).find() || e.toString().equals(said)) {
          throw e;
        }
        said = e.toString();
      }
      known = open(entry, product, true);
    }
    return known.orElseThrow(
        () -> new IOException("it was deleted, each time that it had just been made"));
  }

  /** Makes it, unless its draft is deleted meanwhile. */
  private void make(Path entry, String product, Maker maker) throws IOException {
    Files.createDirectories(folder, Workspace.OWNER_ONLY);
    Path draft = Files.createTempDirectory(folder, "draft-");
    try {
      maker.make(draft);
      Files.writeString(
          draft.resolve(CHECKSUM), digest(Files.readAllBytes(draft.resolve(product))));
      publish(draft, entry, product);
    } catch (LabException | IOException e) {
      if (Files.isDirectory(draft)) {
        throw e;
      }
    } finally {
      delete(draft);
    }
  }

  /** Opens an entry if it is there and whole. */
  private static Optional<Entry> open(Path entry, String product, boolean fresh) {
    try {
      String recorded = Files.readString(entry.resolve(CHECKSUM));
      byte[] content = Files.readAllBytes(entry.resolve(product));
      return recorded.equals(digest(content))
          ? Optional.of(new Entry(entry, content, recorded, fresh))
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Moves a finished draft to its name. Whoever comes second finds the work done. */
  private static void publish(Path draft, Path entry, String product) throws IOException {
    for (int attempt = 0; ; attempt++) {
      try {
        Files.move(draft, entry, StandardCopyOption.ATOMIC_MOVE);
        return;
      } catch (FileSystemException e) {
        if (open(entry, product, false).isPresent()) {
          return;
        }
        if (!Files.isDirectory(draft) || attempt == ATTEMPTS) {
          throw e;
        }
      }
      setAside(entry);
    }
  }

  /** Takes a damaged entry away under another name, so that no one sees it half deleted. */
  private static void setAside(Path entry) throws IOException {
    Path aside = Files.createTempDirectory(entry.getParent(), "damaged-");
    try {
      Files.move(entry, aside.resolve("entry"), StandardCopyOption.ATOMIC_MOVE);
    } catch (NoSuchFileException e) {
      // Another kernel took it away first.
    } finally {
      delete(aside);
    }
  }

  /** The SHA-256 of all parts, one after another, in hexadecimal. */
  public static String digest(byte[]... parts) {
    try {
      MessageDigest sum = MessageDigest.getInstance("SHA-256");
      for (byte[] part : parts) {
        sum.update(part);
      }
      return HexFormat.of().formatHex(sum.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  /** Deletes a folder and all in it, as far as it is there. */
  public static void delete(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    try (var all = Files.walk(folder)) {
      for (Path file : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException | UncheckedIOException e) {
      // Another process is deleting the same folder, or it is gone: either way it is not ours.
    }
  }
}
