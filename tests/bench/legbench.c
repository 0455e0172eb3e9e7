/* SPDX-License-Identifier: GPL-3.0-or-later
 * legbench LEGS ROUNDS [SPOIL_KB]: G.711 legs from packet to ear and from ring to packet, without a socket: what the state of so many
 * legs costs in cache misses. In each bucket of the clock a packet for each of its legs, in another order than their ticks; then the
 * engine takes the frames and writes some (untimed); then the ticks. SPOIL_KB: memory that something else touches in between, as
 * kernel and Python do. A line of JSON: CPU nanoseconds, {"packet_ns": [one a round], "tick_ns": [...]}; a first round is thrown away. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grid.h"
#include "leg.h"
#include "rtp.h"

#define TURNS 10 /* of 20 ms in a round */
#define FRAME 160
#define MAX_LEGS 4096
#define MAX_ROUNDS 100
#define TICK_US (MC_GRID_ROUND * MC_GRID_BUCKET_US)
#define LINE 64

static struct mc_leg *legs[MAX_LEGS];
static uint8_t packet[MC_RTP_HEADER + FRAME];
static uint64_t now_us = TICK_US;
static uint64_t n_sent;
static uint8_t *spoil;
static size_t spoil_size;

static int drop(void *ctx, const void *pkt, size_t len) {
    n_sent++;
    return 0;
}

static double cpu_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static uint64_t clock_us(void) {
    return now_us;
}

static void start(struct mc_grid *grid, unsigned n) {
    static const struct mc_wire wire = {.send_rtp = drop};
    for (unsigned i = 0; i < n; i++) {
        struct mc_leg_cfg cfg = {.rate = 8000, .tx_ms = 1000, .seed = i + 1, .name = "bench"};
        struct mc_leg_params params = {.codec = "PCMU", .clock = 8000, .ptime_ms = 20, .send = true, .recv = true};
        struct mc_path *path = NULL;
        params.event_tx_pt = params.event_rx_pt = 101;
        if (mc_leg_new(&legs[i], &cfg) < 0 || mc_path_new(&path, legs[i], &params) < 0) {
            abort();
        }
        mc_leg_start(legs[i], path, &wire, now_us);
        mc_grid_add(grid, legs[i], now_us);
    }
}

static void take_and_say(struct mc_leg *leg) {
    static int16_t pcm[8000];
    struct mc_frame frame;
    struct mc_event event;
    while (mc_leg_pop_event(leg, &event) == 0) {
    }
    while (mc_leg_pop_ear(leg, &frame) == 0) {
        mc_leg_take_ear(leg, pcm, frame.n);
    }
    if (mc_leg_pending(leg) < 2 * FRAME) {
        mc_leg_write(leg, pcm, FRAME);
    }
}

static void forget_caches(void) {
    for (size_t i = 0; i < spoil_size; i += LINE) {
        spoil[i]++;
    }
}

/* Leg i sits in bucket i % MC_GRID_ROUND; `step` walks its legs in an order that no prefetcher knows. */
static void bucket(struct mc_grid *grid, unsigned b, unsigned n, uint16_t seq, double *packet_ns, double *tick_ns) {
    const unsigned in_it = n / MC_GRID_ROUND, step = in_it % 7 != 0 ? 7 : 11;
    uint32_t ts = seq * (uint32_t)FRAME;
    forget_caches();
    double t0 = cpu_ns();
    for (unsigned k = 0, j = 0; k < in_it; k++, j = (j + step) % in_it) {
        struct mc_rtp rtp = {.pt = 0, .seq = seq, .ts = ts, .ssrc = j};
        mc_rtp_build(packet, sizeof packet, &rtp);
        mc_leg_on_packet(legs[j * MC_GRID_ROUND + b], packet, sizeof packet, now_us);
    }
    double t1 = cpu_ns();
    for (unsigned j = 0; j < in_it; j++) {
        take_and_say(legs[j * MC_GRID_ROUND + b]);
    }
    forget_caches();
    double t2 = cpu_ns();
    now_us += MC_GRID_BUCKET_US;
    mc_grid_run(grid, now_us, clock_us);
    *packet_ns += t1 - t0;
    *tick_ns += cpu_ns() - t2;
}

static void print(const char *name, const double *v, int rounds, const char *end) {
    printf("\"%s\": [", name);
    for (int i = 1; i <= rounds; i++) {
        printf("%s%.1f", i > 1 ? ", " : "", v[i]);
    }
    printf("]%s", end);
}

int main(int argc, char **argv) {
    static struct mc_grid grid;
    static double packet_ns[MAX_ROUNDS + 1], tick_ns[MAX_ROUNDS + 1];
    unsigned n = argc > 2 ? (unsigned)atoi(argv[1]) : 0;
    int rounds = argc > 2 ? atoi(argv[2]) : 0;
    if (n < MC_GRID_ROUND || n > MAX_LEGS || n % MC_GRID_ROUND != 0 || rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: legbench LEGS ROUNDS [SPOIL_KB] (LEGS: 10, 20 ... %d; ROUNDS: 1 to %d)\n", MAX_LEGS / 10 * 10,
                MAX_ROUNDS);
        return 2;
    }
    spoil_size = argc > 3 ? (size_t)atoi(argv[3]) * 1024 : 0;
    spoil = calloc(1, spoil_size + 1);
    start(&grid, n);
    uint16_t seq = 0;
    for (int r = 0; r <= rounds; r++) {
        uint64_t sent = n_sent;
        for (int turn = 0; turn < TURNS; turn++, seq++) {
            for (unsigned b = 0; b < MC_GRID_ROUND; b++) {
                bucket(&grid, b, n, seq, &packet_ns[r], &tick_ns[r]);
            }
        }
        if (n_sent - sent != (uint64_t)n * TURNS) {
            fprintf(stderr, "%llu packets instead of %u\n", (unsigned long long)(n_sent - sent), n * TURNS);
            return 1;
        }
        packet_ns[r] /= n * TURNS;
        tick_ns[r] /= n * TURNS;
    }
    putchar('{');
    print("packet_ns", packet_ns, rounds, ", ");
    print("tick_ns", tick_ns, rounds, "}\n");
    return 0;
}
