#include "http.h"

#include <stdio.h>
#include <string.h>

static const char *reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 431: return "Request Header Fields Too Large";
    default: return "Internal Server Error";
    }
}

/* Copies the word that ends at `stop` and returns what follows it; NULL if it is empty or too long. */
static const char *word(const char *from, const char *end, char stop, char *to, size_t size)
{
    const char *at = memchr(from, stop, (size_t)(end - from));
    if (at == NULL || at == from || (size_t)(at - from) >= size)
        return NULL;
    for (const char *p = from; p < at; p++)
        if (*p <= ' ' || *p > '~')
            return NULL;
    memcpy(to, from, (size_t)(at - from));
    to[at - from] = '\0';
    return at + 1;
}

enum http_state http_parse(const char *bytes, size_t length, struct http_request *request)
{
    const char *end = NULL;
    for (size_t i = 0; i + 4 <= length; i++)
        if (memcmp(bytes + i, "\r\n\r\n", 4) == 0) {
            end = bytes + i + 2;
            break;
        }
    if (end == NULL)
        return length >= HTTP_MAX_REQUEST ? HTTP_BAD : HTTP_PARTIAL;

    char version[16];
    const char *at = word(bytes, end, ' ', request->method, sizeof request->method);
    if (at != NULL)
        at = word(at, end, ' ', request->target, sizeof request->target);
    if (at != NULL)
        at = word(at, end, '\r', version, sizeof version);
    if (at == NULL || strncmp(version, "HTTP/1.", 7) != 0 || request->target[0] != '/')
        return HTTP_BAD;
    return HTTP_WHOLE;
}

static size_t page(int status, const char *extra, const char *type, const char *body, int head_only, char *out, size_t size)
{
    int n = snprintf(out, size,
                     "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n%s",
                     status, reason(status), type, strlen(body), extra, head_only ? "" : body);
    return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

size_t http_refuse(int status, char *out, size_t size)
{
    return page(status, "", "text/plain; charset=utf-8", "", 0, out, size);
}

size_t http_respond(const struct http_request *request, const char *greeting, char *out, size_t size)
{
    int head = strcmp(request->method, "HEAD") == 0;
    if (!head && strcmp(request->method, "GET") != 0)
        return page(405, "Allow: GET, HEAD\r\n", "text/plain; charset=utf-8", "method not allowed\n", 0, out, size);

    char path[HTTP_MAX_TARGET];
    snprintf(path, sizeof path, "%.*s", (int)strcspn(request->target, "?"), request->target);
    if (strcmp(path, "/") == 0) {
        char body[256];
        snprintf(body, sizeof body, "%.200s\n", greeting);
        return page(200, "", "text/plain; charset=utf-8", body, head, out, size);
    }
    if (strcmp(path, "/healthz") == 0)
        return page(200, "", "application/json", "{\"status\":\"ok\"}\n", head, out, size);
    return page(404, "", "text/plain; charset=utf-8", "not found\n", head, out, size);
}
