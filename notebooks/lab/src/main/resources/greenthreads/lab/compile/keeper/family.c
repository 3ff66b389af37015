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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <dirent.h>
#include <sys/prctl.h>
#elif defined(__APPLE__)
#include <libproc.h>
#endif

enum {
    PATIENCE_S = 20,
    DEEPEST = 64, /* deeper ones come nearer with each round */
};

void adopt_orphans(void) {
#if defined(__linux__)
    prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
}

static void kill_below(pid_t parent, int depth);

static void kill_with_all_below(pid_t process, int depth) {
    if (process > 1 && process != getpid()) {
        if (depth < DEEPEST) {
            kill_below(process, depth + 1); /* first: its end would hide who they belong to */
        }
        kill(process, SIGKILL);
    }
}

#if defined(__APPLE__)

static void kill_below(pid_t parent, int depth) {
    pid_t children[512];
    int count = proc_listchildpids(parent, children, sizeof children);
    for (int i = 0; i < count && i < (int)(sizeof children / sizeof *children); i++) {
        kill_with_all_below(children[i], depth);
    }
}

#else

/* Where the system does not list a process's children: who says that this is its parent. */
static void kill_who_name(pid_t parent, int depth) {
    DIR *processes = opendir("/proc");
    for (const struct dirent *entry; processes != NULL && (entry = readdir(processes)) != NULL;) {
        char name[64];
        char text[512];
        long said = 0;
        long process = strtol(entry->d_name, NULL, 10);
        snprintf(name, sizeof name, "/proc/%ld/stat", process);
        FILE *stat = process > 1 ? fopen(name, "re") : NULL;
        if (stat != NULL) {
            size_t n = fread(text, 1, sizeof text - 1, stat);
            fclose(stat);
            text[n] = '\0';
            while (n > 0 && text[n] != ')') { /* the name before may hold anything */
                n--;
            }
            if (sscanf(text + n, ") %*c %ld", &said) == 1 && said == parent) {
                kill_with_all_below((pid_t)process, depth);
            }
        }
    }
    if (processes != NULL) {
        closedir(processes);
    }
}

static void kill_below(pid_t parent, int depth) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *children = fopen(name, "re");
    if (children == NULL) {
        if (depth == 0 && errno == ENOENT) {
            kill_who_name(parent, DEEPEST);
        }
        return;
    }
    for (long process; fscanf(children, "%ld", &process) == 1;) {
        kill_with_all_below((pid_t)process, depth);
    }
    fclose(children);
}

#endif

struct family_end end_family(pid_t group) {
    struct family_end end = {0, 0};
    const time_t until = time(NULL) + PATIENCE_S;
    for (;;) {
        kill(-group, SIGKILL);
        if (getpid() == 1) {
            kill(-1, SIGKILL); /* all that there is in this namespace, at once */
        } else {
            kill_below(getpid(), 0);
        }
        int status;
        pid_t gone;
        while ((gone = waitpid(-1, &status, WNOHANG)) > 0) {
            end.ended += gone != group && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        }
        if (gone < 0) {
            return end;
        }
        if (time(NULL) > until) {
            end.is_left = 1;
            return end;
        }
        poll(NULL, 0, 1);
    }
}
