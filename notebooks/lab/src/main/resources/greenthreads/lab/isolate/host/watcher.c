#include "watcher.h"

#include "family.h"
#include "frames.h"
#include "names.h"
#include "tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

enum {
    ANSWER_MS = 3000, /* a busy machine may need a while to run a handler */
    A_CALL_MAY_HAVE_BEGUN_MS = 500,
};

static const char CHANNEL_KIND[CHANNELS] = {'o', 'e', 'r'};
static char last_state[400]; /* lines of the last frame */
static int child_changed[2]; /* a pipe that SIGCHLD writes to, so that poll wakes */
static void on_child(int number) {
    (void)number;
    int saved_errno = errno;
    (void)!write(child_changed[1], "", 1);
    errno = saved_errno;
}

/* Whether the runner still handles the signal that asks where it is. */
#if defined(__linux__)
/* What the system says of the runner; -1 if nothing. */
static int read_status(char *text, size_t size) {
    snprintf(text, size, "/proc/%d/status", shared->known_as);
    int status = open(text, O_RDONLY | O_CLOEXEC);
    ssize_t n = status < 0 ? -1 : read(status, text, size - 1);
    if (status >= 0) {
        close(status);
    }
    text[n > 0 ? n : 0] = '\0';
    return n > 0 ? 0 : -1;
}

static int answers(void) {
    char text[4096];
    read_status(text, sizeof text);
    const uint64_t bit = UINT64_C(1) << (SIGXCPU - 1);
    const char *blocked = strstr(text, "SigBlk:");
    const char *caught = strstr(text, "SigCgt:");
    return (blocked == NULL || (strtoull(blocked + 7, NULL, 16) & bit) == 0) &&
           (caught == NULL || (strtoull(caught + 7, NULL, 16) & bit) != 0);
}
#else
static int answers(void) {
    return 1; /* nobody to ask */
}
#endif

static _Noreturn void give_up(pid_t runner) {
    end_family(runner);
    _exit(FATAL_EXIT);
}

/* The lane whose call has been under way for the longest; -1 if there is none. */
static int oldest_call(void) {
    int oldest = -1;
    for (int i = 0; i < LANES; i++) {
        int64_t since = shared->since[i];
        if (since > 0 && (oldest < 0 || since < shared->since[oldest])) {
            oldest = i;
        }
    }
    return oldest;
}

/* When the runner will have taken too long. One that lives on may do nothing for ever. */
static int64_t due(int lives_on, int64_t start, int64_t limit) {
    if (!lives_on) {
        return start + limit;
    }
    int oldest = oldest_call();
    return oldest < 0 ? INT64_MAX : shared->since[oldest] + limit;
}

/* A line with what stands behind a word in a process's status. */
static void note_word(const char *status, const char *word, const char *as) {
    const char *at = strstr(status, word);
    int length = at == NULL ? 0 : (int)strcspn(at + strlen(word), "\n");
    int used = (int)strlen(last_state);
    if (length > 0 && length < 64) {
        snprintf(last_state + used, sizeof last_state - (size_t)used, "%s %.*s\n", as, length,
                 at + strlen(word));
    }
}

/* Once it has ended, and as long as nobody has waited for it, the system still knows it: whether
 * another program took its place, which signals it had blocked, whether calls were filtered. */
static void note_last_state(pid_t runner) {
#if defined(__linux__)
    siginfo_t info;
    char text[4096];
    memset(&info, 0, sizeof info);
    if (last_state[0] != '\0' ||
        waitid(P_PID, (id_t)runner, &info, WEXITED | WNOWAIT | WNOHANG) != 0 ||
        info.si_pid != runner || read_status(text, sizeof text) != 0) {
        return;
    }
    char own[16] = "";
    prctl(PR_GET_NAME, own);
    note_word(text, "Name:\t", "program");
    if (strncmp(last_state + strlen("program "), own, strlen(own)) == 0) {
        last_state[0] = '\0'; /* it was still this one */
    }
    note_word(text, "SigBlk:\t", "blocked");
    note_word(text, "SigCgt:\t", "caught");
    note_word(text, "Seccomp:\t", "seccomp");
#else
    (void)runner;
#endif
}

/* What the runner has said of its end. */
static void send_last_words(void) {
    size_t size = shared->last_words_size;
    size = size < LAST_WORDS_MAX ? size : LAST_WORDS_MAX;
    for (size_t at = 0; at < size;) {
        size_t part = size - at < FRAME_MAX ? size - at : FRAME_MAX;
        memcpy(frame_bytes, shared->last_words + at, part);
        begin_frame('r', part);
        if (send_frame() < 0) {
            return;
        }
        at += part;
    }
}

