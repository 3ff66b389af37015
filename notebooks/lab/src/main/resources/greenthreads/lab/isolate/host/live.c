/*
 * The caller connects to nothing: it listens, and the runner connects a lane for each call that may be
 * under way at the same time. As soon as none is free, there is one more, up to LANES.
 *
 * On a lane a request and an answer follow each other, each a size of 4 bytes and so many bytes. All
 * numbers are in the machine's own order. A request:
 *     u32 count, then for each: u64 address                  memory that is shared no longer
 *     u32 count, then for each: u64 address, u64 size        memory that is shared from now on
 *     u32 count, then for each: u64 address, u32 size, bytes what the caller has changed in it
 *     u8  name's size, name                                  the function
 *     u8  signature's size, signature                        as in main.c
 *     for each parameter: 8 bytes; a string is a size of 4 bytes (ffffffff: null) and so many bytes
 * The answer begins with a byte:
 *     r  u8 1 if the call may have left processes running, else 0
 *        u64 result, u64 floating point result
 *        u8 count, then for each: u8 register, u64 before, u64 after     not restored
 *        u32 size (ffffffff: null), bytes                                the string, if it returns one
 *        u32 count, then for each: u64 address, u32 size, bytes          what changed in shared memory
 *     a  u64 address       the function's address: the signature was empty, and nothing was called
 *     n                    there is no such function
 *     o  u64 address       memory cannot be shared, since something else of this process lies there
 *
 * Shared memory lies at the same address in both processes, and each has its own copy. A copy of what
 * both last agreed on tells what has changed since.
 */
#include "live.h"

#include "call.h"
#include "report.h"
#include "runner.h"
#include "signals.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    NOTHING = 0xffffffffu, /* a size: no string */
    PIECE = 1024,          /* shared memory is compared in pieces of this size */
    STRINGS_KEPT = 64,     /* a function may keep the last ones it was given */
    NAME_MAX_SIZE = 255,
    FIRST_READ = 4096,     /* most requests fit */
    LOOK_OUT_NS = 50000,
    SLEEPS = 64,
};

/* ---- What the system knows ---- */

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* As many as this process may use. */
static int count_processors(void) {
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        return CPU_COUNT(&allowed);
    }
#endif
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 1 ? (int)online : 1;
}

/* ---- Bytes that come and go ---- */

struct buffer {
    unsigned char *bytes; /* grows, and is kept for the next one */
    size_t size, at, capacity;
};

static void make_room(struct buffer *buffer, size_t more) {
    if (buffer->size + more > buffer->capacity) {
        buffer->capacity = 2 * (buffer->size + more);
        buffer->bytes = realloc(buffer->bytes, buffer->capacity);
        if (buffer->bytes == NULL) {
            fail("not enough memory");
        }
    }
}

static void add(struct buffer *buffer, const void *bytes, size_t size) {
    make_room(buffer, size);
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
}

static void add_byte(struct buffer *buffer, unsigned char byte) {
    add(buffer, &byte, 1);
}

static void add_32(struct buffer *buffer, uint32_t value) {
    add(buffer, &value, sizeof value);
}

static void add_64(struct buffer *buffer, uint64_t value) {
    add(buffer, &value, sizeof value);
}

static const unsigned char *take(struct buffer *buffer, size_t size) {
    if (size > buffer->size - buffer->at) {
        fail("a request that cannot be read");
    }
    buffer->at += size;
    return buffer->bytes + buffer->at - size;
}

static unsigned char take_byte(struct buffer *buffer) {
    return *take(buffer, 1);
}

static uint32_t take_32(struct buffer *buffer) {
    uint32_t value;
    memcpy(&value, take(buffer, sizeof value), sizeof value);
    return value;
}

static uint64_t take_64(struct buffer *buffer) {
    uint64_t value;
    memcpy(&value, take(buffer, sizeof value), sizeof value);
    return value;
}

