package greenthreads.lab;

import greenthreads.lab.compile.Disassembler;

/**
 * What every isolated call needs.
 *
 * @param host the program that makes it
 * @param disassembler the tool that reads crashes
 */
record IsolationTools(Host host, Disassembler disassembler) {}
