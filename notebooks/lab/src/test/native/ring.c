/*
 * ring.c: chapter 12's loop by hand through io_uring, for servers.py.
 *
 * Linux has a second way to wait for many things at once. What is to be done is written into a
 * ring of requests that the system shares with the program, what has been done is read from a
 * ring of completions, and one call hands over all that has gathered. So no call reads, and none
 * writes. Heads are read, and answered, by the chapter's own functions.
 *
 *     ring          prints its port; for each line that it is sent, the processor time that it
 *                   has had; and ends when its input does
 *     ring try      says whether the system lets it have a ring: exit status 0 or 2
 *
 *     cc -std=c17 -O2 -pthread -Wno-unused-function -I native ring.c -o ring -luring
 *
 * It knows as much as the comparison needs: who sends more than a head's size while an answer is
 * under way is cut off.
 */
#include "12-waiting.c"

#include <liburing.h>

#include "used.h"

enum { PIECES = 2048, PIECE = 1024, OF_PIECES = 1, REQUESTS = 4096, CONNECTIONS = 4096 };

/* What a completion is about, in the low bits of its task's address. All of them are clear of
   one that is about the listener, and has no task. */
enum about { RECEIVED, SENT, SHUT, ABOUT = 3 };

/* Both rings; and the pieces of memory that the system puts into what it has received. */
struct rings {
    struct io_uring both;
    struct io_uring_buf_ring *lent;
    char (*pieces)[PIECE];
    int given_back; /* pieces, since the system was told of some */
    struct loop *loop;
};

/* A place in the ring of requests. If it is full, what lies there is handed over first. */
static struct io_uring_sqe *next_request(struct rings *r) {
    struct io_uring_sqe *request = io_uring_get_sqe(&r->both);
    if (request != NULL)
        return request;
    io_uring_submit(&r->both);
    return io_uring_get_sqe(&r->both);
}

/* Its descriptor is a place in a table of the ring's, which is looked up at less cost. */
static void is_about(struct io_uring_sqe *request, struct task *t, enum about about) {
    request->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data64(request, (uintptr_t)t | (uintptr_t)about);
}

/* Asks once for all that will ever come, each time in a piece that is lent to the system. */
static void receive_all(struct rings *r, struct task *t) {
    struct io_uring_sqe *request = next_request(r);
    io_uring_prep_recv_multishot(request, t->fd, NULL, 0, 0);
    request->flags |= IOSQE_BUFFER_SELECT;
    request->buf_group = OF_PIECES;
    is_about(request, t, RECEIVED);
}

/* All of an answer: where there is no room, the system waits for some. */
static void hand_over_answer(struct rings *r, struct task *t) {
    struct io_uring_sqe *request = next_request(r);
    io_uring_prep_send(request, t->fd, t->answer, t->answer_size, MSG_NOSIGNAL | MSG_WAITALL);
    is_about(request, t, SENT);
    t->at = WRITES_ANSWER;
}

/* Shuts both directions: then what is still to be received ends, and the task with it. */
static void part_from(struct rings *r, struct task *t) {
    if (t->ended)
        return;
    struct io_uring_sqe *request = next_request(r);
    io_uring_prep_shutdown(request, t->fd, SHUT_RDWR);
    is_about(request, t, SHUT);
    t->ended = true;
}

/* Nothing more comes: it ends, unless its answer is still under way. */
static void end_of(struct rings *r, struct task *t) {
    t->readable = false;
    if (t->at == WRITES_ANSWER)
        return;
    struct io_uring_sqe *request = next_request(r);
    io_uring_prep_close_direct(request, (unsigned)t->fd);
    io_uring_sqe_set_data64(request, SHUT);
    free(t);
}

/* If a head is whole, answers it. One at a time. */
static void answer_next(struct rings *r, struct task *t) {
    size_t size = t->end - t->begin;
    const char *head = t->bytes + t->begin, *at = find_mark(head, size, "\r\n\r\n");
    if (at != NULL) {
        answer_by_hand(r->loop, t, (size_t)(at - head) + 4);
        hand_over_answer(r, t);
    } else if (size == MOST_HEAD)
        part_from(r, t);
}

static void keep(struct rings *r, struct task *t, const char *bytes, size_t size) {
    if (MOST_HEAD - t->end < size) {
        memmove(t->bytes, t->bytes + t->begin, t->end - t->begin);
        t->end -= t->begin;
        t->begin = 0;
    }
    if (MOST_HEAD - t->end < size) {
        part_from(r, t);
        return;
    }
    memcpy(t->bytes + t->end, bytes, size);
    t->end += size;
}

