/*
 * host: runs one native function in a process of its own.
 *
 *     host LIBRARY FUNCTION SIGNATURE LIMIT-MS [STEPS START-END ...] <arguments >frames
 *     host --live SOCKET LIBRARY FUNCTION LIMIT-MS
 *
 * Three processes. The guard (the one that is started) does nothing but see to it that the watcher
 * works, and that nothing is left when that ends; guard.c says how. The watcher reads the arguments,
 * forks, and from then on only copies: what the runner prints and reports goes to the watcher's
 * standard output as frames. The runner loads the library and calls the function. It may do whatever
 * it likes to itself; the watcher still knows how it ended, ends it at the time limit, and ends
 * everything it started. When the watcher's standard input closes (the caller has stopped waiting, or
 * has died), so does everything else.
 *
 * A frame is a byte for its kind, the length as 4 bytes, lowest first, and the bytes:
 *     o  what the runner wrote to its standard output       r  a part of the runner's report
 *     e  what it wrote to its standard error                x  how it ended, the last frame
 *     t  a part of the trace, if there is one: comes after all of the report
 *
 * SIGNATURE is a letter for the result and then one for each parameter:
 *     v void   z _Bool   b h w l integers of 8, 16, 32, 64 bits, extended to 64
 *     f float  d double  p pointer   s string (const char *)
 *
 * Arguments, on standard input: 8 bytes each for numbers (a float in the low 4). A pointer or a
 * string is a byte for its kind: 0 null; 1 memory (a pointer's is copied back at the end); 2 memory,
 * read only (both followed by 8 bytes for the size, and the bytes); 3 an offset into the library
 * (8 bytes).
 *
 * STEPS and the rest ask for a trace (Linux only): whenever the call enters one of the functions that
 * lie at these offsets in the library, each instruction is recorded until the function is left, at
 * most STEPS instructions in all.
 *
 * With --live the runner stays, and makes call after call: live.c says how it is asked. The frames go
 * to the caller's socket, and what the runner prints goes where the host's own output would go.
 *
 * The files, in the order to read them:
 *     main.c     reads the command line, and makes the watcher and the runner
 *     guard.c    the process around them, and what the system offers to hold them together
 *     runner.c   loads the library and makes the call
 *     call.c     the call itself, and what the function must have restored after it
 *     live.c     the runner that stays: its calls, and the memory it shares with the caller
 *     report.c   how the runner says something, whatever state it is in
 *     signals.c  what it says when it crashes
 *     processor.c  what that has to know of the processor
 *     names.c    what signals are called
 *     watcher.c  waits for the runner, and ends it and all that came from it
 *     family.c   ends processes, and theirs (the keeper of the compiler has it too)
 *     tracer.c   steps the runner, if a trace was asked for
 *     frames.c   what the caller sends and what it gets
 */
#include "call.h"
#include "frames.h"
#include "guard.h"
#include "live.h"
#include "report.h"
#include "runner.h"
#include "signals.h"
#include "tracer.h"
#include "watcher.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

struct shared *shared;

const char *phase_name(void) {
    static const char *const names[PHASES] = {"start", "load", "idle", "call", "result", "done"};
    int phase = shared->phase;
    return phase >= 0 && phase < PHASES ? names[phase] : "unknown";
}

int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Forks. In the runner: the watcher's end is its own end, and nothing of the watcher's is left. */
static pid_t start_runner(void) {
    if (prepare_watch() != 0) {
        refuse("no pipe");
    }
    const pid_t watcher = getpid();
    pid_t runner = fork();
    if (runner < 0) {
        refuse("no further process can be started");
    }
    if (runner > 0) {
        setpgid(runner, runner);
        signal(SIGPIPE, SIG_IGN);
        return runner;
    }
    setpgid(0, 0);
#if defined(__linux__)
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != watcher) {
        _exit(FATAL_EXIT);
    }
    forget_watch();
    return 0;
}

