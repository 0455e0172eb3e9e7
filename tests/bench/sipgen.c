/* SPDX-License-Identifier: GPL-3.0-or-later
 * Call generator of `setup`: calls that come as callers do, at random moments (a Poisson process), are answered, talk and end.
 *
 *   sipgen PORT USER RATE SECONDS HOLD_MS RAW      RATE calls a second to USER at PORT of 127.0.0.1
 *
 * Each is an INVITE with an offer of G.711 and, HOLD_MS after its 200, a BYE; requests are repeated as RFC 3261 section 17.1 says,
 * for GIVE_UP_NS. All calls share one socket for SIP and one for what comes in as RTP, told apart by the port it comes from. Written
 * for each call: struct raw_setup, and one line of JSON at the end. Headers are read in their long form only. */
#include <math.h>
#include <sys/prctl.h>

#include "rtpgen.h"
#include "sockets.h"

#define T1_NS 500000000LL /* RFC 3261 section 17.1.1.1 */
#define GIVE_UP_NS 5000000000LL
#define LATE_NS 10000000LL /* a call begun so long after its time is counted: the generator could not keep up */
#define TIMEOUT 408
#define LINE 256
#define ROOM 2048

enum state { INVITED, RINGING, UP, LEAVING, OVER };

static struct dialog {
    enum state state;
    unsigned repeats; /* of the request that waits */
    int64_t asked_ns; /* when that was sent first */
    int64_t due;
    uint16_t port; /* the far end's RTP, network order; 0: not known */
    char to[LINE], target[LINE];
    struct raw_setup row;
} * dialogs;

static uint32_t n_dialogs, cap_dialogs, n_live;
static uint32_t call_of_port[65536]; /* index + 1 */
static int64_t unclaimed_ns[65536];  /* of a port that no answer named yet: its first packet */
static uint64_t n_repeated, n_late, n_strange, n_later;
static struct heap heap;
static int sip_fd, rtp_fd;
static uint16_t sip_port, rtp_port;
static const char *user;
static struct sockaddr_in target_addr;

/* --- messages --- */

static void send_text(const char *text, int len) {
    if (len > 0 && len < ROOM)
        sendto(sip_fd, text, (size_t)len, 0, (struct sockaddr *)&target_addr, sizeof target_addr);
}

static void send_request(const struct dialog *d, const char *method, unsigned cseq, const char *branch) {
    static char text[ROOM], body[LINE];
    int n = 0, id = (int)(d - dialogs);
    if (strcmp(method, "INVITE") == 0)
        n = snprintf(body, sizeof body,
                     "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %u RTP/AVP 0\r\n"
                     "a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n",
                     rtp_port);
    int len = snprintf(text, sizeof text,
                       "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%u-%d-%s\r\nMax-Forwards: 70\r\n"
                       "From: <sip:bench@127.0.0.1:%u>;tag=%d\r\nTo: %s\r\nCall-ID: %d-%u@bench\r\nCSeq: %u %s\r\n"
                       "Contact: <sip:bench@127.0.0.1:%u>\r\n%sContent-Length: %d\r\n\r\n%s",
                       method, d->target, sip_port, (unsigned)getpid(), id, branch, sip_port, id, d->to, id, (unsigned)getpid(),
                       cseq, method, sip_port, n ? "Content-Type: application/sdp\r\n" : "", n, n ? body : "");
    send_text(text, len);
}

/* The value of a header, up to the line's end; NULL: there is none. */
static const char *header(const char *message, const char *name) {
    const char *at = strcasestr(message, name);
    return at ? at + strlen(name) : NULL;
}

static void copy_until(char *to, size_t size, const char *from, const char *ends) {
    size_t n = strcspn(from, ends);
    if (n >= size)
        n = size - 1;
    memcpy(to, from, n);
    to[n] = 0;
}

/* A request of the far end: whatever it is, it is fine. */
static void agree(const char *message) {
    static const char *const names[] = {"\r\nVia:", "\r\nFrom:", "\r\nTo:", "\r\nCall-ID:", "\r\nCSeq:"};
    static char text[ROOM], value[LINE];
    int len = snprintf(text, sizeof text, "SIP/2.0 200 OK");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *found = header(message, names[i]);
        if (!found)
            return;
        copy_until(value, sizeof value, found, "\r");
        len += snprintf(text + len, sizeof text - (size_t)len, "%s%s", names[i], value);
    }
    len += snprintf(text + len, sizeof text - (size_t)len, "\r\nContent-Length: 0\r\n\r\n");
    send_text(text, len);
}

