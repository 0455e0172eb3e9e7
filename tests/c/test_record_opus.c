/* SPDX-License-Identifier: GPL-3.0-or-later
 * A recording as Ogg Opus, read by a strict reader of our own: RFC 3533's pages, RFC 7845's packets and positions; decoded, to the
 * sample; after every write, and over a disk that was full. */
#include <math.h>
#include <opus/opus.h>

#include "check.h"
#include "disk.h"
#include "err.h"
#include "record.h"

#define RATE 16000
#define TICK 320
#define TICK_US 20000
#define START UINT64_C(5000000)
#define MOST (60 * RATE)

static int16_t pcm[2 * MOST]; /* what was decoded */
static size_t n_pcm;

/* RFC 3533 section 6: polynomial 0x04c11db7, nothing reflected, the field itself as zeros. */
static uint32_t crc_of(const uint8_t *p, size_t n) {
    uint32_t crc = 0;
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint32_t)(i >= 22 && i < 26 ? 0 : p[i]) << 24;
        for (int b = 0; b < 8; b++) {
            crc = crc << 1 ^ (crc >> 31 ? UINT32_C(0x04c11db7) : 0);
        }
    }
    return crc;
}

struct found {
    size_t pages, packets, frames; /* whole pages; audio packets; frames that a player has */
    bool ended;
};

/* All whole pages; `decode`: into pcm. */
static struct found read_ogg(const struct disk *d, bool decode) {
    struct found f = {0};
    uint64_t granules = 0;
    int rc, pre_skip = 0;
    OpusDecoder *dec = opus_decoder_create(RATE, 2, &rc);
    n_pcm = 0;
    for (size_t at = 0; at + 27 <= d->size; f.pages++) {
        const uint8_t *p = d->bytes + at;
        size_t n_segments = p[26], body = 27 + n_segments, size = body;
        for (size_t i = 0; i < n_segments && at + body <= d->size; i++) {
            size += p[27 + i];
        }
        if (at + body > d->size || at + size > d->size) {
            break; /* torn */
        }
        CHECK_INT(f.pages, memcmp(p, "OggS", 5), 0); /* version 0 */
        CHECK_INT(f.pages, p[5] & 2, f.pages == 0 ? 2 : 0);
        CHECK_INT(f.pages, p[5] & 1, 0); /* nothing is continued: a page holds whole packets */
        CHECK_INT(f.pages, le32(p + 14), 7);
        CHECK_INT(f.pages, le32(p + 18), f.pages);
        CHECK_INT(f.pages, le32(p + 22), crc_of(p, size));
        CHECK(!f.ended);
        f.ended = p[5] & 4;
        const uint8_t *q = p + body;
        for (size_t i = 0; i < n_segments; i++) {
            size_t len = 0;
            for (; p[27 + i] == 255; i++) {
                len += 255;
            }
            len += p[27 + i];
            if (f.pages == 0) {
                CHECK_INT(0, len, 19);
                CHECK_INT(0, memcmp(q, "OpusHead\x01\x02", 10), 0);
                pre_skip = q[10] | q[11] << 8;
                CHECK_INT(0, le32(q + 12), RATE);
                CHECK_INT(0, q[16] | q[17] | q[18], 0);
            } else if (f.pages == 1) {
                CHECK_INT(1, memcmp(q, "OpusTags", 8), 0);
                size_t vendor = le32(q + 8);
                CHECK_INT(1, le32(q + 12 + vendor), 1);
                CHECK_INT(1, 12 + vendor + 4 + 4 + le32(q + 16 + vendor), len);
            } else {
                CHECK_INT(f.packets, opus_packet_get_nb_samples(q, (opus_int32)len, 48000), 960);
                granules += 960;
                f.packets++;
                if (decode && n_pcm + TICK <= MOST) {
                    CHECK_INT(f.packets, opus_decode(dec, q, (opus_int32)len, pcm + 2 * n_pcm, TICK, 0), TICK);
                    n_pcm += TICK;
                }
            }
            q += len;
        }
        uint64_t position = le64(p + 6);
        if (f.pages < 2 || !f.ended) {
            CHECK_INT(f.pages, position, f.pages < 2 ? 0 : granules);
        } else { /* RFC 7845 section 4.4: it ends inside of the last packet */
            CHECK_BETWEEN(f.pages, (double)granules - (double)position, 0, 959);
        }
        f.frames = f.pages < 2 ? 0 : (size_t)(position - (uint64_t)pre_skip) / 3;
        at += size;
    }
    if (decode) {
        n_pcm -= (size_t)pre_skip / 3;
        memmove(pcm, pcm + 2 * (pre_skip / 3), n_pcm * 2 * sizeof *pcm);
    }
    opus_decoder_destroy(dec);
    return f;
}

