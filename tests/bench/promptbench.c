/* SPDX-License-Identifier: GPL-3.0-or-later
 * promptbench ROUNDS: a 20 ms packet of an announcement, from the leg's tick to its wire: coded by the leg itself, or ready beforehand.
 * A line of JSON: {"opus/48000": {"own_ns": [one a round], "ready_ns": [...], "own_instructions": ..., "ready_instructions": ...}}; the
 * instructions are those of user space, 0 where the kernel counts none. */
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "codec.h"
#include "prompt.h"

#define RATE 16000
#define SECONDS 4
#define PACKETS (SECONDS * 50)
#define MAX_ROUNDS 100

static int16_t speech[SECONDS * RATE];
static int counter = -1;

static int drop(void *ctx, const void *pkt, size_t len) {
    return 0;
}

static void speak(void) {
    unsigned noise = 1;
    for (int i = 0; i < SECONDS * RATE; i++) {
        double t = (double)i / RATE, v = 0;
        for (int h = 1; h < 24; h++) {
            v += sin(h * 2 * M_PI * (120 * t + 4 * sin(2 * M_PI * 0.7 * t))) / h;
        }
        noise = noise * 1664525 + 1013904223;
        speech[i] = (int16_t)(4000 * fmax(0, sin(4 * M_PI * t)) * v + (double)(noise >> 24) - 128);
    }
}

static double now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void open_counter(void) {
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_HW_INSTRUCTIONS,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1};
    counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t instructions(void) {
    uint64_t n = 0;
    return counter >= 0 && read(counter, &n, sizeof n) == sizeof n ? n : 0;
}

static void measure(const struct mc_codec *codec, bool ready, double *ns, double *n_instructions) {
    struct mc_leg_cfg cfg = {.rate = RATE, .tx_ms = SECONDS * 1000, .seed = 1, .name = "bench"};
    struct mc_leg_params params = {.clock = codec->clock, .tx_pt = 96, .rx_pt = 96, .ptime_ms = 20, .send = true, .recv = true};
    struct mc_wire wire = {.send_rtp = drop};
    struct mc_coding coding = {.codec = codec, .ptime_ms = 20};
    struct mc_prompt *prompt = NULL;
    struct mc_prompt_player *player = NULL;
    struct mc_leg *leg = NULL;
    struct mc_path *path = NULL;
    snprintf(params.codec, sizeof params.codec, "%s", codec->name);
    params.event_tx_pt = params.event_rx_pt = MC_PT_NONE;
    if (mc_leg_new(&leg, &cfg) < 0 || mc_path_new(&path, leg, &params) < 0 ||
        mc_prompt_new(&prompt, RATE, speech, SECONDS * RATE, false, NULL) < 0 ||
        (ready && mc_prompt_code(prompt, &coding) < 0)) {
        abort();
    }
    mc_leg_start(leg, path, &wire, 1000000);
    if (ready) {
        mc_prompt_start(&player, prompt, leg, false);
    } else if (mc_leg_write(leg, speech, SECONDS * RATE) != SECONDS * RATE) {
        abort();
    }
    uint64_t i0 = instructions();
    double t0 = now_ns();
    for (uint64_t i = 0; i < PACKETS; i++) {
        mc_leg_on_tick(leg, 1000000 + i * 20000);
    }
    *ns = (now_ns() - t0) / PACKETS;
    *n_instructions = (double)(instructions() - i0) / PACKETS;
    if (ready) {
        mc_prompt_stop(player);
    }
    mc_path_free(mc_leg_stop(leg, 9000000));
    mc_leg_unref(leg);
    mc_prompt_unref(prompt);
}

static void print(const char *name, const double *v, int rounds, const char *end) {
    printf("\"%s\": [", name);
    for (int i = 0; i < rounds; i++) {
        printf("%s%.1f", i ? ", " : "", v[i]);
    }
    printf("]%s", end);
}

int main(int argc, char **argv) {
    static const struct mc_codec *const codecs[] = {&mc_codec_opus, &mc_codec_pcmu};
    static double ns[2][2][MAX_ROUNDS], n[2][2][MAX_ROUNDS];
    int rounds = argc > 1 ? atoi(argv[1]) : 0;
    if (rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: promptbench ROUNDS (1 to %d)\n", MAX_ROUNDS);
        return 2;
    }
    open_counter();
    speak();
    for (int r = 0; r < rounds; r++) {
        for (int c = 0; c < 2; c++) {
            for (int ready = 0; ready < 2; ready++) {
                measure(codecs[c], ready, &ns[c][ready][r], &n[c][ready][r]);
            }
        }
    }
    for (int c = 0; c < 2; c++) {
        printf("%s\"%s/%u\": {", c ? ", " : "{", codecs[c]->name, codecs[c]->clock);
        print("own_ns", ns[c][0], rounds, ", ");
        print("ready_ns", ns[c][1], rounds, ", ");
        print("own_instructions", n[c][0], rounds, ", ");
        print("ready_instructions", n[c][1], rounds, "}");
    }
    printf("}\n");
    return 0;
}
