/*
 * fuzz_http.c: chapter 12's HTTP server reads what nobody would send.
 *
 *     clang -std=c17 -O1 -g -fsanitize=fuzzer,address,undefined -pthread -I native fuzz_http.c
 *
 * The first byte says into pieces of which size the rest is cut; then it is sent to a thread
 * that serves a connection, and once more in one piece. Both times every answer must be one,
 * all threads must come to an end, nothing may be left open, and the answers must be the
 * same: how the net cuts what is sent is nobody's business.
 *
 * Without the fuzzer (-DREPEAT) it is a program that reads files of such bytes.
 */
#include "12-waiting.c"

enum { MOST_ANSWERS = 256 * 1024 };

struct sent {
    const uint8_t *bytes;
    size_t size, piece;
    int64_t socket;
    char *answers; /* has room for MOST_ANSWERS */
    size_t answered;
};

static void must(bool holds, const char *what) {
    if (!holds) {
        printf("not so: %s\n", what);
        fflush(stdout);
        abort();
    }
}

static int64_t send_pieces(void *environment) {
    const struct sent *s = *(struct sent **)environment;

    for (size_t at = 0; at < s->size; at += s->piece) {
        size_t left = s->size - at;
        if (write_all(s->socket, s->bytes + at, left < s->piece ? left : s->piece) != 1)
            return 0;
        if (s->piece < s->size)
            sleep_for(1); /* so that the server has a look at this piece alone */
    }
    end_writing(running, s->socket);
    return 0;
}

static int64_t read_answers(void *environment) {
    struct sent *s = *(struct sent **)environment;
    int64_t got;

    do {
        got = read_some(s->socket, s->answers + s->answered, MOST_ANSWERS - s->answered);
        s->answered += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    return got;
}

/* Serves one connection. */
static void serve_one(struct sent *s) {
    struct server server = {.idle_ns = 20000 * MS, .request_ns = 20000 * MS, .second = -1};
    struct runtime *r = new_runtime(3, ROOMY);
    int ends[2];

    must(r != NULL && socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "there is memory");
    for (int i = 0; i < 2; i++)
        fcntl(ends[i], F_SETFL, O_NONBLOCK);
    server.runtime = r;
    server.looked = &r->looked;
    server.places = new_channel(r, "the connections", 1);
    send_to(server.places, 0);
    s->socket = take_on(r, ends[0]);
    s->answered = 0;
    int64_t other = take_on(r, ends[1]);
    spawn(r, serve_connection, WITH(struct accepted, &server, other));
    spawn(r, send_pieces, &s, sizeof s);
    spawn(r, read_answers, &s, sizeof s);
    must(run(r) == 0, "nobody waits at the end");
    must(find_socket(r, other) == NULL, "the server has closed its socket");
    must(server.places->count == 0, "and given its place back");
    free_channel(server.places);
    free_runtime(r);
}

/* Goes through the answers, and writes what does not depend on the time, or on how the
   request was cut. Where a HEAD may have been sent, bodies cannot be told from what follows. */
static size_t judge_answers(const struct sent *s, bool heads, char *out) {
    struct slice rest = {s->answers, s->answered};
    size_t size = 0;

    while (rest.size > 0) {
        struct slice line = take_up_to(&rest, "\r\n");
        must(line.size > 13 && memcmp(line.bytes, "HTTP/1.1 ", 9) == 0, "an answer begins so");
        int status = atoi(line.bytes + 9), length = -1;
        bool leave = status == 100;
        must(leave || strcmp(reason_of(status), "HTTP Version Not Supported") != 0 || status == 505,
             "its status is known");
        memcpy(out + size, line.bytes, leave ? 0 : line.size);
        size += leave ? 0 : line.size;
        while ((line = take_up_to(&rest, "\r\n")).size > 0)
            if (begins(line.bytes, "Content-Length: "))
                length = atoi(line.bytes + 16);
        must(leave || length >= 0, "it says how long it is");
        if (leave)
            continue;
        size_t body = heads ? 0 : (size_t)length;
        if (heads) { /* up to the next answer */
            const char *next = memmem(rest.bytes, rest.size, "HTTP/1.1 ", 9);
            body = next == NULL ? rest.size : (size_t)(next - rest.bytes);
        }
        must(body <= rest.size, "it is as long as it says");
        memcpy(out + size, rest.bytes, body);
        size += body;
        rest = (struct slice){rest.bytes + body, rest.size - body};
    }
    return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static char answers[2][MOST_ANSWERS], judged[2][MOST_ANSWERS];
    static const size_t pieces[] = {1, 2, 3, 5, 17, 100, 1000, 5000};
    size_t sizes[2];

    if (size < 1 || size > 100000 || memmem(bytes, size, "/sleep/", 7) != NULL)
        return 0;
    bool heads = memmem(bytes, size, "HEAD", 4) != NULL;
    if (heads && memmem(bytes, size, "/echo", 5) != NULL)
        return 0; /* what is sent back may look like an answer, and nobody knows where it ends */
    for (int i = 0; i < 2; i++) {
        struct sent s = {bytes + 1, size - 1,   i == 0 ? size : pieces[bytes[0] % 8],
                         0,         answers[i], 0};
        serve_one(&s);
        sizes[i] = judge_answers(&s, heads, judged[i]);
    }
    must(sizes[0] == sizes[1] && memcmp(judged[0], judged[1], sizes[0]) == 0,
         "how it is cut does not matter");
    return 0;
}

#ifdef REPEAT
int main(int argc, char **argv) {
    static uint8_t bytes[100000];

    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        must(file != NULL, "the file is there");
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        LLVMFuzzerTestOneInput(bytes, size);
    }
    printf("%d files\n", argc - 1);
    return 0;
}
#endif
