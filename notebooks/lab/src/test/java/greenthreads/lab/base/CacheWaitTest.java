package greenthreads.lab.base;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What happens to a thread that needs what another one is making. */
@Timeout(value = 20, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CacheWaitTest {
  @TempDir Path folder;

  private final CountDownLatch begun = new CountDownLatch(1);
  private final CompletableFuture<Void> mayEnd = new CompletableFuture<>();
  private final ExecutorService others = Executors.newVirtualThreadPerTaskExecutor();
  private Cache cache;
  private Future<Cache.Entry> maker;

  @BeforeEach
  void letAnotherThreadMakeIt() throws InterruptedException {
    cache = new Cache(folder);
    maker =
        others.submit(() ->
            cache.get(
                "entry",
                "product",
                draft -> {
                  begun.countDown();
                  mayEnd.join();
                  Files.writeString(draft.resolve("product"), "made once");
                }));
    begun.await();
  }

  @AfterEach
  void end() {
    mayEnd.complete(null);
    others.close();
  }

  @Test
  void waitingThreadGetsWhatWasMade() throws Exception {
    Future<Cache.Entry> waiting = others.submit(this::wanted);
    mayEnd.complete(null);
    assertTrue(maker.get().fresh());
    assertEquals("made once", new String(waiting.get().content()));
  }

  @Test
  void interruptedThreadWaitsNoLonger() throws Exception {
    Thread.currentThread().interrupt();
    LabException error = assertThrows(LabException.class, this::wanted);
    assertTrue(Thread.interrupted());
    assertTrue(error.getMessage().contains("Interrupted while `product`"), error.getMessage());
    mayEnd.complete(null);
    assertTrue(maker.get().fresh());
  }

  private Cache.Entry wanted() throws IOException {
    return cache.get(
        "entry", "product", draft -> Files.writeString(draft.resolve("product"), "again"));
  }
}
