/* SPDX-License-Identifier: GPL-3.0-or-later
 * A recording in virtual time: what is in the file at every moment, and what a disk that refuses costs. */
#include "record.h"

#include "check.h"
#include "container.h"
#include "disk.h"
#include "err.h"

#define RATE 16000
#define TICK 320
#define TICK_US 20000
#define START UINT64_C(5000000)
#define HEADER 80

static struct mc_record *begin(struct disk *d, const char *format) {
    struct mc_record *rec = NULL;
    struct mc_record_cfg cfg = {
        .path = "x", .format = format, .rate = RATE, .start_us = START, .serial = 7, .ops = &disk_ops, .ops_ctx = d};
    CHECK_INT(0, mc_record_new(&rec, &cfg), MC_OK);
    return rec;
}

/* Never zero, so that silence is told apart; what it is says where it belongs. */
static int16_t value(size_t i, int side) {
    return (int16_t)(1 + (i * 7 + (size_t)side * 11111) % 32000);
}

/* Tick k of a call in which both sides never pause. */
static bool tick(struct mc_record *rec, size_t k) {
    int16_t pcm[2][TICK];
    struct mc_tap_head head = {.t_us = START + k * TICK_US, .n_left = TICK, .n_right = TICK};
    for (size_t i = 0; i < TICK; i++) {
        pcm[0][i] = value(k * TICK + i, 0);
        pcm[1][i] = value(k * TICK + i, 1);
    }
    return mc_tap_put(mc_record_tap(rec), &head, pcm[0], pcm[1]);
}

static uint64_t us_of(size_t k) {
    return START + k * TICK_US;
}

static struct mc_record_stats stats_of(const struct mc_record *rec) {
    struct mc_record_stats st;
    mc_record_stats(rec, &st);
    return st;
}

/* Frames that the header promises, once it was found right. */
static size_t wav_frames(const struct disk *d) {
    const uint8_t *b = d->bytes;
    if (d->size < HEADER) {
        return 0; /* the first write was torn: nothing is lost yet */
    }
    size_t data = le32(b + 76);
    CHECK_INT(0, memcmp(b, "RIFF", 4) | memcmp(b + 8, "WAVEJUNK", 8) | memcmp(b + 48, "fmt ", 4) | memcmp(b + 72, "data", 4),
              0);
    CHECK_INT(0, le32(b + 4), data + HEADER - 8);
    CHECK_INT(0, le32(b + 60), RATE);
    CHECK_INT(0, le32(b + 68), 4 | 16 << 16);
    CHECK(data % 4 == 0 && HEADER + data <= d->size);
    return data / 4;
}

static int16_t wav_sample(const struct disk *d, size_t frame, int side) {
    const uint8_t *p = d->bytes + HEADER + 4 * frame + 2 * side;
    return (int16_t)(p[0] | p[1] << 8);
}

/* Frames that are silent on both sides; all others are right. */
static size_t silent_frames(const struct disk *d) {
    size_t n = wav_frames(d), silent = 0;
    for (size_t i = 0; i < n; i++) {
        bool none = wav_sample(d, i, 0) == 0 && wav_sample(d, i, 1) == 0;
        silent += none;
        if (!none) {
            CHECK_INT(i, wav_sample(d, i, 0), value(i, 0));
            CHECK_INT(i, wav_sample(d, i, 1), value(i, 1));
        }
    }
    return silent;
}

static size_t now_k; /* the tick that was last */

/* As if the process were killed now. */
static void at_most_a_second_is_missing(struct disk *d) {
    size_t frames = wav_frames(d);
    CHECK_BETWEEN(now_k, (double)(now_k * TICK) - (double)frames, -TICK, RATE);
}

static void a_wav_is_whole_after_every_write(void) {
    struct disk d = disk_of();
    struct mc_record *rec = begin(&d, "wav");
    d.after = at_most_a_second_is_missing;
    d.stutters = true;
    for (now_k = 0; now_k < 1000; now_k++) {
        CHECK(tick(rec, now_k));
        if (now_k % 10 == 9) {
            mc_record_turn(rec, us_of(now_k));
        }
    }
    mc_record_finish(rec);
    struct mc_record_stats st = stats_of(rec);
    CHECK_INT(0, st.done, 1);
    CHECK_INT(0, st.frames, 1000 * TICK);
    CHECK_INT(0, st.lost, 0);
    CHECK_INT(0, st.bytes, d.size);
    CHECK_INT(0, wav_frames(&d), 1000 * TICK);
    CHECK_INT(0, silent_frames(&d), 0);
    mc_record_free(rec);
    free(d.bytes);
}

