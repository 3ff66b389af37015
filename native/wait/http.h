/*
 * http.h: what a request says. Chapter 12.
 *
 * As in RFC 9112, version 1.1 and 1.0, and strict: what could be read in two ways is
 * refused. These functions only look at memory: they wait for nothing, and own nothing.
 */
#ifndef GREEN_THREADS_WAIT_HTTP_H
#define GREEN_THREADS_WAIT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { MOST_HEAD = 8192, MOST_BODY = 64 * 1024, MOST_LINE = 256, MOST_TRAILERS = 16 };

struct slice {
    const char *bytes;
    size_t size;
};

enum method { GET, HEAD, POST, OTHER_METHOD };
enum { MOST_TARGET = 256 };

struct request {
    enum method method;
    int minor; /* of its version: HTTP/1.minor */
    int hosts; /* how often it says Host */
    bool keeps, closes, chunked, expects;
    int64_t length;           /* of its body; -1: it does not say */
    char target[MOST_TARGET]; /* a copy, with a 0 behind it */
};

/* What is no request is answered by one of these, as a negative number. */
enum {
    BAD_REQUEST = -400,
    TOO_SLOW = -408,
    TOO_MUCH = -413,
    LONG_TARGET = -414,
    NO_EXPECTATION = -417,
    LONG_HEAD = -431,
    NOT_KNOWN = -501,
    OTHER_VERSION = -505
};

/* Names of fields, and some values, may be written in capitals or not; methods may not. */
static bool is(struct slice s, const char *word) {
    return s.size == strlen(word) && strncasecmp(s.bytes, word, s.size) == 0;
}

static bool is_exactly(struct slice s, const char *word) {
    return s.size == strlen(word) && memcmp(s.bytes, word, s.size) == 0;
}

