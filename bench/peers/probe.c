/* The floor: the same probe in C on the system's OpenSSL, a thread for each session in flight.
 *
 * probe PORT SESSIONS AT_ONCE HOST: ends with 0 where every session heard 550 to RCPT.
 * One shared context, nothing verified, no transcript, no caps; MAIL, RCPT and QUIT in one group.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 4096
#define EHLO "EHLO probe.example\r\n"

static SSL_CTX *context;
static const char *host;
static int port;
static atomic_int left, failed;

/* Read until so many whole replies are there; the buffer always ends with a NUL. */
static int replies(SSL *ssl, int fd, char *buffer, int wanted)
{
    int size = 0, begin = 0;
    while (wanted > 0) {
        int got = ssl ? SSL_read(ssl, buffer + size, ROOM - 1 - size)
                      : (int)recv(fd, buffer + size, ROOM - 1 - size, 0);
        if (got <= 0)
            return 0;
        size += got;
        buffer[size] = 0;
        for (char *end; wanted > 0 && (end = strchr(buffer + begin, '\n')); begin = end + 1 - buffer)
            wanted -= buffer[begin + 3] == ' ';
    }
    return 1;
}

static int say(SSL *ssl, int fd, const char *words)
{
    int size = strlen(words);
    return (ssl ? SSL_write(ssl, words, size) : (int)send(fd, words, size, 0)) == size;
}

static int talk(int fd, SSL *ssl)
{
    char said[ROOM];
    if (!replies(NULL, fd, said, 1) || !say(NULL, fd, EHLO) || !replies(NULL, fd, said, 1) ||
        !say(NULL, fd, "STARTTLS\r\n") || !replies(NULL, fd, said, 1))
        return 0;
    SSL_set_fd(ssl, fd);
    SSL_set_tlsext_host_name(ssl, host);
    if (SSL_connect(ssl) != 1 || !say(ssl, fd, EHLO) || !replies(ssl, fd, said, 1) ||
        !say(ssl, fd, "MAIL FROM:<postmaster@probe.example>\r\n"
                      "RCPT TO:<postmaster@contoso.com>\r\nQUIT\r\n") ||
        !replies(ssl, fd, said, 3))
        return 0;
    return strstr(said, "\n550 ") != NULL;
}

static int session(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1, good = 0;
    SSL *ssl = SSL_new(context);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        good = talk(fd, ssl);
    SSL_free(ssl);
    close(fd);
    return good;
}

static void *work(void *unused)
{
    while (atomic_fetch_sub(&left, 1) > 0)
        if (!session())
            atomic_fetch_add(&failed, 1);
    return unused;
}

int main(int count, char **words)
{
    if (count != 5)
        return 2;
    port = atoi(words[1]);
    left = atoi(words[2]);
    int threads = atoi(words[3]);
    host = words[4];
    signal(SIGPIPE, SIG_IGN);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    pthread_t *ids = calloc(threads, sizeof *ids);
    for (int n = 0; n < threads; n++)
        if (pthread_create(&ids[n], NULL, work, NULL))
            return 3;
    for (int n = 0; n < threads; n++)
        pthread_join(ids[n], NULL);
    return failed ? 1 : 0;
}
