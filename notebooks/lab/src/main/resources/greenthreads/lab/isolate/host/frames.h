/*
 * What the caller sends, and what it gets: main.c says how it looks.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include "host.h"

enum { FRAME_MAX = 1 << 16 };

/* Where the caller is: standard input and output at first. */
extern int caller_in, caller_out;

/* Where the next frame's bytes are put, FRAME_MAX at most, before begin_frame. */
extern unsigned char *const frame_bytes;

void begin_frame(char kind, size_t length);

/* Whether some of the frame is not written yet. */
int is_sending(void);

/* Writes what it can of the frame; -1 if nobody reads any more. */
int send_frame(void);

/* Sends the last frame, whole. */
void send_last(const char *text);

/* Says why there can be no call, as the last frame. */
_Noreturn void refuse(const char *text);

/* Reads the call's arguments.
 * kinds: the signature's letters for the parameters; arguments: room for one each, all zero. */
void read_arguments(const char *kinds, struct argument *arguments);

#endif
