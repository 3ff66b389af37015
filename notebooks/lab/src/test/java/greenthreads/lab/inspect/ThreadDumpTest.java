package greenthreads.lab.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class ThreadDumpTest {
  private static final String DUMP =
      """
      {"threadDump": {"threadContainers": [
        {"container": "<root>", "threads": [
          {"tid": "3", "name": "main", "state": "RUNNABLE", "stack": ["Main.main(Main.java:1)"]},
          {"tid": "30", "name": "reader", "virtual": true, "state": "WAITING", "stack": [
            "java.base\\/java.lang.VirtualThread.park(VirtualThread.java:742)",
            "java.base\\/sun.nio.ch.Poller.poll(Poller.java:197)",
            "java.base\\/sun.nio.ch.NioSocketImpl.park(NioSocketImpl.java:174)",
            "java.base\\/java.net.Socket$SocketInputStream.read(Socket.java:964)"]}]},
        {"container": "pool", "threads": [
          {"tid": "24", "name": "worker-1", "state": "WAITING", "stack": []},
          {"tid": "27", "name": "pinned", "virtual": true, "state": "TIMED_WAITING", "carrier": "24",
           "stack": ["java.base\\/jdk.internal.misc.Unsafe.park(Native Method)", "Mine.compare(Mine.java:10)"]}]}
      ]}}
      """;

  @Test
  void readsWhoIsCarriedByWhom() {
    ThreadDump dump = ThreadDump.parsed(DUMP);
    assertEquals(
        List.of(3L, 24L, 27L, 30L), dump.threads().stream().map(ThreadDump.Seen::id).toList());
    ThreadDump.Seen pinned = dump.of("pinned").threads().getFirst();
    assertTrue(pinned.virtual() && pinned.mounted());
    assertEquals("Mine.compare", pinned.stands());
    ThreadDump.Seen reader = dump.of("reader").threads().getFirst();
    assertTrue(reader.virtual() && !reader.mounted());
    assertEquals("java.net.Socket$SocketInputStream.read", reader.stands());
  }

  @Test
  void showsThoseThatAreAskedForInTheirOrder() {
    String text = ThreadDump.parsed(DUMP).of("reader", "pin", "main", "nobody").text();
    assertTrue(text.contains("3 of 4"), text);
    List<String> rows =
        text.lines().filter(line -> line.matches("(reader|pinned|main) .*")).toList();
    assertEquals(3, rows.size(), text);
    assertTrue(rows.get(0).matches("reader +WAITING +nobody +.*"), text);
    assertTrue(rows.get(1).matches("pinned +TIMED_WAITING +worker-1 +Mine.compare"), text);
    assertTrue(rows.get(2).matches("main +RUNNABLE +is an OS thread +Main.main"), text);
  }

  @Test
  void seesThisJvm() throws Exception {
    var end = new CountDownLatch(1);
    Thread waits =
        Thread.ofVirtual()
            .name("waits in a test")
            .start(() -> {
              try {
                end.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    try {
      while (waits.getState() != Thread.State.WAITING) {
        Thread.onSpinWait();
      }
      ThreadDump.Seen seen = ThreadDump.now().of("waits in a test").threads().getFirst();
      assertEquals(waits.threadId(), seen.id());
      assertTrue(seen.virtual());
      assertFalse(seen.mounted());
      assertEquals("WAITING", seen.state());
    } finally {
      end.countDown();
      waits.join();
    }
  }
}