static int read_all(int from, void *to, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = read(from, (char *)to + done, size - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return -1;
        }
        done += (size_t)n;
    }
    return 0;
}

static int write_all(int to, const void *from, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = write(to, (const char *)from + done, size - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return -1;
        }
        done += (size_t)n;
    }
    return 0;
}

/* Looks whether something has arrived, again and again for a while, before it sleeps: to be woken on
 * another processor costs more than most calls. Where that has proved vain, since there is one processor
 * or others want it, it sleeps at once for the next SLEEPS times. */
static void look_out(int lane) {
    static _Thread_local unsigned sleeps;
    static atomic_int processors;
    char first;
    if (sleeps > 0) {
        sleeps--;
        return;
    }
    if (processors == 0) {
        processors = count_processors();
    }
    const int64_t until = processors > 1 ? now_ns() + LOOK_OUT_NS : 0;
    do {
        if (recv(lane, &first, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN) {
            return;
        }
    } while (now_ns() < until);
    sleeps = SLEEPS;
}

/* A request comes whole, and only once the one before has been answered. */
static int read_request(int lane, struct buffer *request) {
    uint32_t size = 0;
    size_t have = 0;
    request->size = request->at = 0;
    make_room(request, FIRST_READ);
    look_out(lane);
    while (have < sizeof size) {
        ssize_t n = read(lane, request->bytes + have, FIRST_READ - have);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return -1;
        }
        have += n > 0 ? (size_t)n : 0;
    }
    memcpy(&size, request->bytes, sizeof size);
    const size_t whole = sizeof size + size;
    request->size = have;
    make_room(request, whole > have ? whole - have : 0);
    request->size = whole;
    request->at = sizeof size;
    return whole > have ? read_all(lane, request->bytes + have, whole - have) : 0;
}

/* ---- Shared memory ---- */

struct region {
    uintptr_t low;
    size_t size;
    unsigned char *agreed; /* what both sides last agreed on */
};

static pthread_mutex_t sharing = PTHREAD_MUTEX_INITIALIZER;
static struct region *regions;
static size_t region_count, region_capacity;

/* The pages that were mapped for shared memory; they stay. */
static struct pages {
    uintptr_t low, high;
} *mapped;
static size_t mapped_count, mapped_capacity;

static void *grow(void *array, size_t count, size_t *capacity, size_t size) {
    if (count == *capacity) {
        *capacity = *capacity == 0 ? 16 : 2 * *capacity;
        array = realloc(array, *capacity * size);
        if (array == NULL) {
            fail("not enough memory");
        }
    }
    return array;
}

static int is_mapped(uintptr_t page) {
    for (size_t i = 0; i < mapped_count; i++) {
        if (page >= mapped[i].low && page < mapped[i].high) {
            return 1;
        }
    }
    return 0;
}

/* Maps the pages from low to high that are not yet; -1 if something else lies there. */
static int map_pages(uintptr_t low, uintptr_t high) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (uintptr_t from = low & ~(page - 1); from < high;) {
        uintptr_t to = from;
        while (to < high && !is_mapped(to)) {
            to += page;
        }
        if (to == from) {
            from += page;
            continue;
        }
        /* Without MAP_FIXED the address is a wish, and what lies there is left alone. */
        void *found = mmap((void *)from, to - from, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANON, -1, 0);
        if (found != (void *)from) {
            if (found != MAP_FAILED) {
                munmap(found, to - from);
            }
            return -1;
        }
        mapped = grow(mapped, mapped_count, &mapped_capacity, sizeof *mapped);
        mapped[mapped_count++] = (struct pages){from, to};
        from = to;
    }
    return 0;
}

static void forget(uintptr_t low) {
    for (size_t i = 0; i < region_count; i++) {
        if (regions[i].low == low) {
            free(regions[i].agreed);
            regions[i] = regions[--region_count];
            return;
        }
    }
}

