/* SPDX-License-Identifier: GPL-3.0-or-later
 * The worker thread with real sockets, and threads that pull at it from all sides: for ThreadSanitizer and AddressSanitizer. */
#include "worker.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "err.h"
#include "tap.h"
#include "udp.h"

static struct mc_worker *worker_of(mc_live *workers, mc_live *socks) {
    struct mc_worker_cfg cfg = {.cpu = -1, .fifo = false, .max_legs = 64, .live_workers = workers, .live_socks = socks};
    struct mc_worker *w = NULL;
    CHECK_INT(0, mc_worker_new(&w, &cfg), MC_OK);
    return w;
}

static struct mc_leg *leg_of(struct mc_worker *w) {
    struct mc_leg_cfg cfg = {.rate = 8000, .tx_ms = 1000, .name = "test"};
    struct mc_leg *leg = NULL;
    CHECK_INT(0, mc_worker_leg_new(w, &leg, &cfg), MC_OK);
    return leg;
}

static struct mc_leg_params params_of(uint16_t ptime_ms) {
    return (struct mc_leg_params){.codec = "PCMU",
                                  .clock = 8000,
                                  .event_tx_pt = 101,
                                  .event_rx_pt = 101,
                                  .ptime_ms = ptime_ms,
                                  .send = true,
                                  .recv = true};
}

struct pair {
    struct mc_leg *leg[2];
    struct mc_udp_leg *udp[2];
};

/* Two legs that send to each other over loopback. */
static void pair_up(struct pair *p, struct mc_worker *w, uint16_t ptime_ms) {
    struct mc_udp_ends ends[2] = {{.rtcp = true}, {.rtcp = true}};
    struct mc_leg_params params = params_of(ptime_ms);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t len = sizeof ends[1].local;
    mc_addr_parse(&ends[1].local, &ends[1].local_len, "127.0.0.1", 0);
    CHECK_INT(0, bind(fd, (struct sockaddr *)&ends[1].local, ends[1].local_len), 0);
    getsockname(fd, (struct sockaddr *)&ends[1].local, &len);
    close(fd);
    mc_addr_parse(&ends[0].local, &ends[0].local_len, "127.0.0.1", 0);
    ends[0].remote = ends[1].local;
    ends[0].remote_len = ends[1].local_len;
    for (int i = 0; i < 2; i++) {
        p->leg[i] = leg_of(w);
        CHECK_INT(i, mc_udp_leg_start(&p->udp[i], p->leg[i], &params, &ends[i]), MC_OK);
        ends[1].remote = ends[0].local;
        ends[1].remote_len = ends[0].local_len;
    }
}

static void part(struct pair *p) {
    for (int i = 0; i < 2; i++) {
        mc_udp_leg_stop(p->udp[i]);
        mc_worker_leg_close(p->leg[i], NULL, 0, NULL);
        mc_leg_unref(p->leg[i]);
    }
}

/* The engine's side: what Worker.drain does. Returns the samples heard. */
static size_t drain(struct mc_worker *w) {
    size_t n = 0;
    struct pollfd pfd = {.fd = mc_worker_fd(w), .events = POLLIN};
    poll(&pfd, 1, 20);
    for (size_t ready = mc_worker_ready(w); ready > 0; ready--) {
        struct mc_leg *leg = mc_worker_pop(w);
        struct mc_frame f;
        struct mc_event ev;
        int16_t pcm[8000];
        mc_leg_ready_clear(leg);
        while (mc_leg_pop_event(leg, &ev) == MC_OK) {
        }
        while (mc_leg_pop_ear(leg, &f) == MC_OK) {
            mc_leg_take_ear(leg, pcm, f.n);
            n += f.n;
        }
        mc_leg_unref(leg);
    }
    mc_worker_done(w);
    return n;
}

