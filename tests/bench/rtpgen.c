/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP load generator and receiver for the benchmarks.
 *
 *   rtpgen idle SECONDS                        how late a 1 ms timer fires: the noise floor
 *   rtpgen listen SECONDS RAW                  arrival time of every packet
 *   rtpgen echo SECONDS RAW steady|aim CALLS   stamped frames out, the same stamps back
 *   rtpgen echo ... CALLS SUITE KEY            the same as SRTP (compiled with RTPGEN_SRTP), sealed with KEY
 *
 * listen and echo print "port N" and echo then reads CALLS far-end ports from standard input, one a line (of SRTP: with the far
 * end's key behind it). One JSON line at the end. Packets are told apart by their source port.
 *
 * A clocked far end sends a packet every 20 ms whatever comes in, so the time to the wire depends mostly on where in its
 * 20 ms a frame falls. `aim` takes the grid out of the question: it watches the far end's packets, sends a frame a chosen
 * lead before the next one, and sees whether that packet already carries it. The share that makes it, as a function of the
 * lead, is the distribution of the time that the far end needs from wire to wire. Every fourth lead is any one, the others
 * gather where the median and the 99th percentile are (aim.h). In the periods between two probes an ordinary frame goes out
 * half a period early, so that the load is that of a normal call; of a call that is alone each frame is a probe. After a probe
 * that missed one is left out, so that the far end's queue is empty again for the next. */
#include <math.h>
#include <sys/prctl.h>

#include "aim.h"
#include "rtpgen.h"
#include "sockets.h"
#ifdef RTPGEN_SRTP
#include "rtpgen_srtp.h"
#else
#define SRTP_ROOM 0
#endif

#define LATE_NS 10000000LL  /* a frame sent so long after its time is counted: the generator could not keep up */
#define TAIL_NS 500000000LL /* after the last send, so that what is under way can come back */

struct call {
    uint16_t port; /* of the far end, network order */
    uint16_t seq;
    uint32_t ts, n; /* n: frames sent */
    int64_t tick;   /* when its newest packet came; 0 = none yet */
    bool probe;     /* aim: the next turn sends a probe, else it is between two of them */
    enum aim_at at; /* aim: what the newest probe was for */
    bool waiting;   /* the newest frame has not come back */
    bool lead_open; /* no packet came since the newest frame */
    size_t row;     /* of the newest frame in rows[] */
#ifdef RTPGEN_SRTP
    struct line *line; /* NULL: plain */
#endif
};

static struct call calls[MAX_CALLS];
static uint32_t n_calls;
static uint16_t call_of_port[65536]; /* index + 1 */
static struct heap heap;
static struct aim leads;
static struct raw_echo *rows;
static size_t n_rows, cap_rows;
static uint64_t n_sent, n_back, n_dup, n_unchanged, n_swapped, n_quartered, n_idle, n_foreign, n_refused, n_late;

static int announced(void) {
    uint16_t port;
    int fd = open_socket(&port);
    printf("port %u\n", port);
    fflush(stdout);
    return fd;
}

/* Which SRTP suite, and the generator's own key. */
static const char *suite, *own_key;

/* Opens what came in. Plain calls have nothing to open. */
static bool opened(struct call *c, uint8_t *buf, size_t *len) {
#ifdef RTPGEN_SRTP
    int n = (int)*len;
    if (c->line && !line_open(c->line, buf, &n))
        return false;
    *len = (size_t)n;
#endif
    return true;
}

static void seal(struct call *c, uint8_t *pkt, size_t *len) {
#ifdef RTPGEN_SRTP
    int n = (int)*len;
    if (c->line && !line_seal(c->line, pkt, &n))
        die("SRTP");
    *len = (size_t)n;
#endif
}

static void on_echo(uint16_t port, uint8_t *buf, size_t len, int64_t at, void *ctx) {
    uint32_t index, n;
    if (call_of_port[port] == 0) {
        n_foreign++;
        return;
    }
    struct call *c = &calls[call_of_port[port] - 1];
    if (!opened(c, buf, &len)) {
        n_refused++;
        return;
    }
    if (len < RTP_HEADER + PAYLOAD) {
        n_foreign++;
        return;
    }
    c->tick = at;
    if (c->n > 0 && c->lead_open && at >= rows[c->row].sent_ns) {
        rows[c->row].lead_ns = at - rows[c->row].sent_ns;
        c->lead_open = false;
    }
    const uint8_t *p = buf + RTP_HEADER;
    uint64_t *found = stamp_get(p, &index, &n)                    ? &n_unchanged
                      : stamp_get(p + HALF, &index, &n)           ? &n_swapped
                      : stamp_get(p + QUARTER, &index, &n)        ? &n_quartered
                      : stamp_get(p + HALF + QUARTER, &index, &n) ? &n_quartered
                                                                  : NULL;
    if (!found) {
        n_idle++;
        return;
    }
    if (index != (uint32_t)(c - calls) || n >= n_rows || rows[n].call != index) {
        n_foreign++;
        return;
    }
    ++*found;
    if (rows[n].latency_ns >= 0) {
        n_dup++;
        return;
    }
    rows[n].latency_ns = at - rows[n].sent_ns;
    n_back++;
    if (n == c->row)
        c->waiting = false;
}

static void send_frame(int fd, uint32_t index) {
    struct call *c = &calls[index];
    uint8_t pkt[RTP_HEADER + PAYLOAD + SRTP_ROOM] = {0x80, c->n == 0 ? 0x80 : 0, c->seq >> 8, c->seq & 0xff};
    size_t len = RTP_HEADER + PAYLOAD;
    uint32_t ts = htonl(c->ts), ssrc = htonl(0x52000000u + index);
    memcpy(pkt + 4, &ts, 4);
    memcpy(pkt + 8, &ssrc, 4);
    memset(pkt + RTP_HEADER, 0x2a, PAYLOAD);
    if (n_rows == cap_rows) {
        cap_rows = cap_rows ? 2 * cap_rows : 1 << 16;
        rows = realloc(rows, cap_rows * sizeof *rows);
        if (!rows)
            die("memory");
    }
    stamp_put(pkt + RTP_HEADER, index, (uint32_t)n_rows);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = c->port};
    c->row = n_rows++;
    rows[c->row] = (struct raw_echo){index, c->n, now_ns(), -1, -1};
    seal(c, pkt, &len);
    if (sendto(fd, pkt, len, 0, (struct sockaddr *)&to, sizeof to) == (ssize_t)len)
        n_sent++;
    c->seq++;
    c->ts += PAYLOAD;
    c->n++;
    c->waiting = c->lead_open = true;
}