/* --- a call's life --- */

static void over(struct dialog *d, unsigned code) {
    if (d->port)
        call_of_port[d->port] = 0;
    if (code)
        d->row.code = (uint16_t)code;
    d->state = OVER;
    n_live--;
}

static void set_timer(struct dialog *d, int64_t at) {
    d->due = at;
    heap_put(&heap, at, d->row.call);
}

static void ask(struct dialog *d, enum state state, int64_t now) {
    d->state = state;
    d->repeats = 0;
    d->asked_ns = now;
    send_request(d, state == INVITED ? "INVITE" : "BYE", state == INVITED ? 1 : 2, state == INVITED ? "i" : "b");
    set_timer(d, now + T1_NS);
}

static void begin(int64_t now) {
    struct dialog *d = &dialogs[n_dialogs];
    snprintf(d->target, sizeof d->target - 2, "sip:%s@127.0.0.1:%u", user, ntohs(target_addr.sin_port));
    snprintf(d->to, sizeof d->to, "<%.250s>", d->target);
    d->row = (struct raw_setup){.call = n_dialogs, .invite_ns = now, .answer_ns = -1, .rtp_ns = -1};
    n_dialogs++;
    n_live++;
    ask(d, INVITED, now);
}

static void answered(struct dialog *d, const char *message, int64_t at, int64_t hold_ns) {
    const char *to = header(message, "\r\nTo: "), *contact = header(message, "\r\nContact: <"),
               *media = strstr(message, "m=audio ");
    if (!to || !contact || !media) {
        over(d, TIMEOUT);
        return;
    }
    copy_until(d->to, sizeof d->to, to, "\r");
    copy_until(d->target, sizeof d->target, contact, ">");
    send_request(d, "ACK", 1, "a");
    d->row.code = 200;
    d->row.answer_ns = at;
    d->port = htons((uint16_t)atoi(media + strlen("m=audio ")));
    call_of_port[d->port] = d->row.call + 1;
    if (unclaimed_ns[d->port] >= d->row.invite_ns)
        d->row.rtp_ns = unclaimed_ns[d->port];
    d->state = UP;
    set_timer(d, at + hold_ns);
}

static void on_sip(uint16_t port, uint8_t *buf, size_t len, int64_t at, void *ctx) {
    const char *message = (const char *)buf, *id = header(message, "\r\nCall-ID: "), *cseq = header(message, "\r\nCSeq: ");
    uint32_t index = id ? (uint32_t)atoi(id) : UINT32_MAX;
    if (!cseq || index >= n_dialogs) {
        n_strange++;
        return;
    }
    struct dialog *d = &dialogs[index];
    if (strncmp(message, "SIP/2.0 ", 8) != 0) {
        if (strncmp(message, "BYE ", 4) == 0 && d->state == UP)
            over(d, TIMEOUT); /* it was for us to end it */
        if (strncmp(message, "ACK ", 4) != 0)
            agree(message);
        return;
    }
    unsigned status = (unsigned)atoi(message + 8);
    if (atoi(cseq) == 2) {
        if (status >= 200 && d->state == LEAVING)
            over(d, status >= 300 ? status : 0);
    } else if (status < 200) {
        if (d->state == INVITED)
            d->state = RINGING;
    } else if (d->state == INVITED || d->state == RINGING) {
        if (status < 300) {
            answered(d, message, at, *(int64_t *)ctx);
        } else {
            send_request(d, "ACK", 1, "i");
            d->row.answer_ns = at;
            n_later += header(message, "\r\nRetry-After: ") != NULL;
            over(d, status);
        }
    } else if (status < 300) {
        n_repeated++; /* its ACK was lost, or is not there yet */
        send_request(d, "ACK", 1, "a");
    }
}