static void two_legs_hear_each_other(void) {
    mc_live workers = 0;
    mc_live socks = 0;
    struct pair p;
    struct mc_worker *w = worker_of(&workers, &socks);
    CHECK_INT(0, mc_worker_start(w), MC_OK);
    CHECK_INT(0, mc_worker_start(w), MC_E_STATE);
    pair_up(&p, w, 20);
    CHECK_INT(0, socks, 2);
    size_t heard = 0;
    uint64_t end = mc_clock_us() + 10000000;
    while (heard < 4000 && mc_clock_us() < end) {
        heard += drain(w);
    }
    CHECK(heard >= 4000);
    part(&p);
    mc_worker_close(w);
    CHECK_INT(0, workers, 0);
    CHECK_INT(0, socks, 0);
}

struct stress {
    struct mc_worker *w;
    _Atomic bool stop;
    uint64_t seed;
};

/* A signalling thread: calls come, change and go. */
static void *signalling(void *arg) {
    struct stress *s = arg;
    struct rng r = rng_of(s->seed);
    for (int i = 0; i < 25; i++) {
        struct pair p;
        char text[400];
        struct mc_leg_stats st;
        struct mc_leg_params params;
        struct mc_tap *tap = NULL;
        pair_up(&p, s->w, rng_below(&r, 2) ? 10 : 20);
        CHECK_INT(i, mc_tap_new(&tap, 8000, 0), MC_OK);
        CHECK_INT(i, mc_worker_tap(p.leg[0], tap), MC_OK);
        CHECK_INT(i, mc_worker_tap(p.leg[0], tap), MC_E_STATE);
        mc_worker_set_sink(p.leg[1], &mc_sink_echo);
        usleep(rng_below(&r, 30000));
        mc_worker_describe(p.leg[0], text, sizeof text);
        CHECK_INT(i, mc_worker_params(p.leg[0], &params), 1);
        mc_leg_stats(p.leg[1], &st);
        mc_worker_set_sink(p.leg[1], &mc_sink_engine);
        mc_worker_untap(p.leg[0], tap);
        mc_tap_free(tap);
        part(&p);
    }
    return NULL;
}

static void calls_come_and_go_on_two_threads_while_a_third_drains(void) {
    mc_live workers = 0;
    mc_live socks = 0;
    struct mc_worker *w = worker_of(&workers, &socks);
    CHECK_INT(0, mc_worker_start(w), MC_OK);
    struct stress s[2] = {{.w = w, .seed = 1}, {.w = w, .seed = 2}};
    pthread_t thread[2];
    struct pair mine;
    pair_up(&mine, w, 20);
    for (int i = 0; i < 2; i++) {
        pthread_create(&thread[i], NULL, signalling, &s[i]);
    }
    uint64_t end = mc_clock_us() + 1000000;
    struct rng r = rng_of(3);
    while (mc_clock_us() < end) {
        int16_t pcm[400] = {1};
        struct mc_worker_stats st;
        drain(w);
        mc_leg_write(mine.leg[0], pcm, rng_below(&r, 400));
        if (rng_below(&r, 10) == 0) {
            mc_leg_flush(mine.leg[0]);
        }
        mc_leg_send_dtmf(mine.leg[1], "1", 50);
        mc_worker_stats(w, &st);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(thread[i], NULL);
    }
    part(&mine);
    mc_worker_close(w); /* legs that were ready and never drained go with it */
    CHECK_INT(0, workers, 0);
    CHECK_INT(0, socks, 0);
}

static void order_of_closing_does_not_matter(void) {
    mc_live workers = 0;
    struct pair p;
    struct mc_worker *w = worker_of(&workers, NULL);
    CHECK_INT(0, mc_worker_start(w), MC_OK);
    pair_up(&p, w, 20);
    mc_worker_stop(w);
    mc_worker_stop(w);
    mc_worker_close(w);
    CHECK_INT(0, workers, 1); /* its legs keep it */
    part(&p);
    CHECK_INT(0, workers, 0);
}