/* A second with a tone on the left, one on the right, and silence. */
static int16_t voice(size_t i, int side) {
    return (int)(i / RATE % 3) == side ? (int16_t)(9000 * sin((double)i * (side ? 0.21 : 0.13))) : 0;
}

static void tick(struct mc_record *rec, size_t k) {
    int16_t both[2][TICK];
    struct mc_tap_head head = {.t_us = START + k * TICK_US, .n_left = TICK, .n_right = TICK};
    for (size_t i = 0; i < TICK; i++) {
        both[0][i] = voice(k * TICK + i, 0);
        both[1][i] = voice(k * TICK + i, 1);
    }
    CHECK(mc_tap_put(mc_record_tap(rec), &head, both[0], both[1]));
}

static struct mc_record *begin(struct disk *d) {
    struct mc_record *rec = NULL;
    struct mc_record_cfg cfg = {
        .path = "x", .format = "opus", .rate = RATE, .start_us = START, .serial = 7, .ops = &disk_ops, .ops_ctx = d};
    CHECK_INT(0, mc_record_new(&rec, &cfg), MC_OK);
    return rec;
}

/* Energy of the difference from what was said, and of what was said. */
static double noise_to_signal(size_t from, size_t to, int side) {
    double noise = 0, signal = 1;
    for (size_t i = from; i < to; i++) {
        double want = voice(i, side), err = pcm[2 * i + side] - want;
        noise += err * err;
        signal += want * want;
    }
    return 10 * log10(noise / signal);
}

static double level(size_t from, size_t to, int side) {
    double sum = 1;
    for (size_t i = from; i < to; i++) {
        sum += (double)pcm[2 * i + side] * pcm[2 * i + side];
    }
    return 10 * log10(sum / (double)(to - from) / (9000.0 * 9000 / 2));
}

static size_t now_k;

static void at_most_a_second_is_missing(struct disk *d) {
    struct found f = read_ogg(d, false);
    CHECK_BETWEEN(now_k, (double)(now_k * TICK) - (double)f.frames, -TICK, RATE);
}

static void every_write_leaves_what_plays(void) {
    struct disk d = disk_of();
    struct mc_record *rec = begin(&d);
    d.after = at_most_a_second_is_missing;
    d.stutters = true;
    for (now_k = 0; now_k < 610; now_k++) {
        tick(rec, now_k);
        if (now_k % 10 == 9) {
            mc_record_turn(rec, START + now_k * TICK_US);
        }
    }
    mc_record_finish(rec);
    struct found f = read_ogg(&d, true);
    CHECK(f.ended);
    CHECK_INT(0, f.frames, 610 * TICK);
    CHECK(n_pcm >= f.frames);
    for (size_t s = 0; s < 12; s++) {
        size_t from = s * RATE + RATE / 10, to = (s + 1) * RATE - RATE / 10;
        for (int side = 0; side < 2; side++) {
            if ((int)(s % 3) == side) {
                CHECK_BETWEEN(s, noise_to_signal(from, to, side), -80, -15); /* the wave itself: not one sample late */
            } else {
                CHECK_BETWEEN(s, level(from, to, side), -200, -60); /* nothing of the other side, and silence is */
            }
        }
    }
    mc_record_free(rec);
    free(d.bytes);
}

/* Nothing goes for half a minute: pages that wait are written once, and what was lost is silence of its length. */
static void a_full_disk_keeps_the_time(void) {
    struct disk d = disk_of();
    struct mc_record *rec = begin(&d);
    struct mc_record_stats st;
    for (size_t k = 0; k < 2700; k++) {
        d.limit = k >= 300 && k < 2000 ? d.size : SIZE_MAX;
        tick(rec, k);
        if (k % 10 == 9) {
            mc_record_turn(rec, START + k * TICK_US);
        }
    }
    mc_record_finish(rec);
    mc_record_stats(rec, &st);
    struct found f = read_ogg(&d, true);
    CHECK(f.ended);
    CHECK_INT(0, f.frames, 2700 * TICK);
    CHECK_INT(0, st.error, 0);
    CHECK_BETWEEN(0, st.lost, 15.0 * RATE, 34.0 * RATE);
    for (size_t s = 0; s < 6; s++) {
        if (s % 3 < 2) {
            CHECK_BETWEEN(s, noise_to_signal(s * RATE + 1600, (s + 1) * RATE - 1600, (int)(s % 3)), -80, -15);
        }
    }
    CHECK_BETWEEN(0, level(30 * RATE, 31 * RATE, 0), -200, -60);
    for (size_t s = 45; s < 53; s++) {
        if (s % 3 < 2) {
            CHECK_BETWEEN(s, noise_to_signal(s * RATE + 1600, (s + 1) * RATE - 1600, (int)(s % 3)), -80, -15);
        }
    }
    mc_record_free(rec);
    free(d.bytes);
}

int main(void) {
    RUN(every_write_leaves_what_plays);
    RUN(a_full_disk_keeps_the_time);
    return check_done();
}