/* Full or away for a while, at random: the rest is where it belongs, and what is lost is counted. */
static void a_disk_that_refuses_costs_silence(void) {
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct rng r = rng_of(seed);
        struct disk d = disk_of();
        struct mc_record *rec = begin(&d, "wav");
        size_t from = rng_below(&r, 200), until = from + 100 + rng_below(&r, 700);
        bool told = false, well = false;
        d.stutters = seed % 3 == 0;
        for (size_t k = 0; k < 1200; k++) {
            bool bad = k >= from && k < until;
            d.away = bad;
            d.limit = bad ? d.size : SIZE_MAX;
            CHECK(tick(rec, k));
            if (k % 10 == 9) {
                mc_record_turn(rec, us_of(k));
                bool news = mc_record_news(rec);
                told |= news && stats_of(rec).error != 0;
                well |= told && news && stats_of(rec).error == 0;
            }
        }
        mc_record_finish(rec);
        struct mc_record_stats st = stats_of(rec);
        size_t silent = silent_frames(&d);
        CHECK(told && well);
        CHECK_INT(seed, st.error, 0);
        CHECK(st.n_errors > 0);
        CHECK_INT(seed, st.lost, silent);
        CHECK_INT(seed, wav_frames(&d), 1200 * TICK);
        double buffered = MC_OUTFILE_ROOM / 4.0;
        CHECK_BETWEEN(seed, silent, (double)(until - from - 20) * TICK - buffered, (double)(until - from + 30) * TICK);
        mc_record_free(rec);
        free(d.bytes);
    }
}

/* Full to the end: the file ends where the room did, and plays. */
static void a_disk_that_stays_full(void) {
    struct disk d = disk_of();
    struct mc_record *rec = begin(&d, "wav");
    d.limit = 300001;
    for (size_t k = 0; k < 1000; k++) {
        tick(rec, k);
        if (k % 10 == 9) {
            mc_record_turn(rec, us_of(k));
        }
    }
    mc_record_finish(rec);
    struct mc_record_stats st = stats_of(rec);
    CHECK_INT(0, st.error, ENOSPC);
    CHECK_INT(0, st.done, 1);
    CHECK_INT(0, wav_frames(&d), (300001 - HEADER) / 4);
    CHECK_INT(0, silent_frames(&d), 0);
    CHECK(st.lost > 500 * TICK);
    mc_record_free(rec);
    free(d.bytes);
}

/* The thread sleeps in a disk for a minute: the tap takes eight seconds, counts the rest, and the worker never waits. */
static void a_thread_that_does_not_come(void) {
    struct disk d = disk_of();
    struct mc_record *rec = begin(&d, "wav");
    size_t refused = 0;
    for (size_t k = 0; k < 3100; k++) {
        refused += !tick(rec, k);
        if (k < 50 || k > 3000) {
            mc_record_turn(rec, us_of(k));
        }
    }
    mc_record_finish(rec);
    CHECK_BETWEEN(0, refused, 3000 - 50 - 9 * 50, 3000 - 50 - 8 * 50);
    CHECK_INT(0, stats_of(rec).lost, refused * TICK);
    CHECK_INT(0, silent_frames(&d), refused * TICK);
    CHECK_INT(0, wav_frames(&d), 3100 * TICK);
    mc_record_free(rec);
    free(d.bytes);
}

