package greenthreads.lab.isolate;

import greenthreads.lab.compile.Disassembler;

/**
 * What every isolated call needs.
 *
 * @param host the program that makes it
 * @param disassembler the tool that reads crashes
 */
public record IsolationTools(Host host, Disassembler disassembler) {}