void watch(pid_t runner, int lives_on, const int channels[CHANNELS], int64_t limit) {
    const int64_t start = now_ms();
    int64_t patience = 0; /* once it was asked: until when an answer is waited for */
    int open_channels[CHANNELS];
    int asked = 0; /* the time limit has passed, and the runner was asked where it is */
    int ended = 0;
    int status = 0;
    struct family_end family = {0, 0};
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    for (int i = 0; i < CHANNELS; i++) {
        open_channels[i] = channels[i] >= 0;
    }

    for (;;) {
        int sending = is_sending();
        struct pollfd fds[3 + CHANNELS] = {
            {.fd = caller_in, .events = POLLIN},
            {.fd = child_changed[0], .events = ended ? 0 : POLLIN},
            {.fd = sending ? caller_out : -1, .events = POLLOUT},
        };
        for (int i = 0; i < CHANNELS; i++) {
            fds[3 + i].fd = open_channels[i] && !sending ? channels[i] : -1;
            fds[3 + i].events = POLLIN;
        }
        const int64_t deadline = asked ? patience : due(lives_on, start, limit);
        int64_t wait = deadline - now_ms();
        if (lives_on && wait > A_CALL_MAY_HAVE_BEGUN_MS) {
            wait = A_CALL_MAY_HAVE_BEGUN_MS;
        }
        if (wait < 0) {
            wait = 0;
        }
        if (ended) {
            wait = sending ? 5000 : 0;
        }
        int ready = poll(fds, 3 + CHANNELS, wait > INT_MAX ? INT_MAX : (int)wait);
        if (ready < 0 && errno != EINTR) {
            give_up(runner);
        }
        if (ready > 0 && fds[0].revents != 0) {
            char ignored[64];
            if (read(caller_in, ignored, sizeof ignored) <= 0) {
                give_up(runner);
            }
        }
        if (sending) {
            if (send_frame() < 0 || (ended && ready == 0)) {
                give_up(runner);
            }
        } else if (ready > 0) {
            for (int i = 0; i < CHANNELS; i++) {
                if (fds[3 + i].revents != 0) {
                    ssize_t n = read(channels[i], frame_bytes, FRAME_MAX);
                    if (n > 0) {
                        begin_frame(CHANNEL_KIND[i], (size_t)n);
                        if (send_frame() < 0) {
                            give_up(runner);
                        }
                        break; /* one frame at a time */
                    }
                    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
                        open_channels[i] = 0;
                    }
                }
            }
        } else if (ready == 0 && ended) {
            break; /* nothing more to read, nothing left to send */
        }
        if (!ended) {
            char ignored[64];
            while (read(child_changed[0], ignored, sizeof ignored) > 0) {
            }
            pid_t pid;
            int one;
            struct rusage own;
            note_last_state(runner);
            while ((pid = wait4(-1, &one, WNOHANG, &own)) > 0) {
                if (pid == runner && WIFSTOPPED(one)) {
                    on_stop(runner, WSTOPSIG(one));
                } else if (pid == runner) {
                    ended = 1;
                    status = one;
                    usage = own;
                }
            }
            if (ended) {
                family = end_family(runner);
            } else if (now_ms() >= (asked ? patience : due(lives_on, start, limit))) {
                if (!asked) {
                    asked = 1;
                    patience = now_ms() + (answers() ? ANSWER_MS : 0);
                    kill(runner, SIGXCPU);
                    kill(runner, SIGCONT);
                } else {
                    patience += 1000000;
                    kill(-runner, SIGKILL);
                }
            }
        }
    }
    fcntl(caller_out, F_SETFL, 0);
    send_last_words();
    send_trace();
    char text[1024];
    int64_t busy = ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                   (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
    if (lives_on && oldest_call() >= 0) {
        busy -= shared->used[oldest_call()];
    }
    /* It ended before it had loaded anything, and so by itself. */
    const int is_ours =
        WIFEXITED(status) && WEXITSTATUS(status) == FATAL_EXIT && shared->phase == START;
    snprintf(text, sizeof text,
             "%s%s %d %s\nlimit %d\nbusy %lld\nsystem %lld\ntook %lld\nleft %u\nstays %d\n"
             "phase %s\ncopies %d\n%s",
             is_ours ? "failed there are not enough descriptors, or not enough memory\n" : "",
             WIFSIGNALED(status) ? "signal" : "exit",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
             WIFSIGNALED(status) ? signal_name(WTERMSIG(status)) : "-", asked, (long long)busy,
             (long long)(usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000),
             (long long)(now_ms() - start), family.ended, family.is_left, phase_name(),
             shared->copy_returned != 0,
             last_state);
    send_last(text);
}

int make_pipe(int fds[2]) {
    if (pipe(fds) != 0) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    }
    return fcntl(fds[0], F_SETFL, O_NONBLOCK);
}

int prepare_watch(void) {
    if (make_pipe(child_changed) != 0) {
        return -1;
    }
    fcntl(child_changed[1], F_SETFL, O_NONBLOCK);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_child;
    action.sa_flags = SA_RESTART;
    sigaction(SIGCHLD, &action, NULL);
    adopt_orphans();
    return 0;
}

void forget_watch(void) {
    signal(SIGCHLD, SIG_DFL);
    close(child_changed[0]);
    close(child_changed[1]);
}