static void limit_of_legs(void) {
    struct mc_worker_cfg cfg = {.cpu = -1, .max_legs = 1};
    struct mc_leg_cfg leg_cfg = {.rate = 8000, .tx_ms = 1000};
    struct mc_worker *w = NULL;
    struct mc_leg *a = NULL;
    struct mc_leg *b = NULL;
    CHECK_INT(0, mc_worker_new(&w, &cfg), MC_OK);
    CHECK_INT(1, mc_worker_leg_new(w, &a, &leg_cfg), MC_OK);
    CHECK_INT(2, mc_worker_leg_new(w, &b, &leg_cfg), MC_E_FULL);
    mc_leg_unref(a);
    CHECK_INT(3, mc_worker_leg_new(w, &b, &leg_cfg), MC_OK);
    mc_leg_unref(b);
    mc_worker_close(w);
}

/* The seam as a signalling stack uses it. */
struct call {
    struct mc_leg *leg;
    struct mc_sock *sock;
    int fd;
    struct sockaddr_in me;
    _Atomic int n_in;
};

static void on_datagram(void *ctx, uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len, uint64_t now_us) {
    struct call *c = ctx;
    atomic_fetch_add(&c->n_in, 1);
    mc_seam_get()->leg_rtp(c->leg, buf, len, now_us);
}

static int send_rtp(void *ctx, const void *pkt, size_t len) {
    struct call *c = ctx;
    return mc_seam_get()->sock_send(c->sock, pkt, len, (struct sockaddr *)&c->me, sizeof c->me);
}

static int mark(void *arg) {
    *(int *)arg = 42;
    return 7;
}

static void a_stack_uses_the_seam(void) {
    mc_live socks = 0;
    struct mc_worker *w = worker_of(NULL, &socks);
    CHECK_INT(0, mc_worker_start(w), MC_OK);
    mc_seam_set(mc_worker_seam(w));
    const struct mc_seam *seam = mc_seam_get();
    struct call c = {.leg = leg_of(w), .me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof c.me;
    int marked = 0;
    CHECK_INT(0, seam->on_worker(seam->host, mark, &marked), 7);
    CHECK_INT(0, marked, 42);
    CHECK_INT(0, mc_seam_bind(MC_SEAM_MAX_CALLS, c.leg), MC_E_ARG);
    CHECK_INT(0, mc_seam_bind(3, c.leg), MC_OK);
    CHECK(seam->leg_of_call(3) == c.leg && seam->leg_of_call(4) == NULL && seam->leg_of_call(-1) == NULL);
    c.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    bind(c.fd, (struct sockaddr *)&c.me, sizeof c.me);
    getsockname(c.fd, (struct sockaddr *)&c.me, &len); /* it sends to itself */
    CHECK_INT(0, seam->sock_add(seam->host, c.fd, on_datagram, &c, &c.sock), MC_OK);
    struct mc_leg_params params = params_of(20);
    struct mc_wire wire = {.ctx = &c, .send_rtp = send_rtp};
    seam->leg_ref(c.leg);
    CHECK_INT(0, seam->leg_start(c.leg, &params, &wire), MC_OK);
    params.send = false; /* hold */
    CHECK_INT(0, seam->leg_start(c.leg, &params, &wire), MC_OK);
    params.send = true;
    CHECK_INT(0, seam->leg_start(c.leg, &params, &wire), MC_OK);
    uint64_t end = mc_clock_us() + 10000000;
    while (atomic_load(&c.n_in) < 5 && mc_clock_us() < end) {
        drain(w);
    }
    CHECK(atomic_load(&c.n_in) >= 5);
    /* The engine lets go first; the stack's teardown comes after. */
    mc_seam_bind(3, NULL);
    mc_worker_leg_close(c.leg, NULL, 0, NULL);
    mc_leg_unref(c.leg);
    CHECK_INT(0, seam->leg_start(c.leg, &params, &wire), MC_E_STATE);
    seam->leg_stop(c.leg);
    seam->leg_unref(c.leg);
    seam->sock_del(c.sock);
    close(c.fd);
    mc_seam_set(NULL);
    mc_worker_close(w);
    CHECK_INT(0, socks, 0);
}

int main(void) {
    RUN(two_legs_hear_each_other);
    RUN(order_of_closing_does_not_matter);
    RUN(limit_of_legs);
    RUN(a_stack_uses_the_seam);
    RUN(calls_come_and_go_on_two_threads_while_a_third_drains);
    return check_done();
}