/* Where the runner's report goes, out of the way of what the code opens. */
static int report_to(int pipe) {
    int report = move_up(pipe);
    int empty = open("/dev/null", O_RDONLY);
    if (report < 0 || dup2(empty, STDIN_FILENO) < 0) {
        _exit(FATAL_EXIT);
    }
    close(empty);
    return report;
}

/* --live SOCKET LIBRARY FUNCTION LIMIT-MS */
static int live(char **words) {
    int pipe[2];
    caller_in = caller_out = connect_to(words[0]);
    if (caller_in < 0) {
        return FATAL_EXIT;
    }
    if (make_pipe(pipe) != 0) {
        refuse("no pipe");
    }
    pid_t runner = start_runner();
    if (runner == 0) {
        int report = report_to(pipe[1]);
        close(pipe[0]);
        close(pipe[1]);
        close(caller_in);
        live_on(report, words[0], words[1], words[2]);
    }
    close(pipe[1]);
    fcntl(caller_out, F_SETFL, O_NONBLOCK);
    watch(runner, 1, (int[CHANNELS]){-1, -1, pipe[0]}, strtoll(words[3], NULL, 10));
    return 0;
}

int main(int argc, char **argv) {
    /* Before the arguments' memory, since what comes later lies below: who writes far below an argument
     * is to meet nothing. */
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    if (shared == MAP_FAILED) {
        refuse("not enough memory");
    }
    const int lives_on = argc == 6 && strcmp(argv[1], "--live") == 0;
    if (guard(lives_on ? argv[2] : NULL) != 0) {
        refuse("no further process can be started");
    }
    if (lives_on) {
        return live(argv + 2);
    }
    if (argc < 5 || argc == 6) {
        fputs("usage: host LIBRARY FUNCTION SIGNATURE LIMIT-MS [STEPS START-END ...] "
              "<arguments >frames\n",
              stderr);
        return FATAL_EXIT;
    }
    const char *signature = argv[3];
    unsigned integers = 0;
    unsigned floats = 0;
    for (const char *kind = signature + 1; *kind != '\0'; kind++) {
        if (*kind == 'f' || *kind == 'd') {
            floats++;
        } else {
            integers++;
        }
    }
#if defined(__APPLE__) && defined(__aarch64__)
    /* Apple packs what goes on the stack by size: only what fits the registers is passed. */
    const unsigned integers_max = 8;
#else
    const unsigned integers_max = REGISTER_ARGUMENTS_MAX;
#endif
    if (integers > integers_max || floats > FLOAT_ARGUMENTS_MAX) {
        refuse("too many parameters");
    }
    struct argument arguments[REGISTER_ARGUMENTS_MAX + FLOAT_ARGUMENTS_MAX];
    memset(arguments, 0, sizeof arguments);
    read_arguments(signature + 1, arguments);
    if (argc > 5 && ask_for_trace(argv + 5, argc - 5, arguments, integers + floats) != 0) {
        refuse("there is no such trace on this system");
    }

    int pipes[CHANNELS][2];
    for (int i = 0; i < CHANNELS; i++) {
        if (make_pipe(pipes[i]) != 0) {
            refuse("no pipe");
        }
    }
    pid_t runner = start_runner();
    if (runner == 0) {
        int report = report_to(pipes[REPORT][1]);
        if (dup2(pipes[OUT][1], STDOUT_FILENO) < 0 || dup2(pipes[ERR][1], STDERR_FILENO) < 0) {
            _exit(FATAL_EXIT);
        }
        for (int i = 0; i < CHANNELS; i++) {
            close(pipes[i][0]);
            close(pipes[i][1]);
        }
        run(report, argv[1], argv[2], signature, arguments);
    }
    fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
    int channels[CHANNELS];
    for (int i = 0; i < CHANNELS; i++) {
        close(pipes[i][1]);
        channels[i] = pipes[i][0];
    }
    watch(runner, 0, channels, strtoll(argv[4], NULL, 10));
    return 0;
}
