/*
 * A family: all the processes that came from this one, whatever they did to leave it.
 */
#ifndef FAMILY_H
#define FAMILY_H

#include <sys/types.h>

struct family_end {
    unsigned ended; /* how many there still were */
    int is_left;    /* whether some could not be ended */
};

/* From now on a process of the family whose parent ends becomes this one's child. (macOS has no such
 * thing: who has left the process group and lost its parent is out of sight there.) */
void adopt_orphans(void);

/* Ends the family, in rounds until none is left, since new ones may be started meanwhile.
 * group: the process group that most of it is in, and its first process, which is not counted */
struct family_end end_family(pid_t group);

#endif
