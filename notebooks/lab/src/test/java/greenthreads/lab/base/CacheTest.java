package greenthreads.lab.base;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CacheTest {
  private static final byte[] CONTENT = "whole".getBytes();
  private static final int KERNELS = 6;

  @TempDir Path folder;

  private static void make(Path draft) throws IOException {
    Files.write(draft.resolve("product"), CONTENT);
  }

  private static Cache.Entry made(Cache cache, Cache.Maker maker) throws IOException {
    return cache.get("entry", "product", maker);
  }

  /**
   * Each kernel's threads wait for one another, those of several do not. Here several kernels are
   * as many threads, each with a name of its own for the one folder.
   */
  @Test
  void severalKernelsMendOneDamagedEntryAtOnce() throws Exception {
    Path real = Files.createDirectory(folder.resolve("real"));
    var caches = new ArrayList<Cache>();
    for (int kernel = 0; kernel < KERNELS; kernel++) {
      caches.add(new Cache(Files.createSymbolicLink(folder.resolve("kernel-" + kernel), real)));
    }
    var together = new CyclicBarrier(KERNELS);
    try (var threads = Executors.newFixedThreadPool(KERNELS)) {
      for (int round = 0; round < 500; round++) {
        damage(real.resolve("entry"));
        var mended = new ArrayList<Callable<Cache.Entry>>();
        caches.forEach(cache -> mended.add(() -> mend(cache, together)));
        for (var entry : threads.invokeAll(mended)) {
          assertArrayEquals(CONTENT, entry.get().content(), "in round " + round);
        }
        assertArrayEquals(CONTENT, Files.readAllBytes(real.resolve("entry").resolve("product")));
        try (var left = Files.list(real)) {
          assertEquals(List.of(real.resolve("entry")), left.toList(), "in round " + round);
        }
      }
    }
  }

  private static Cache.Entry mend(Cache cache, CyclicBarrier together) throws IOException {
    var first = new AtomicBoolean(true);
    return made(
        cache,
        draft -> {
          make(draft);
          if (first.getAndSet(false)) {
            await(together); // all have seen the damage before the first has mended it
          }
        });
  }

  private static void await(CyclicBarrier together) {
    try {
      together.await();
    } catch (InterruptedException | BrokenBarrierException e) {
      throw new AssertionError(e);
    }
  }

  private static void damage(Path entry) throws IOException {
    if (!Files.exists(entry)) {
      Files.createDirectory(entry);
    }
    for (String file : List.of("product", "sha256")) {
      Files.writeString(entry.resolve(file), "rubbish");
    }
  }

  @Test
  void whatIsDeletedWhileItIsMadeIsMadeAgain() throws IOException {
    var made = new AtomicInteger();
    var entry =
        made(
            new Cache(folder),
            draft -> {
              make(draft);
              if (made.incrementAndGet() < 3) {
                Cache.delete(draft.getParent());
                throw new LabException("no such folder");
              }
            });
    assertArrayEquals(CONTENT, entry.content());
    assertEquals(3, made.get());
  }

  /**
   * What a linker says whose input was deleted, at a time when the folder itself is still there.
   */
  @Test
  void aDraftThatLosesAFileIsMadeAgain() throws IOException {
    var made = new AtomicInteger();
    var entry =
        made(
            new Cache(folder),
            draft -> {
              make(draft);
              if (made.incrementAndGet() < 4) {
                Files.delete(draft.resolve("product"));
                throw new CompileError(
                    "ld: cannot find " + draft + "/a.o: No such file or directory");
              }
            });
    assertArrayEquals(CONTENT, entry.content());
    assertEquals(4, made.get());
  }

  @Test
  void aFileThatIsMissingAgainIsSaidToBeMissing() {
    assertEquals(2, timesAsked("1:10: fatal error: nope.h: No such file or directory"));
  }

  @Test
  void whatIsDeletedEachTimeIsGivenUp() {
    var made = new AtomicInteger();
    var e =
        assertThrows(
            IOException.class,
            () ->
                made(
                    new Cache(folder),
                    draft -> {
                      made.incrementAndGet();
                      Cache.delete(draft);
                    }));
    assertEquals("it was deleted, each time that it had just been made", e.getMessage());
    assertEquals(4, made.get());
  }

  @Test
  void aMakerThatFailsIsAskedOnce() {
    assertEquals(1, timesAsked("a mistake in the source"));
  }

  /** How often a maker is asked that always fails with these words, which must be handed on. */
  private int timesAsked(String words) {
    var made = new AtomicInteger();
    var e =
        assertThrows(
            LabException.class,
            () ->
                made(
                    new Cache(folder),
                    draft -> {
                      made.incrementAndGet();
                      throw new LabException(words);
                    }));
    assertEquals(words, e.getMessage());
    return made.get();
  }
}