/* When the call that had its turn now has it again. */
static int64_t next_turn(struct call *c, int64_t now, bool aim) {
    if (!aim)
        return now + FRAME_NS;
    int64_t tick = c->tick + FRAME_NS; /* the far end's next packet */
    while (tick < now)
        tick += FRAME_NS;
    c->probe = !c->probe;
    if (!c->probe)
        return tick + FRAME_NS / 2; /* when the probe's fate is known */
    int64_t lead = (int64_t)aim_lead_ns(&leads, uniform(), &c->at);
    return tick - lead + (n_calls > 1 || c->waiting ? FRAME_NS : 0);
}

static void read_ports(void) {
    for (uint32_t i = 0; i < n_calls; i++) {
        unsigned port;
        if (scanf("%u", &port) != 1 || port == 0 || port > 65535) {
            fprintf(stderr, "rtpgen: expected %u ports on standard input\n", n_calls);
            exit(2);
        }
#ifdef RTPGEN_SRTP
        char key[SRTP_HEX + 1];
        if (suite && (scanf("%128s", key) != 1 || !(calls[i].line = line_new(suite, own_key, key)))) {
            fprintf(stderr, "rtpgen: suite %s: no such one, or not its keys\n", suite);
            exit(2);
        }
#endif
        calls[i].port = htons((uint16_t)port);
        calls[i].at = AIM_ANY; /* before its first probe */
        calls[i].seq = (uint16_t)(uniform() * 30000);
        call_of_port[calls[i].port] = (uint16_t)(i + 1);
    }
}

