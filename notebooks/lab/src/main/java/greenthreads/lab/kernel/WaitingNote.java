package greenthreads.lab.kernel;

import greenthreads.lab.base.Progress;
import greenthreads.lab.show.Html;
import io.github.spencerpark.jupyter.kernel.DisplayStream;
import io.github.spencerpark.jupyter.kernel.display.DisplayData;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * A line under the running cell that says what it waits for, once that takes more than a moment; it
 * goes when the work is done.
 *
 * <p>Only where somebody looks on: a notebook that a program runs shall not depend on how fast the
 * machine was.
 */
final class WaitingNote {
  private static final long PATIENCE = TimeUnit.MILLISECONDS.toNanos(1_500);
  private static final long PAUSE_MILLIS = 250;

  private final DisplayStream display;
  private final Runnable before;
  private boolean open;
  private String id = "";
  private String shown = "";

  /**
   * @param before puts what the cell has printed before the note
   */
  WaitingNote(DisplayStream display, Runnable before) {
    this.display = display;
    this.before = before;
    Thread.ofPlatform().daemon().name("waiting note").start(this::look);
  }

  /**
   * A cell begins.
   *
   * @param looksOn whether somebody does
   */
  synchronized void begin(boolean looksOn) {
    open = looksOn;
    id = "";
    shown = "";
    notifyAll();
  }

  /** A cell ends: nothing is left of the note. */
  synchronized void end() {
    show("");
    open = false;
  }

  private void look() {
    try {
      while (true) {
        synchronized (this) {
          while (!open) {
            wait();
          }
          show(note());
        }
        Thread.sleep(PAUSE_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** What the cell waits for; empty if it has not waited long. */
  private static String note() {
    long now = System.nanoTime();
    return Progress.running().stream()
        .filter(task -> StillRunning.isOfACell(task.thread()))
        .filter(task -> now - task.began() > PATIENCE)
        .findFirst()
        .map(task ->
            "%s … %d s".formatted(task.what(), TimeUnit.NANOSECONDS.toSeconds(now - task.began())))
        .orElse("");
  }

  private void show(String note) {
    if (note.equals(shown)) {
      return;
    }
    shown = note;
    var data = new DisplayData(note);
    data.putHTML(note.isEmpty() ? "" : "<em role=\"status\">" + Html.escape(note) + "</em>");
    if (id.isEmpty()) {
      before.run();
      id = UUID.randomUUID().toString();
      data.setDisplayId(id);
      display.display(data);
    } else {
      display.updateDisplay(id, data);
    }
  }
}
