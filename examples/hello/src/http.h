/* The parts of HTTP/1.1 that a service of three pages needs. Knows nothing of sockets. */
#ifndef HELLO_HTTP_H
#define HELLO_HTTP_H

#include <stddef.h>

enum {
    HTTP_MAX_REQUEST = 8192, /* a longer request head is refused with 431 */
    HTTP_MAX_TARGET = 1024
};

/* The request line. */
struct http_request {
    char method[16];
    char target[HTTP_MAX_TARGET];
};

/* What was found in the bytes so far. */
enum http_state {
    HTTP_PARTIAL, /* the blank line is still to come */
    HTTP_WHOLE,
    HTTP_BAD
};

/* Reads a request head of `length` bytes into `request`. Never reads beyond them. */
enum http_state http_parse(const char *bytes, size_t length, struct http_request *request);

/* Writes the whole response to `request` into `out`; returns its length, or 0 if `size` is too small. */
size_t http_respond(const struct http_request *request, const char *greeting, char *out, size_t size);

/* A response that has a status and no page, for requests that were not understood. */
size_t http_refuse(int status, char *out, size_t size);

#endif
