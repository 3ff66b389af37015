#include "frames.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned char frame[5 + FRAME_MAX];
static size_t frame_length, frame_done;
int caller_in = STDIN_FILENO;
int caller_out = STDOUT_FILENO;
unsigned char *const frame_bytes = frame + 5;

void begin_frame(char kind, size_t length) {
    frame[0] = (unsigned char)kind;
    for (int i = 0; i < 4; i++) {
        frame[1 + i] = (unsigned char)(length >> (8 * i));
    }
    frame_length = 5 + length;
    frame_done = 0;
}

int is_sending(void) {
    return frame_done < frame_length;
}

int send_frame(void) {
    while (frame_done < frame_length) {
        ssize_t n = write(caller_out, frame + frame_done, frame_length - frame_done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
        }
        frame_done += (size_t)n;
    }
    return 0;
}

void send_last(const char *text) {
    size_t length = strlen(text);
    memcpy(frame_bytes, text, length);
    begin_frame('x', length);
    fcntl(caller_out, F_SETFL, 0);
    send_frame();
}

_Noreturn void refuse(const char *text) {
    char message[256];
    snprintf(message, sizeof message, "failed %s\n", text);
    send_last(message);
    exit(FATAL_EXIT);
}

static void read_input(void *to, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = read(caller_in, (char *)to + done, size - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            exit(FATAL_EXIT);
        }
        done += (size_t)n;
    }
}

/* Memory for an argument starts right above an unmapped page, and another follows it: what is
 * written below it (by a stack that overflows, say) is noticed at once. */
static char *allocate(size_t size, int read_only) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (size + page - 1) / page * page;
    if (inner == 0) {
        inner = page;
    }
    char *area = mmap(NULL, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (area == MAP_FAILED || mprotect(area + page, inner, PROT_READ | PROT_WRITE) != 0) {
        refuse("not enough memory for the arguments");
    }
    read_input(area + page, size);
    if (read_only) {
        mprotect(area + page, inner, PROT_READ);
    }
    return area + page;
}

void read_arguments(const char *kinds, struct argument *arguments) {
    for (int i = 0; kinds[i] != '\0'; i++) {
        struct argument *argument = &arguments[i];
        if (kinds[i] == 'p' || kinds[i] == 's') {
            read_input(&argument->kind, 1);
            if (argument->kind == 0) {
                continue;
            }
        }
        uint64_t value;
        read_input(&value, sizeof value);
        if (argument->kind == 1 || argument->kind == 2) {
            argument->size = (size_t)value;
            argument->memory = allocate(argument->size, argument->kind == 2);
        } else {
            argument->value = value;
        }
    }
}