/* -1 if it cannot be shared. */
static int share(uintptr_t low, size_t size) {
    if (map_pages(low, low + size) != 0) {
        return -1;
    }
    unsigned char *agreed = calloc(size, 1);
    if (agreed == NULL) {
        fail("not enough memory");
    }
    memset((void *)low, 0, size);
    regions = grow(regions, region_count, &region_capacity, sizeof *regions);
    regions[region_count++] = (struct region){low, size, agreed};
    return 0;
}

static void copy_in(uintptr_t to, const unsigned char *bytes, size_t size) {
    memcpy((void *)to, bytes, size);
    for (size_t i = 0; i < region_count; i++) {
        const struct region *region = &regions[i];
        if (to >= region->low && to - region->low < region->size) {
            memcpy(region->agreed + (to - region->low), bytes, size);
        }
    }
}

/* What the request says of shared memory: 0, or an address where it cannot be. */
static uintptr_t take_changes(struct buffer *request) {
    uintptr_t wrong = 0;
    for (uint32_t count = take_32(request); count > 0; count--) {
        forget((uintptr_t)take_64(request));
    }
    for (uint32_t count = take_32(request); count > 0; count--) {
        uintptr_t low = (uintptr_t)take_64(request);
        size_t size = (size_t)take_64(request);
        if (wrong == 0 && share(low, size) != 0) {
            wrong = low;
        }
    }
    for (uint32_t count = take_32(request); count > 0; count--) {
        uintptr_t to = (uintptr_t)take_64(request);
        uint32_t size = take_32(request);
        const unsigned char *bytes = take(request, size);
        if (wrong == 0) {
            copy_in(to, bytes, size);
        }
    }
    return wrong;
}

static void count_one_more(struct buffer *answer, size_t place) {
    uint32_t count;
    memcpy(&count, answer->bytes + place, sizeof count);
    count++;
    memcpy(answer->bytes + place, &count, sizeof count);
}

/* place: where the answer says how many changes there are. Stops at what cannot be read: the code may
 * have unmapped what it was given. */
static void add_changes_of(const struct region *region, struct buffer *answer, size_t place) {
    sigjmp_buf out;
    if (sigsetjmp(out, 1) != 0) {
        return;
    }
    return_on_fault(&out);
    for (size_t at = 0; at < region->size; at += PIECE) {
        size_t size = region->size - at < PIECE ? region->size - at : PIECE;
        const void *now = (const void *)(region->low + at);
        if (memcmp(now, region->agreed + at, size) != 0) {
            memcpy(region->agreed + at, now, size);
            add_64(answer, region->low + at);
            add_32(answer, (uint32_t)size);
            add(answer, region->agreed + at, size);
            count_one_more(answer, place);
        }
    }
    return_on_fault(NULL);
}

static void add_changes(struct buffer *answer) {
    size_t place = answer->size;
    add_32(answer, 0);
    for (size_t i = 0; i < region_count; i++) {
        add_changes_of(&regions[i], answer, place);
    }
}

/* ---- A call ---- */

static void *library;
static const char *socket_path;

/* The copy of a string argument. It is kept for a while, since the function may have kept it. */
static uint64_t take_string(struct buffer *request) {
    static _Thread_local char *kept[STRINGS_KEPT];
    static _Thread_local unsigned next;
    uint32_t size = take_32(request);
    if (size == NOTHING) {
        return 0;
    }
    const unsigned char *bytes = take(request, size);
    free(kept[next]);
    char *copy = kept[next] = malloc((size_t)size + 1);
    next = (next + 1) % STRINGS_KEPT;
    if (copy == NULL) {
        fail("not enough memory");
    }
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    return (uintptr_t)copy;
}