static void on_rtp(uint16_t port, uint8_t *buf, size_t len, int64_t at, void *ctx) {
    if (len < RTP_HEADER || (buf[1] >= 192 && buf[1] < 224)) /* RTCP beside RTP (RFC 5761 section 4) */
        return;
    if (call_of_port[port]) {
        struct raw_setup *row = &dialogs[call_of_port[port] - 1].row;
        if (row->rtp_ns < 0)
            row->rtp_ns = at;
    } else if (at - unclaimed_ns[port] > GIVE_UP_NS) {
        unclaimed_ns[port] = at;
    }
}

/* A timer of a call; one that was set anew since does nothing. */
static void on_timer(struct dialog *d, int64_t at, int64_t now) {
    if (d->state == OVER || d->due != at)
        return;
    if (d->state != UP && now - d->asked_ns >= GIVE_UP_NS) {
        over(d, TIMEOUT);
    } else if (d->state == UP) {
        ask(d, LEAVING, now);
    } else if (d->state == RINGING) {
        set_timer(d, d->asked_ns + GIVE_UP_NS);
    } else {
        d->repeats++;
        d->row.repeats++;
        n_repeated++;
        send_request(d, d->state == INVITED ? "INVITE" : "BYE", d->state == INVITED ? 1 : 2, d->state == INVITED ? "i" : "b");
        set_timer(d, now + (T1_NS << d->repeats));
    }
}

static void run(double rate, double seconds, int64_t hold_ns) {
    const int fds[2] = {sip_fd, rtp_fd};
    int64_t next = now_ns() + 10000000, end = next + (int64_t)(seconds * 1e9);
    for (int64_t now = now_ns(); next < end || n_live > 0; now = now_ns()) {
        receive(sip_fd, on_sip, &hold_ns);
        receive(rtp_fd, on_rtp, NULL);
        for (int i = 0; i < BATCH && heap.n > 0 && heap.item[0].at <= now; i++) {
            struct due timer = heap_pop(&heap);
            on_timer(&dialogs[timer.call], timer.at, now);
        }
        for (int i = 0; i < BATCH && next <= now && next < end; i++) {
            n_late += now - next > LATE_NS;
            if (n_dialogs == cap_dialogs || heap.n + 4 > MAX_CALLS) {
                fprintf(stderr, "sipgen: more than %u calls, or %d at once\n", cap_dialogs, MAX_CALLS / 2);
                exit(1);
            }
            begin(now_ns());
            next += (int64_t)(-log(1 - uniform()) / rate * 1e9);
        }
        int64_t until = next < end ? next : now + T1_NS;
        wait_until(fds, 2, heap.n > 0 && heap.item[0].at < until ? heap.item[0].at : until);
    }
}

int main(int argc, char **argv) {
    double rate = argc > 3 ? atof(argv[3]) : 0, seconds = argc > 4 ? atof(argv[4]) : 0;
    uint32_t n_up = 0;
    if (argc != 7 || rate <= 0 || seconds <= 0 || atoi(argv[5]) <= 0) {
        fprintf(stderr, "usage: sipgen PORT USER RATE SECONDS HOLD_MS RAW\n");
        return 2;
    }
    prctl(PR_SET_TIMERSLACK, 1);
    user = argv[2];
    target_addr = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    sip_fd = open_socket(&sip_port);
    rtp_fd = open_socket(&rtp_port);
    cap_dialogs = (uint32_t)(rate * seconds * 1.2) + 100;
    dialogs = calloc(cap_dialogs, sizeof *dialogs);
    if (!dialogs)
        die("memory");
    run(rate, seconds, atoi(argv[5]) * 1000000LL);
    FILE *f = fopen(argv[6], "wb");
    for (uint32_t i = 0; f && i < n_dialogs; i++) {
        n_up += dialogs[i].row.code == 200;
        if (fwrite(&dialogs[i].row, sizeof dialogs[i].row, 1, f) != 1)
            die(argv[6]);
    }
    if (!f || fclose(f) != 0)
        die(argv[6]);
    printf("{\"calls\": %u, \"good\": %u, \"repeated\": %lu, \"late\": %lu, \"strange\": %lu, \"later\": %lu}\n", n_dialogs,
           n_up, n_repeated, n_late, n_strange, n_later);
    return 0;
}
