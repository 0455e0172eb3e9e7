/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sinks come and go on a running worker while packets fly and another thread stops and starts the legs: for ThreadSanitizer and
 * AddressSanitizer. */
#include <netinet/in.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "bridge.h"
#include "check.h"
#include "err.h"
#include "mix.h"
#include "prompt.h"
#include "tap.h"
#include "udp.h"
#include "worker.h"

#define LEGS 6 /* 0-1, 2-3, 4-5 talk over loopback */

static struct mc_worker *worker;
static struct mc_leg *leg[LEGS];
static struct mc_udp_leg *udp[LEGS];
static mc_live live;
static _Atomic int done;

static void nap(long us) {
    struct timespec ts = {.tv_nsec = us * 1000};
    nanosleep(&ts, NULL);
}

static struct mc_leg_params params_of(int i) {
    struct mc_leg_params p = {.clock = i < 4 ? 8000 : 48000,
                              .tx_pt = 96,
                              .rx_pt = 96,
                              .event_tx_pt = 101,
                              .event_rx_pt = 101,
                              .ptime_ms = 20,
                              .send = true,
                              .recv = true};
    snprintf(p.codec, sizeof p.codec, "%s", i < 4 ? "PCMU" : "opus");
    return p;
}

static void connect_two(int i) {
    struct mc_udp_ends ends[2] = {0};
    socklen_t len = sizeof ends[1].local;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    mc_addr_parse(&ends[1].local, &ends[1].local_len, "127.0.0.1", 0);
    CHECK_INT(i, bind(fd, (struct sockaddr *)&ends[1].local, ends[1].local_len), 0);
    getsockname(fd, (struct sockaddr *)&ends[1].local, &len);
    close(fd);
    mc_addr_parse(&ends[0].local, &ends[0].local_len, "127.0.0.1", 0);
    ends[0].remote = ends[1].local;
    ends[0].remote_len = ends[1].local_len;
    for (int k = 0; k < 2; k++) {
        struct mc_leg_cfg cfg = {.rate = 16000, .tx_ms = 1000, .name = "test", .live = &live};
        struct mc_leg_params p = params_of(i);
        CHECK_INT(i, mc_worker_leg_new(worker, &leg[i + k], &cfg), MC_OK);
        CHECK_INT(i, mc_udp_leg_start(&udp[i + k], leg[i + k], &p, &ends[k]), MC_OK);
        ends[1].remote = ends[0].local;
        ends[1].remote_len = ends[0].local_len;
    }
}

/* Signalling: legs 1 and 5, which are in bridge and room, stop and start and hold. */
static int drop(void *ctx, const void *pkt, size_t len) {
    return MC_OK;
}

static void *signalling(void *arg) {
    for (int k = 0; !done; k++) {
        struct mc_leg_params p = params_of(k % 2 ? 1 : 5);
        struct mc_wire wire = {.send_rtp = drop, .send_rtcp = drop};
        struct mc_leg *which = leg[k % 2 ? 1 : 5];
        p.recv = k % 3 != 0;
        mc_worker_leg_start(which, &p, &wire);
        nap(3000);
        mc_worker_leg_stop(which);
        struct mc_leg_stats st;
        mc_leg_stats(which, &st);
    }
    return NULL;
}

/* The engine: speaks, is interrupted, reads frames one by one or many at a time, events, digits and recording blocks. */
static void *engine(void *arg) {
    struct mc_tap *tap = arg;
    struct rng r = rng_of(7);
    int16_t pcm[16000] = {0};
    uint64_t n_frames = 0;
    for (uint32_t k = 0; !done; k++) {
        struct mc_leg *ready;
        for (size_t n = mc_worker_ready(worker); n > 0 && (ready = mc_worker_pop(worker)) != NULL; n--) {
            struct mc_event ev;
            struct mc_frame f;
            mc_leg_ready_clear(ready);
            while (mc_leg_pop_event(ready, &ev) == MC_OK) {
            }
            while (mc_leg_front_ear(ready) != NULL && mc_leg_pop_ear(ready, &f) == MC_OK) {
                mc_leg_take_ear(ready, pcm, f.n);
                n_frames++;
            }
            mc_leg_unref(ready);
        }
        mc_worker_done(worker);
        struct mc_tap_head head;
        while (mc_tap_take(tap, &head, pcm, pcm + MC_TAP_MAX)) {
        }
        struct mc_leg *one = leg[rng_below(&r, LEGS)];
        mc_leg_want_ear(one, rng_below(&r, 3) * 800);
        CHECK(mc_leg_ear_samples(one) <= 16384 && mc_leg_pending(one) <= 16384);
        mc_leg_write(one, pcm, rng_below(&r, 640));
        if (rng_below(&r, 8) == 0) {
            mc_leg_flush(one);
        }
        mc_leg_send_dtmf(one, "5", 40);
        nap(500);
    }
    CHECK(n_frames > 0);
    return NULL;
}