/* The piece goes back to the system as soon as its bytes are with their task. */
static void has_received(struct rings *r, struct task *t, const struct io_uring_cqe *done) {
    if (done->res > 0) {
        int piece = (int)(done->flags >> IORING_CQE_BUFFER_SHIFT);
        keep(r, t, r->pieces[piece], (size_t)done->res);
        io_uring_buf_ring_add(r->lent, r->pieces[piece], PIECE, (unsigned short)piece, PIECES - 1,
                              r->given_back++);
        if (t->at == READS_HEAD && !t->ended)
            answer_next(r, t);
    }
    if (done->flags & IORING_CQE_F_MORE)
        return;
    if (done->res > 0 || done->res == -ENOBUFS)
        receive_all(r, t);
    else
        end_of(r, t);
}

static void has_sent(struct rings *r, struct task *t, int size) {
    bool over = size != (int)t->answer_size || t->closes;
    t->at = READS_HEAD;
    if (!over)
        answer_next(r, t);
    else if (t->readable)
        part_from(r, t);
    if (!t->readable)
        end_of(r, t);
}

static void has_accepted(struct rings *r, int fd) {
    struct task *t = fd < 0 ? NULL : malloc(sizeof *t);
    if (t == NULL)
        return;
    memset(t, 0, offsetof(struct task, answer));
    t->fd = fd;
    t->readable = true;
    receive_all(r, t);
}

static void handle(struct rings *r, const struct io_uring_cqe *done) {
    struct task *t = (struct task *)(uintptr_t)(done->user_data & ~(uint64_t)ABOUT);
    enum about about = (enum about)(done->user_data & ABOUT);
    if (about == RECEIVED && t == NULL)
        has_accepted(r, done->res);
    else if (about == RECEIVED)
        has_received(r, t, done);
    else if (about == SENT)
        has_sent(r, t, done->res);
}

/* One OS thread hands over, and the system's part of the work is done when it asks for it. */
static int open_rings(struct rings *r, struct loop *loop) {
    struct io_uring_params how = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = 2 * REQUESTS};
    *r = (struct rings){.loop = loop};
    int error = io_uring_queue_init_params(REQUESTS, &r->both, &how);
    if (error != 0)
        return -error;
    r->pieces = malloc(PIECES * sizeof *r->pieces);
    r->lent = aligned_alloc(4096, PIECES * sizeof(struct io_uring_buf));
    if (r->pieces == NULL || r->lent == NULL)
        return ENOMEM;
    struct io_uring_buf_reg lent = {
        .ring_addr = (uintptr_t)r->lent, .ring_entries = PIECES, .bgid = OF_PIECES};
    error = io_uring_register_files_sparse(&r->both, CONNECTIONS);
    if (error == 0)
        error = io_uring_register_buf_ring(&r->both, &lent, 0);
    if (error != 0)
        return -error;
    io_uring_buf_ring_init(r->lent);
    for (int i = 0; i < PIECES; i++)
        io_uring_buf_ring_add(r->lent, r->pieces[i], PIECE, (unsigned short)i, PIECES - 1, i);
    io_uring_buf_ring_advance(r->lent, PIECES);
    return 0;
}

static void serve_by_rings(struct rings *r) {
    struct io_uring_sqe *request = next_request(r);
    io_uring_prep_multishot_accept_direct(request, r->loop->listener, NULL, NULL, 0);
    io_uring_sqe_set_data64(request, RECEIVED);
    for (;;) {
        struct io_uring_cqe *done;
        unsigned at, count = 0;
        io_uring_submit_and_wait(&r->both, 1);
        r->loop->looked = now_ns();
        io_uring_for_each_cqe(&r->both, at, done) {
            handle(r, done);
            count++;
        }
        io_uring_buf_ring_advance(r->lent, r->given_back);
        io_uring_cq_advance(&r->both, count);
        r->given_back = 0;
    }
}

static void *wait_for_the_end(void *unused) {
    char line[64];
    (void)unused;
    while (fgets(line, sizeof line, stdin) != NULL)
        say_what_was_used();
    exit(0);
}

int main(int argc, char **argv) {
    struct either *server = open_either(0, 0, NULL, NULL);
    struct rings rings;
    pthread_t waiter;
    int error = server == NULL ? EADDRINUSE : open_rings(&rings, &server->loop);
    if (error != 0) {
        fprintf(stderr, "no ring: %s\n", strerror(error));
        return 2;
    }
    if (argc > 1 && strcmp(argv[1], "try") == 0)
        return 0;
    printf("port %d\n", port_of_either(server));
    fflush(stdout);
    pthread_create(&waiter, NULL, wait_for_the_end, NULL);
    serve_by_rings(&rings);
    return 0;
}
