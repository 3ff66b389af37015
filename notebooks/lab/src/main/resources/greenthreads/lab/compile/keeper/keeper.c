/*
 * keeper: runs a program, a compiler say, and ends it with all that it has started.
 *
 *     keeper BYTES FOLDER COMMAND ...
 *
 * No process of the program may have more than BYTES of memory, and what it writes for itself goes to
 * FOLDER (empty: where it always goes). When the program ends, or when standard
 * input closes (the caller has stopped waiting, or has died, however that came), nothing is left. The
 * exit status is the program's, as a shell tells it.
 */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#else
#define _GNU_SOURCE
#endif

#include "family.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

enum { FATAL_EXIT = 127 };

static int child_changed[2]; /* a pipe that SIGCHLD writes to, so that poll wakes */

static void on_child(int number) {
    (void)number;
    int saved_errno = errno;
    (void)!write(child_changed[1], "", 1);
    errno = saved_errno;
}

/* What is reserved without being used does not count as data: it may be more. */
static void limit_memory(rlim_t bytes) {
    const struct rlimit data = {bytes, bytes};
    const struct rlimit all = {4 * bytes, 4 * bytes};
    setrlimit(RLIMIT_DATA, &data);
    setrlimit(RLIMIT_AS, &all);
}

static _Noreturn void become(char **command, rlim_t bytes) {
    setpgid(0, 0);
#if defined(__linux__)
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    close(nothing);
    signal(SIGCHLD, SIG_DFL);
    limit_memory(bytes);
    execvp(command[0], command);
    fprintf(stderr, "%s: %s\n", command[0], strerror(errno));
    _exit(FATAL_EXIT);
}

int main(int argc, char **argv) {
    if (argc < 4 || pipe(child_changed) != 0) {
        fputs("usage: keeper BYTES FOLDER COMMAND ...\n", stderr);
        return FATAL_EXIT;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(child_changed[i], F_SETFD, FD_CLOEXEC);
        fcntl(child_changed[i], F_SETFL, O_NONBLOCK);
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_child;
    sigaction(SIGCHLD, &action, NULL);
    adopt_orphans();
    pid_t program = fork();
    if (program < 0) {
        perror("fork");
        return FATAL_EXIT;
    }
    if (program == 0) {
        if (argv[2][0] != '\0') {
            setenv("TMPDIR", argv[2], 1);
        }
        become(argv + 3, (rlim_t)strtoull(argv[1], NULL, 10));
    }
    setpgid(program, program);
    int status = 0;
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = child_changed[0], .events = POLLIN}};
    while (fds[0].revents == 0 && waitpid(program, &status, WNOHANG) == 0) {
        poll(fds, 2, -1);
        char ignored[64];
        while (read(child_changed[0], ignored, sizeof ignored) > 0) {
        }
    }
    end_family(program);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