/* The string that a function returned, as far as it can be read. */
static void add_string(struct buffer *answer, uint64_t result) {
    size_t place = answer->size;
    add_32(answer, NOTHING);
    sigjmp_buf out;
    if (result == 0 || sigsetjmp(out, 1) != 0) {
        return;
    }
    return_on_fault(&out);
    size_t size = strlen((const char *)(uintptr_t)result);
    return_on_fault(NULL);
    if (size < NOTHING) {
        uint32_t told = (uint32_t)size;
        memcpy(answer->bytes + place, &told, sizeof told);
        add(answer, (const char *)(uintptr_t)result, size);
    }
}

static void add_changed_registers(struct buffer *answer, const struct call *call) {
    size_t place = answer->size;
    add_byte(answer, 0);
    for (unsigned i = 0; i < SAVED_COUNT; i++) {
        if (call->found[i] != call->expected[i]) {
            answer->bytes[place]++;
            add_byte(answer, (unsigned char)i);
            add_64(answer, call->expected[i]);
            add_64(answer, call->found[i]);
        }
    }
}

/* ---- Processes that a call starts ---- */

static atomic_uint forks;

static void count_fork(void) {
    atomic_fetch_add(&forks, 1);
}

/* How often this process forked, and what the children that it has waited for used: the same number
 * twice, and nobody started anything in between, neither with fork nor with system. */
static long processes_so_far(void) {
    struct rusage children;
    memset(&children, 0, sizeof children);
    getrusage(RUSAGE_CHILDREN, &children);
    return (long)atomic_load(&forks) + children.ru_minflt + children.ru_majflt + children.ru_nvcsw;
}

static int is_alone(unsigned lane) {
    for (unsigned i = 0; i < LANES; i++) {
        if (i != lane && shared->since[i] != 0) {
            return 0;
        }
    }
    return 1;
}

/* Waits for children that have ended, unless another call is under way: they may be that one's.
 * Whether there were any, or are some that run. */
static int clear_away(unsigned lane) {
    int was_child = 0;
    pid_t child = 0;
    if (!is_alone(lane)) {
        return 1;
    }
    while ((child = waitpid(-1, NULL, WNOHANG)) > 0) {
        was_child = 1;
    }
    return was_child || child == 0;
}

/* Whether a call may have left processes running. */
static int may_have_left(unsigned lane, long before) {
    const int has_started = processes_so_far() != before;
    return clear_away(lane) || has_started;
}

static int64_t processor_ms(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* mask: the signals that are blocked while the code runs; what it makes of them stays. */
static void call_function(unsigned lane, sigset_t *mask, struct call *call) {
    sigset_t waiting;
    shared->used[lane] = processor_ms();
    shared->since[lane] = now_ms();
    shared->phase = CALL;
    pthread_sigmask(SIG_SETMASK, mask, &waiting);
    errno = 0;
    make_call(lane, call);
    pthread_sigmask(SIG_SETMASK, &waiting, mask);
    shared->phase = RESULT;
    shared->since[lane] = 0;
    fflush(stdout);
}

static void take_name(struct buffer *request, char name[NAME_MAX_SIZE + 1]) {
    size_t size = take_byte(request);
    memcpy(name, take(request, size), size);
    name[size] = '\0';
}

static void answer_request(unsigned lane, sigset_t *mask, struct buffer *request,
                           struct buffer *answer) {
    char name[NAME_MAX_SIZE + 1];
    char signature[NAME_MAX_SIZE + 1];
    pthread_mutex_lock(&sharing);
    uintptr_t wrong = take_changes(request);
    pthread_mutex_unlock(&sharing);
    if (wrong != 0) {
        add_byte(answer, 'o');
        add_64(answer, wrong);
        return;
    }
    take_name(request, name);
    take_name(request, signature);
    struct call call;
    memset(&call, 0, sizeof call);
    call.function = dlsym(library, name);
    if (call.function == NULL) {
        clear_away(lane); /* the caller may have ended what a call had left, and tells so by this */
        add_byte(answer, 'n');
        return;
    }
    if (signature[0] == '\0') {
        add_byte(answer, 'a');
        add_64(answer, (uintptr_t)call.function);
        return;
    }
    for (const char *kind = signature + 1; *kind != '\0'; kind++) {
        pass(&call, *kind, *kind == 's' ? take_string(request) : take_64(request));
    }
    const long before = processes_so_far();
    call_function(lane, mask, &call);
    add_byte(answer, 'r');
    add_byte(answer, (unsigned char)may_have_left(lane, before));
    add_64(answer, call.result);
    add_64(answer, call.float_result);
    add_changed_registers(answer, &call);
    if (signature[0] == 's') {
        add_string(answer, call.result);
    }
    pthread_mutex_lock(&sharing);
    add_changes(answer);
    pthread_mutex_unlock(&sharing);
    shared->phase = IDLE;
}

/* ---- Lanes ---- */

static atomic_int lanes_made, lanes_free;

static void *serve(void *lane);

/* One more lane, unless there are enough. */
static void open_lane(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    int lane = atomic_fetch_add(&lanes_made, 1);
    if (lane >= LANES) {
        atomic_fetch_sub(&lanes_made, 1);
        return;
    }
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)8 << 20);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, serve, (void *)(intptr_t)lane) != 0) {
        atomic_fetch_sub(&lanes_made, 1); /* the calls will have to wait for each other */
    }
    pthread_attr_destroy(&attributes);
}

