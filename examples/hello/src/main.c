/* hello: a small HTTP service. `hello --help` says how it is started. */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
    (void)signal;
    stopping = 1;
}

static void usage(FILE *to)
{
    fprintf(to, "usage: hello [--address A] [--port N] [--greeting TEXT]\n\n"
                "  --address A      IPv4 address to listen on (0.0.0.0)\n"
                "  --port N         port to listen on, 0 for any that is free (8080)\n"
                "  --greeting TEXT  what / answers (Hello from behind the gate.)\n");
}

static int parse_port(const char *text)
{
    char *end;
    errno = 0;
    long port = strtol(text, &end, 10);
    return errno != 0 || *text == '\0' || *end != '\0' || port < 0 || port > 65535 ? -1 : (int)port;
}

static int send_all(int peer, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = send(peer, bytes, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        bytes += n;
        length -= (size_t)n;
    }
    return 0;
}

/* One request, one response. A peer that sends nothing is dropped after a few seconds. */
static void serve(int peer, const char *greeting)
{
    char in[HTTP_MAX_REQUEST], out[1024];
    size_t have = 0;
    struct http_request request;
    enum http_state state = HTTP_PARTIAL;
    struct timeval limit = {.tv_sec = 5};
    setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);

    while (state == HTTP_PARTIAL && have < sizeof in) {
        ssize_t n = recv(peer, in + have, sizeof in - have, 0);
        if (n < 0 && errno == EINTR && !stopping)
            continue;
        if (n <= 0)
            return;
        have += (size_t)n;
        state = http_parse(in, have, &request);
    }
    size_t length = state == HTTP_WHOLE ? http_respond(&request, greeting, out, sizeof out)
                                        : http_refuse(have < sizeof in ? 400 : 431, out, sizeof out);
    if (send_all(peer, out, length) == 0 && state == HTTP_WHOLE)
        printf("%s %s\n", request.method, request.target);
}

static int listen_on(struct in_addr address, int port)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = address};
    socklen_t size = sizeof at;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) < 0) {
        fprintf(stderr, "hello: cannot listen on port %d: %s\n", port, strerror(errno));
        exit(1);
    }
    printf("hello: listening on %s:%d\n", inet_ntoa(at.sin_addr), ntohs(at.sin_port));
    return fd;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"address", required_argument, NULL, 'a'},
                                            {"port", required_argument, NULL, 'p'},
                                            {"greeting", required_argument, NULL, 'g'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct in_addr address = {.s_addr = htonl(INADDR_ANY)};
    const char *greeting = "Hello from behind the gate.";
    int port = 8080, option;
    while ((option = getopt_long(argc, argv, "a:p:g:h", options, NULL)) != -1) {
        switch (option) {
        case 'a':
            if (inet_pton(AF_INET, optarg, &address) != 1) {
                fprintf(stderr, "hello: `%s` is not an IPv4 address\n", optarg);
                return 2;
            }
            break;
        case 'p':
            if ((port = parse_port(optarg)) < 0) {
                fprintf(stderr, "hello: `%s` is not a port\n", optarg);
                return 2;
            }
            break;
        case 'g': greeting = optarg; break;
        case 'h': usage(stdout); return 0;
        default: usage(stderr); return 2;
        }
    }

    setvbuf(stdout, NULL, _IOLBF, 0);
    struct sigaction action = {.sa_handler = stop}; /* no SA_RESTART: accept returns and the loop ends */
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    int fd = listen_on(address, port);
    while (!stopping) {
        int peer = accept(fd, NULL, NULL);
        if (peer < 0)
            continue;
        serve(peer, greeting);
        close(peer);
    }
    close(fd);
    puts("hello: stopped");
    return 0;
}