/* Consent is taken back: not a sample after it, silence of that length, and the file grows meanwhile. */
static void a_pause_is_silence(void) {
    struct disk d = disk_of();
    struct mc_record *rec = begin(&d, "wav");
    for (size_t k = 0; k < 1000; k++) {
        if (k == 300) {
            mc_tap_pause(mc_record_tap(rec));
        }
        if (k == 700) {
            mc_record_turn(rec, us_of(k));
            CHECK_BETWEEN(0, wav_frames(&d), 599 * TICK, 601 * TICK);
            mc_tap_resume(mc_record_tap(rec), us_of(k));
        }
        CHECK(tick(rec, k));
        if (k % 10 == 9) {
            mc_record_turn(rec, us_of(k));
        }
    }
    mc_record_finish(rec);
    CHECK_INT(0, wav_frames(&d), 1000 * TICK);
    CHECK_INT(0, silent_frames(&d), 400 * TICK);
    for (size_t i = 300 * TICK; i < 700 * TICK; i++) {
        CHECK(wav_sample(&d, i, 0) == 0 && wav_sample(&d, i, 1) == 0);
    }
    CHECK_INT(0, stats_of(rec).lost, 0);
    mc_record_free(rec);
    free(d.bytes);
}

/* Header and end of a file of 4 GB; the middle is a hole. */
static uint8_t head_of[HEADER];
static uint64_t end_of;

static ssize_t keep_ends(void *ctx, int fd, const void *buf, size_t n, off_t at) {
    if (at == 0) {
        memcpy(head_of, buf, HEADER);
    }
    end_of = (uint64_t)at + n > end_of ? (uint64_t)at + n : end_of;
    return (ssize_t)n;
}

static void beyond_four_gigabytes_it_is_rf64(void) {
    static const struct mc_file_ops ops = {disk_open, keep_ends, disk_close};
    static int16_t frames[2 * MC_CONTAINER_FRAMES];
    struct disk d = disk_of();
    struct mc_outfile file;
    uint64_t state[16] = {0};
    CHECK(mc_container_wav.size <= sizeof state);
    CHECK_INT(0, mc_outfile_init(&file, "x", &ops, &d), MC_OK);
    CHECK_INT(0, mc_container_wav.init(state, &file, RATE, 0), MC_OK);
    uint64_t n = (UINT32_MAX - (HEADER - 8)) / 4 - 3; /* three frames below the limit */
    for (int i = 0; i < 2; i++) {
        uint64_t some = i == 0 ? n - 3 : 3;
        CHECK_INT(i, mc_container_wav.silence(state, some - 1), some - 1);
        CHECK(mc_container_wav.put(state, frames, i == 0 ? 4 : 1));
        mc_container_wav.sync(state);
        CHECK_INT(i, end_of, HEADER + (n + (i ? 3 : 0)) * 4);
        if (i == 0) {
            CHECK_INT(i, memcmp(head_of, "RIFF", 4), 0);
            CHECK_INT(i, le32(head_of + 4), end_of - 8);
        }
    }
    CHECK_INT(0, memcmp(head_of, "RIFF", 4), 0); /* the last one that fits */
    CHECK(mc_container_wav.put(state, frames, 1));
    mc_container_wav.sync(state);
    CHECK_INT(0, memcmp(head_of, "RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0", 20), 0);
    CHECK_INT(0, le64(head_of + 20), end_of - 8);
    CHECK_INT(0, le64(head_of + 28), end_of - HEADER);
    CHECK_INT(0, le64(head_of + 36), (end_of - HEADER) / 4);
    CHECK_INT(0, memcmp(head_of + 72, "data\xff\xff\xff\xff", 8), 0);
    mc_container_wav.free(state);
    mc_outfile_close(&file);
}

static void refuses_what_it_does_not_know(void) {
    struct mc_record *rec = NULL;
    struct mc_record_cfg cfg = {.path = "x", .format = "mp3", .rate = RATE};
    CHECK_INT(0, mc_record_new(&rec, &cfg), MC_E_ARG);
    cfg.format = "opus";
    cfg.rate = 44100;
    CHECK_INT(0, mc_record_new(&rec, &cfg), MC_E_ARG);
    CHECK(rec == NULL);
}

int main(void) {
    RUN(a_wav_is_whole_after_every_write);
    RUN(a_disk_that_refuses_costs_silence);
    RUN(a_disk_that_stays_full);
    RUN(a_thread_that_does_not_come);
    RUN(a_pause_is_silence);
    RUN(beyond_four_gigabytes_it_is_rf64);
    RUN(refuses_what_it_does_not_know);
    return check_done();
}