/* Whoever asks: statistics and describe() from any thread, a tap that goes on and off. */
static void *asker(void *arg) {
    struct mc_tap *tap = arg;
    for (int k = 0; !done; k++) {
        struct mc_leg_stats st;
        struct mc_worker_stats ws;
        char text[400];
        mc_leg_stats(leg[k % LEGS], &st);
        mc_worker_stats(worker, &ws);
        CHECK(mc_worker_describe(leg[k % LEGS], text, sizeof text) > 0);
        if (k % 2 == 0) {
            CHECK_INT(k, mc_worker_tap(leg[2], tap), MC_OK);
        } else {
            mc_worker_untap(leg[2], tap);
        }
        nap(2000);
    }
    mc_worker_untap(leg[2], tap);
    return NULL;
}

static void come_and_go(void) {
    static int16_t noise[16000];
    struct mc_worker_cfg cfg = {.cpu = -1, .max_legs = 16, .live_workers = &live, .live_socks = &live};
    struct mc_prompt *music = NULL;
    pthread_t thread[3];
    struct mc_tap *tap = NULL;
    struct rng r = rng_of(3);
    for (size_t i = 0; i < COUNT(noise); i++) {
        noise[i] = (int16_t)rng_next(&r);
    }
    CHECK_INT(0, mc_prompt_new(&music, 16000, noise, COUNT(noise), true, &live), MC_OK);
    CHECK_INT(0, mc_worker_new(&worker, &cfg), MC_OK);
    CHECK_INT(0, mc_worker_start(worker), MC_OK);
    for (int i = 0; i < LEGS; i += 2) {
        connect_two(i);
    }
    CHECK_INT(0, mc_tap_new(&tap, 16000, 0), MC_OK);
    pthread_create(&thread[0], NULL, signalling, NULL);
    pthread_create(&thread[1], NULL, engine, tap);
    pthread_create(&thread[2], NULL, asker, tap);
    for (int k = 0; k < 60; k++) {
        struct mc_bridge_cfg join = {.ears = k % 4 == 0, .transcode = k % 3 == 0, .live = &live};
        struct mc_party_cfg party = {.gain = MC_MIX_UNITY};
        struct mc_bridge *bridge = NULL;
        struct mc_mix *mix = NULL;
        struct mc_party *in[2];
        struct mc_prompt_player *player = NULL;
        struct mc_bridge_way way;
        CHECK_INT(k, mc_bridge_new(&bridge, leg[1], leg[3], &join), MC_OK);
        CHECK_INT(k, mc_mix_new(&mix, 16000, &live), MC_OK);
        CHECK_INT(k, mc_mix_add(mix, &in[0], leg[5], &party), MC_OK);
        CHECK_INT(k, mc_mix_add(mix, &in[1], leg[k % 2 ? 3 : 4], &party), MC_OK);
        nap(rng_below(&r, 8000));
        CHECK_INT(k, mc_bridge_hold(bridge, leg[1], k % 2 ? music : NULL), MC_OK);
        party.to = in[1];
        CHECK_INT(k, mc_mix_set(in[0], &party), MC_OK);
        CHECK_INT(k, mc_prompt_start(&player, music, leg[0], k % 2), MC_OK);
        nap(rng_below(&r, 8000));
        CHECK_INT(k, mc_bridge_resume(bridge, leg[1]), MC_OK);
        CHECK_INT(k, mc_bridge_stats(bridge, leg[1], &way), MC_OK);
        mc_mix_remove(in[1]);
        nap(rng_below(&r, 8000));
        mc_prompt_stop(player);
        mc_mix_free(mix);
        mc_bridge_free(bridge);
    }
    done = 1;
    for (size_t i = 0; i < COUNT(thread); i++) {
        pthread_join(thread[i], NULL);
    }
    for (int i = 0; i < LEGS; i++) {
        CHECK(mc_leg_sink(leg[i]) == &mc_sink_engine);
        mc_udp_leg_stop(udp[i]);
        mc_worker_leg_close(leg[i], NULL, 0, NULL);
        mc_leg_unref(leg[i]);
    }
    mc_worker_close(worker);
    mc_prompt_unref(music);
    mc_tap_free(tap);
    CHECK_INT(0, live, 0);
}

int main(void) {
    RUN(come_and_go);
    return check_done();
}
