/* SPDX-License-Identifier: GPL-3.0-or-later
 * srtpbench ROUNDS [SPOIL_KB]: an RTP packet sealed and opened again by libsrtp as it is on OpenSSL, with our HMAC, and with our
 * HMAC and AES. Warm: one session, nothing in between. Cold: SESSIONS in turn, and before each packet something else touches
 * SPOIL_KB of memory, as kernel and Python do. Systems take turns, A B C, C B A. A line of JSON, the median nanoseconds of a pair,
 * one a round: {"AEAD_AES_128_GCM, cold": {"libsrtp": [...], "hmac": [...], "hmac aes": [...]}, ...}. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pjsip/srtp_aes.h"
#include "pjsip/srtp_hmac.h"
#include "rtpgen_srtp.h"

#define SESSIONS 600
#define SAMPLES 3000 /* pairs in a round */
#define PACKET 172
#define LINE 64
#define MAX_ROUNDS 100

enum { LIBSRTP, HMAC, HMAC_AES, SYSTEMS };
enum { CM, GCM, SUITES };
enum { WARM, COLD, WAYS };

static const char *const systems[] = {"libsrtp", "hmac", "hmac aes"}, *const ways[] = {"warm", "cold"};
static const struct {
    const char *name;
    int key; /* bytes, with salt */
} suites[] = {{"AES_CM_128_HMAC_SHA1_80", 30}, {"AEAD_AES_128_GCM", 28}};
static struct line *lines[SYSTEMS][SUITES][SESSIONS];
static double found[SUITES][WAYS][SYSTEMS][MAX_ROUNDS], pairs[SAMPLES];
static uint16_t seqs[SYSTEMS][SUITES][SESSIONS];
static uint8_t *spoil;
static size_t spoil_size;

static void need(bool true_, const char *what) {
    if (!true_) {
        fprintf(stderr, "srtpbench: %s failed\n", what);
        exit(1);
    }
}

/* libsrtp's ciphers are of the whole process; a session keeps those of its birth. Both directions have one key: a line opens what it
 * sealed. */
static void start(int system) {
    for (int suite = 0; suite < SUITES; suite++) {
        for (int i = 0; i < SESSIONS; i++) {
            char hex[SRTP_HEX] = "";
            for (int k = 0; k < suites[suite].key; k++) {
                sprintf(hex + 2 * k, "%02x", (7 * k + i) & 0xff);
            }
            lines[system][suite][i] = line_new(suites[suite].name, hex, hex);
            need(lines[system][suite][i] != NULL, "session");
        }
    }
}

static double now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double pair_ns(int system, int suite, int i) {
    uint8_t packet[PACKET + SRTP_ROOM] = {0x80, 0};
    const uint16_t seq = ++seqs[system][suite][i];
    int len = PACKET;
    packet[2] = (uint8_t)(seq >> 8);
    packet[3] = (uint8_t)seq;
    packet[11] = 1; /* SSRC */
    const double began = now_ns();
    const bool good = line_seal(lines[system][suite][i], packet, &len) && line_open(lines[system][suite][i], packet, &len);
    const double ns = now_ns() - began;
    need(good && len == PACKET, "pair");
    return ns;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The first packets of a session make its stream: they are not counted. */
static double median_ns(int system, int suite, int way) {
    const int n = way == COLD ? SESSIONS : 1;
    for (int i = -n; i < SAMPLES; i++) {
        for (size_t at = 0; way == COLD && at < spoil_size; at += LINE) {
            spoil[at]++;
        }
        const double ns = pair_ns(system, suite, (i + n) % n);
        if (i >= 0) {
            pairs[i] = ns;
        }
    }
    qsort(pairs, SAMPLES, sizeof *pairs, compare);
    return pairs[SAMPLES / 2];
}

static void print(int suite, int way, int rounds) {
    printf("\"%s, %s\": {", suites[suite].name, ways[way]);
    for (int s = 0; s < SYSTEMS; s++) {
        printf("%s\"%s\": [", s ? ", " : "", systems[s]);
        for (int r = 0; r < rounds; r++) {
            printf("%s%.1f", r ? ", " : "", found[suite][way][s][r]);
        }
        printf("]");
    }
    printf("}");
}

int main(int argc, char **argv) {
    const int rounds = argc > 1 ? atoi(argv[1]) : 0;
    if (rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: srtpbench ROUNDS [SPOIL_KB] (ROUNDS: 1 to %d)\n", MAX_ROUNDS);
        return 2;
    }
    spoil_size = argc > 2 ? (size_t)atoi(argv[2]) * 1024 : 0;
    spoil = calloc(1, spoil_size + 1);
    need(spoil != NULL, "memory");
    start(LIBSRTP);
    need(mc_srtp_hmac_install() == srtp_err_status_ok, "HMAC");
    start(HMAC);
    need(mc_srtp_aes_install() == srtp_err_status_ok, "AES");
    start(HMAC_AES);
    for (int r = 0; r < rounds; r++) {
        for (int what = 0; what < SUITES * WAYS; what++) {
            for (int s = 0; s < SYSTEMS; s++) {
                const int system = r % 2 ? SYSTEMS - 1 - s : s, suite = what / WAYS, way = what % WAYS;
                found[suite][way][system][r] = median_ns(system, suite, way);
            }
        }
    }
    putchar('{');
    for (int what = 0; what < SUITES * WAYS; what++) {
        printf("%s", what ? ", " : "");
        print(what / WAYS, what % WAYS, rounds);
    }
    puts("}");
    return 0;
}
