/* Tests of http.c; run by `make check`, also while the image is built. */
#include "http.h"

#include <stdio.h>
#include <string.h>

static int failed;

static void expect(int holds, const char *what)
{
    printf("%s %s\n", holds ? "ok  " : "FAIL", what);
    failed += !holds;
}

static int answer(const char *head, char *out, size_t size)
{
    struct http_request request;
    int status = 0;
    size_t n = http_parse(head, strlen(head), &request) == HTTP_WHOLE ? http_respond(&request, "hi", out, size - 1)
                                                                    : http_refuse(400, out, size - 1);
    out[n] = '\0';
    return sscanf(out, "HTTP/1.1 %d", &status) == 1 ? status : -1;
}

int main(void)
{
    char out[1024], big[HTTP_MAX_REQUEST + 1];
    struct http_request request;

    expect(answer("GET / HTTP/1.1\r\nHost: x\r\n\r\n", out, sizeof out) == 200, "/ is served");
    expect(strstr(out, "\r\n\r\nhi\n") != NULL, "/ answers the greeting");
    expect(answer("GET /healthz?verbose HTTP/1.1\r\n\r\n", out, sizeof out) == 200, "/healthz is served, with a query");
    expect(strstr(out, "{\"status\":\"ok\"}") != NULL, "/healthz says ok");
    expect(answer("HEAD / HTTP/1.1\r\n\r\n", out, sizeof out) == 200, "HEAD is served");
    expect(strstr(out, "Content-Length: 3\r\n") && strstr(out, "hi") == NULL, "HEAD has a length and no body");
    expect(answer("GET /etc/passwd HTTP/1.1\r\n\r\n", out, sizeof out) == 404, "other paths are not found");
    expect(answer("POST / HTTP/1.1\r\n\r\n", out, sizeof out) == 405, "other methods are not allowed");
    expect(answer("GET http://x/ HTTP/1.1\r\n\r\n", out, sizeof out) == 400, "a target that is no path is refused");
    expect(answer("GET / SPDY/3\r\n\r\n", out, sizeof out) == 400, "another protocol is refused");
    expect(answer("GET /\033[2J HTTP/1.1\r\n\r\n", out, sizeof out) == 400, "control characters are refused");
    expect(answer("\r\n\r\n", out, sizeof out) == 400, "an empty request line is refused");
    expect(http_parse("GET / HT", 8, &request) == HTTP_PARTIAL, "half a request waits for the rest");
    memset(big, 'a', sizeof big);
    expect(http_parse(big, HTTP_MAX_REQUEST, &request) == HTTP_BAD, "a head without an end is refused");
    memcpy(big, "GET /", 5);
    memcpy(big + 5 + HTTP_MAX_TARGET, " HTTP/1.1\r\n\r\n", 13);
    expect(http_parse(big, 18 + HTTP_MAX_TARGET, &request) == HTTP_BAD, "a target that is too long is refused");
    expect(http_respond(&(struct http_request){"GET", "/"}, "hi", out, 10) == 0, "a small buffer is not overrun");
    return failed != 0;
}