static void *serve(void *opaque) {
    const unsigned number = (unsigned)(intptr_t)opaque;
    struct buffer request = {0};
    struct buffer answer = {0};
    sigset_t mask, all;
    int lane = connect_to(socket_path);
    sigfillset(&all);
    for (size_t i = 0; i < 6; i++) { /* what an instruction of this thread's own causes */
        static const int own[6] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
        sigdelset(&all, own[i]);
    }
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    if (number > 0) {
        sigemptyset(&mask); /* this thread's begins as the first one's, which blocks all just now */
    }
    if (lane < 0 || take_signals_aside() != 0) {
        if (number > 0) {
            if (lane >= 0) {
                close(lane);
            }
            return NULL; /* a spare one: who needs it waits for another */
        }
        fail("no connection to the caller");
    }
    atomic_fetch_add(&lanes_free, 1);
    while (read_request(lane, &request) == 0) {
        if (atomic_fetch_sub(&lanes_free, 1) == 1) {
            open_lane();
        }
        answer.size = sizeof(uint32_t);
        answer_request(number, &mask, &request, &answer);
        uint32_t size = (uint32_t)(answer.size - sizeof size);
        memcpy(answer.bytes, &size, sizeof size);
        atomic_fetch_add(&lanes_free, 1);
        if (write_all(lane, answer.bytes, answer.size) != 0) {
            break;
        }
    }
    /* The caller is gone, or the code has closed the connection. */
    shared->phase = RESULT;
    _exit(FATAL_EXIT);
}

int connect_to(const char *path) {
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    int connection = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connection < 0 || strlen(path) >= sizeof address.sun_path) {
        return -1;
    }
    strcpy(address.sun_path, path);
    int high = move_up(connection);
    close(connection);
    if (high >= 0 && connect(high, (struct sockaddr *)&address, sizeof address) != 0) {
        close(high);
        return -1;
    }
    return high;
}

_Noreturn void live_on(int report, const char *socket, const char *file, const char *function) {
    socket_path = socket;
    shared->since[0] = now_ms(); /* a constructor may take no longer than a call */
    pthread_atfork(NULL, count_fork, NULL);
    library = load(report, file, function).library;
    shared->since[0] = 0;
    put_maps();
    put("pid ");
    put_decimal(shared->known_as);
    put("\nloaded\n");
    flush_line();
    shared->phase = IDLE;
    atomic_store(&lanes_made, 1);
    serve((void *)(intptr_t)0);
    abort();
}
