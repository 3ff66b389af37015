#include "guard.h"

#include "family.h"
#include "host.h"
#include "signals.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

/* WITHOUT_NAMESPACE: as on a system that has or allows none, for tests. */
#if defined(__linux__) && !defined(WITHOUT_NAMESPACE)

#include <linux/capability.h>
#include <sys/syscall.h>

static void write_to(const char *file, const char *text) {
    int to = open(file, O_WRONLY | O_CLOEXEC);
    if (to >= 0) {
        (void)!write(to, text, strlen(text));
        close(to);
    }
}

/* The next process will be the first of a namespace, if that is allowed. One who is not root may have
 * that in a namespace of users only: there he is the same user. Whether he is in one. */
static int ask_for_namespace(void) {
    char map[64];
    const uid_t user = geteuid();
    const gid_t group = getegid();
    if (unshare(CLONE_NEWPID) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) {
        return 0;
    }
    write_to("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%lu %lu 1\n", (unsigned long)user, (unsigned long)user);
    write_to("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "%lu %lu 1\n", (unsigned long)group, (unsigned long)group);
    write_to("/proc/self/gid_map", map);
    return 1;
}

/* Whoever makes a namespace of users may do anything in it: the code is to have no more than before. */
static void give_up_powers(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2];
    memset(none, 0, sizeof none);
    syscall(SYS_capset, &header, none);
}

#else

static int ask_for_namespace(void) {
    return 0;
}

static void give_up_powers(void) {
}

#endif

/* Its caller may have been killed before it could do so. */
static void remove_with_folder(const char *socket) {
    char folder[4096];
    const char *end = strrchr(socket, '/');
    unlink(socket);
    if (end != NULL && (size_t)(end - socket) < sizeof folder) {
        memcpy(folder, socket, (size_t)(end - socket));
        folder[end - socket] = '\0';
        rmdir(folder); /* where there is nothing else in it */
    }
}

int guard(const char *socket) {
    /* Whatever was blocked or ignored in the process that started this one, is not here. */
    forget_signals();
    adopt_orphans();
    const int has_powers = ask_for_namespace();
    pid_t watcher = fork();
    if (watcher < 0) {
        return -1;
    }
    if (watcher == 0) {
#if defined(__linux__)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
        if (has_powers) {
            give_up_powers();
        }
        return 0;
    }
    int status;
    while (waitpid(watcher, &status, WUNTRACED) == watcher && WIFSTOPPED(status)) {
        kill(watcher, SIGCONT);
    }
    end_family(watcher);
    if (socket != NULL) {
        remove_with_folder(socket);
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : FATAL_EXIT);
}
