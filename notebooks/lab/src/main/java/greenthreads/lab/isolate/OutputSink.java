package greenthreads.lab.isolate;

/** Where the output of an isolated run goes, as it comes: bytes, in pieces of any size. */
interface OutputSink {
  /** A piece of what was written to standard output. */
  void out(byte[] bytes);

  /** A piece of what was written to standard error. */
  void err(byte[] bytes);
}