/* What names may consist of. */
static bool is_token(struct slice s) {
    for (size_t i = 0; i < s.size; i++) {
        unsigned char c = (unsigned char)s.bytes[i];
        if (c <= ' ' || c > '~' || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
            return false;
    }
    return s.size > 0;
}

/* Without control characters; and without spaces and what is not ASCII, if it is a target. */
static bool is_text(struct slice s, bool target) {
    for (size_t i = 0; i < s.size; i++) {
        unsigned char c = (unsigned char)s.bytes[i];
        if (c == 0x7f || (target ? c <= ' ' || c > '~' : c < ' ' && c != '\t'))
            return false;
    }
    return true;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

static struct slice trimmed(struct slice s) {
    while (s.size > 0 && is_space(s.bytes[0]))
        s = (struct slice){s.bytes + 1, s.size - 1};
    while (s.size > 0 && is_space(s.bytes[s.size - 1]))
        s.size--;
    return s;
}

/* Where the first mark begins; NULL: there is none. memmem would keep a table on the stack. */
static const char *find_mark(const char *bytes, size_t size, const char *mark) {
    size_t mark_size = strlen(mark);
    const char *end = bytes + size;
    while ((size_t)(end - bytes) >= mark_size) {
        bytes = memchr(bytes, mark[0], (size_t)(end - bytes) - mark_size + 1);
        if (bytes == NULL || memcmp(bytes, mark, mark_size) == 0)
            return bytes;
        bytes++;
    }
    return NULL;
}

/* All up to the first `mark`, taken off the front of *rest together with the mark; all
   that is left, if there is no mark. */
static struct slice take_up_to(struct slice *rest, const char *mark) {
    const char *at = find_mark(rest->bytes, rest->size, mark);
    struct slice before = *rest;
    if (at == NULL) {
        *rest = (struct slice){rest->bytes + rest->size, 0};
        return before;
    }
    before.size = (size_t)(at - rest->bytes);
    size_t taken = before.size + strlen(mark);
    *rest = (struct slice){rest->bytes + taken, rest->size - taken};
    return before;
}

/* http://host/path, as for a proxy, is to be taken for /path. */
static struct slice path_of(struct slice target) {
    const struct slice scheme = {target.bytes, strlen("http://")};
    if (target.size < scheme.size || !is(scheme, "http://"))
        return target;
    struct slice rest = {target.bytes + scheme.size, target.size - scheme.size};
    const char *path = memchr(rest.bytes, '/', rest.size);
    return path == NULL ? (struct slice){"/", 1}
                        : (struct slice){path, rest.size - (size_t)(path - rest.bytes)};
}

/* What a host's name and port may not consist of; it may be left out. */
static bool is_host(struct slice value) {
    for (size_t i = 0; i < value.size; i++)
        if (strchr("/?#@\\", value.bytes[i]) != NULL)
            return false;
    return is_text(value, true);
}

/* GET /path HTTP/1.1 */
static int read_request_line(struct slice line, struct request *q) {
    struct slice method = take_up_to(&line, " "), target = take_up_to(&line, " ");
    if (!is_token(method) || target.size == 0 || !is_text(target, true))
        return BAD_REQUEST;
    if (line.size != 8 || memcmp(line.bytes, "HTTP/", 5) != 0 || line.bytes[6] != '.')
        return BAD_REQUEST;
    char major = line.bytes[5], minor = line.bytes[7];
    if (major < '0' || major > '9' || minor < '0' || minor > '9')
        return BAD_REQUEST;
    if (major != '1')
        return OTHER_VERSION;
    target = path_of(target);
    if (target.size >= MOST_TARGET)
        return LONG_TARGET;
    memcpy(q->target, target.bytes, target.size);
    q->target[target.size] = '\0';
    q->method = is_exactly(method, "GET")    ? GET
                : is_exactly(method, "HEAD") ? HEAD
                : is_exactly(method, "POST") ? POST
                                             : OTHER_METHOD;
    q->minor = minor > '0';
    return 1;
}

static int read_length(struct slice value, struct request *q) {
    if (q->length >= 0 || value.size == 0)
        return BAD_REQUEST;
    q->length = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9')
            return BAD_REQUEST;
        if (q->length <= MOST_BODY) /* beyond that it is too much, however much it is */
            q->length = 10 * q->length + (value.bytes[i] - '0');
    }
    return 1;
}

static int read_encoding(struct slice value, struct request *q) {
    if (q->chunked)
        return BAD_REQUEST;
    q->chunked = is(value, "chunked");
    return q->chunked ? 1 : NOT_KNOWN;
}

static int read_connection(struct slice value, struct request *q) {
    while (value.size > 0) {
        struct slice word = trimmed(take_up_to(&value, ","));
        q->closes |= is(word, "close");
        q->keeps |= is(word, "keep-alive");
    }
    return 1;
}

/* Name: value */
static int read_field(struct slice line, struct request *q) {
    struct slice name = take_up_to(&line, ":"), value = trimmed(line);
    if (!is_token(name) || name.bytes + name.size == line.bytes || !is_text(value, false))
        return BAD_REQUEST;
    if (is(name, "content-length"))
        return read_length(value, q);
    if (is(name, "transfer-encoding"))
        return read_encoding(value, q);
    if (is(name, "connection"))
        return read_connection(value, q);
    if (is(name, "expect"))
        return (q->expects = is(value, "100-continue")) ? 1 : NO_EXPECTATION;
    if (!is(name, "host"))
        return 1;
    q->hosts++;
    return is_host(value) ? 1 : BAD_REQUEST;
}

/* What its parts are only together. */
static int judge(const struct request *q) {
    if (q->hosts > 1 || (q->minor == 1 && q->hosts == 0))
        return BAD_REQUEST;
    if (q->chunked && (q->length >= 0 || q->minor == 0))
        return BAD_REQUEST;
    return q->length > MOST_BODY ? TOO_MUCH : 1;
}

/* A whole head, with the empty line at its end. Returns 1, or what is wrong with it. */
static int read_head(struct slice head, struct request *q) {
    q->hosts = q->keeps = q->closes = q->chunked = q->expects = 0;
    q->length = -1;
    int status = read_request_line(take_up_to(&head, "\r\n"), q);
    while (status == 1) {
        struct slice line = take_up_to(&head, "\r\n");
        if (line.size == 0)
            return judge(q);
        status = read_field(line, q);
    }
    return status;
}

static int digit_of(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The line before a chunk: its size in hexadecimal, and what may follow behind a `;`. Only before
   that one there may be spaces. */
static int64_t read_chunk_size(struct slice line) {
    bool more = find_mark(line.bytes, line.size, ";") != NULL;
    struct slice digits = take_up_to(&line, ";");
    int64_t size = 0;
    while (more && digits.size > 0 && is_space(digits.bytes[digits.size - 1]))
        digits.size--;
    if (digits.size == 0 || !is_text(line, false))
        return BAD_REQUEST;
    for (size_t i = 0; i < digits.size; i++) {
        if (digit_of(digits.bytes[i]) < 0)
            return BAD_REQUEST;
        if (size <= MOST_BODY)
            size = 16 * size + digit_of(digits.bytes[i]);
    }
    return size <= MOST_BODY ? size : TOO_MUCH;
}

#endif