static void echo(double seconds, const char *raw, bool aim) {
    int fd = announced();
    read_ports();
    int64_t start = now_ns() + 50000000, end = start + (int64_t)(seconds * 1e9);
    for (uint32_t i = 0; i < n_calls; i++)
        heap_put(&heap, start + FRAME_NS * i / n_calls, i);
    for (int64_t now = now_ns(); now < end + TAIL_NS; now = now_ns()) {
        receive(fd, on_echo, NULL);
        /* no more than a batch before it listens again: a generator that is behind must not go deaf as well */
        for (int i = 0; i < BATCH && heap.n > 0 && heap.item[0].at <= (now = now_ns()); i++) {
            struct due d = heap_pop(&heap);
            n_late += now - d.at > LATE_NS;
            struct call *c = &calls[d.call];
            bool between = aim && !c->probe && c->tick != 0;
            if (between)
                aim_learn(&leads, c->at, !c->waiting);
            if (!between || (n_calls > 1 && !c->waiting))
                send_frame(fd, d.call);
            int64_t next = next_turn(c, aim ? now : d.at, aim && c->tick != 0);
            if (next < end)
                heap_put(&heap, next, d.call);
        }
        wait_until(&fd, 1, heap.n > 0 ? heap.item[0].at : end + TAIL_NS);
    }
    FILE *f = fopen(raw, "wb");
    if (!f || fwrite(rows, sizeof *rows, n_rows, f) != n_rows || fclose(f) != 0)
        die(raw);
    printf("{\"sent\": %lu, \"back\": %lu, \"lost\": %lu, \"dup\": %lu, \"swapped\": %lu, \"unchanged\": %lu, \"quartered\": "
           "%lu, \"idle\": %lu, "
           "\"foreign\": %lu, \"refused\": %lu, \"late\": %lu}\n",
           n_sent, n_back, n_sent - n_back, n_dup, n_swapped, n_unchanged, n_quartered, n_idle, n_foreign, n_refused, n_late);
}

static void on_packet(uint16_t port, uint8_t *buf, size_t len, int64_t at, void *file) {
    if (len <= RTP_HEADER) {
        n_foreign++;
        return;
    }
    if (call_of_port[port] == 0)
        call_of_port[port] = (uint16_t)++n_calls;
    struct raw_packet p = {call_of_port[port] - 1u, (uint16_t)(buf[2] << 8 | buf[3]), 1, at};
    for (size_t i = RTP_HEADER + 1; i < len; i++)
        if (buf[i] != buf[RTP_HEADER])
            p.silent = 0;
    if (fwrite(&p, sizeof p, 1, file) != 1)
        die("raw file");
    n_back++;
}

static void listen_only(double seconds, const char *raw) {
    FILE *f = fopen(raw, "wb");
    if (!f)
        die(raw);
    int fd = announced();
    int64_t end = now_ns() + (int64_t)(seconds * 1e9);
    while (now_ns() < end) {
        wait_until(&fd, 1, end);
        receive(fd, on_packet, f);
    }
    if (fclose(f) != 0)
        die(raw);
    printf("{\"received\": %lu, \"sources\": %u, \"foreign\": %lu}\n", n_back, n_calls, n_foreign);
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void idle(double seconds) {
    size_t n = (size_t)(seconds * 1000);
    int64_t *late = calloc(n + 1, sizeof *late);
    if (!late)
        die("memory");
    for (size_t i = 0; i < n; i++) {
        int64_t at = now_ns() + 1000000;
        struct timespec t = {at / 1000000000LL, at % 1000000000LL};
        clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
        late[i] = now_ns() - at;
    }
    qsort(late, n, sizeof *late, by_value);
    printf("{\"timers\": %zu, \"late_p50_us\": %.1f, \"late_p99_us\": %.1f, \"late_max_us\": %.1f}\n", n,
           (double)late[n / 2] / 1e3, (double)late[n * 99 / 100] / 1e3, (double)late[n ? n - 1 : 0] / 1e3);
    free(late);
}

int main(int argc, char **argv) {
    double seconds = argc > 2 ? atof(argv[2]) : 0;
    prctl(PR_SET_TIMERSLACK, 1);
    if (argc == 3 && strcmp(argv[1], "idle") == 0 && seconds > 0)
        idle(seconds);
    else if (argc == 4 && strcmp(argv[1], "listen") == 0 && seconds > 0)
        listen_only(seconds, argv[3]);
    else if ((argc == 6 || argc == 8) && strcmp(argv[1], "echo") == 0 && seconds > 0 && atoi(argv[5]) > 0 &&
             atoi(argv[5]) <= MAX_CALLS) {
        suite = argc == 8 ? argv[6] : NULL;
        own_key = argc == 8 ? argv[7] : NULL;
        n_calls = (uint32_t)atoi(argv[5]);
        echo(seconds, argv[3], strcmp(argv[4], "aim") == 0);
    } else {
        fprintf(stderr, "usage: rtpgen idle SECONDS | listen SECONDS RAW | echo SECONDS RAW steady|aim CALLS [SUITE KEY]\n");
        return 2;
    }
    return 0;
}
