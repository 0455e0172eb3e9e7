/* SPDX-License-Identifier: GPL-3.0-or-later
 * Speech stands in as a buzz of harmonics whose pitch glides and whose loudness comes and goes. */
#include <math.h>
#include <opus/opus.h>

#include "check.h"
#include "codec.h"
#include "err.h"

#define RATE 16000
#define FRAME 320
#define FRAMES 150

static const struct mc_codec *const opus = &mc_codec_opus;

static void speak(int16_t pcm[FRAMES][FRAME]) {
    double phase = 0;
    for (int i = 0; i < FRAMES * FRAME; i++) {
        double t = (double)i / RATE;
        double v = 0;
        phase += 2 * M_PI * (120 + 30 * sin(2 * M_PI * 0.7 * t)) / RATE;
        for (int h = 1; h <= 20; h++) {
            v += sin(h * phase) / h;
        }
        pcm[i / FRAME][i % FRAME] = (int16_t)(5000 * (0.6 + 0.4 * sin(2 * M_PI * 3 * t)) * v);
    }
}

struct packets {
    uint8_t data[FRAMES][1275];
    int len[FRAMES];
    size_t bytes;
};

static void encode_all(const struct mc_fmtp *fmtp, int16_t pcm[FRAMES][FRAME], struct packets *out) {
    void *enc = malloc(opus->enc_size);
    CHECK_INT(0, opus->enc_init(enc, fmtp, 20), MC_OK);
    out->bytes = 0;
    for (int i = 0; i < FRAMES; i++) {
        out->len[i] = opus->encode(enc, pcm[i], FRAME, out->data[i], sizeof out->data[i]);
        out->bytes += out->len[i] > 0 ? (size_t)out->len[i] : 0;
    }
    free(enc);
}

/* Every `each`-th packet is lost. Returns the rms error of what stands in their places, against decoding without loss. */
static double lose(const struct packets *in, int each, bool use_next) {
    void *dec = malloc(opus->dec_size);
    void *ref = malloc(opus->dec_size);
    double err = 0;
    int n = 0;
    CHECK_INT(0, opus->dec_init(dec), MC_OK);
    CHECK_INT(0, opus->dec_init(ref), MC_OK);
    for (int i = 0; i < FRAMES; i++) {
        int16_t want[FRAME];
        int16_t got[FRAME];
        CHECK_INT(i, opus->decode(ref, in->data[i], (size_t)in->len[i], want, FRAME), FRAME);
        if (i % each == each - 1 && i + 1 < FRAMES) {
            CHECK_INT(i,
                      opus->conceal(dec, use_next ? in->data[i + 1] : NULL, use_next ? (size_t)in->len[i + 1] : 0, got, FRAME),
                      FRAME);
            for (int k = 0; k < FRAME; k++) {
                err += (double)(got[k] - want[k]) * (got[k] - want[k]);
                n++;
            }
        } else {
            CHECK_INT(i, opus->decode(dec, in->data[i], (size_t)in->len[i], got, FRAME), FRAME);
        }
    }
    free(dec);
    free(ref);
    return sqrt(err / n);
}

static int16_t pcm[FRAMES][FRAME];
static struct packets a, b;

static void fec_beats_concealment(void) {
    speak(pcm);
    encode_all(&(struct mc_fmtp){.fec = true}, pcm, &a);
    double plc = lose(&a, 5, false);
    double fec = lose(&a, 5, true);
    CHECK_BETWEEN(0, fec / plc, 0, 0.7);
    encode_all(&(struct mc_fmtp){0}, pcm, &b); /* no FEC inside: the next packet does not help, and does no harm */
    CHECK_BETWEEN(0, lose(&b, 5, true) / lose(&b, 5, false), 0.8, 1.25);
}

static void average_bitrate_is_kept(void) {
    speak(pcm);
    encode_all(&(struct mc_fmtp){0}, pcm, &a);
    CHECK_BETWEEN(0, a.bytes * 8 * 50 / FRAMES, 11000, 30000);
    encode_all(&(struct mc_fmtp){.max_average_bitrate = 8000}, pcm, &b);
    CHECK_BETWEEN(1, b.bytes * 8 * 50 / FRAMES, 4000, 10500);
    encode_all(&(struct mc_fmtp){.max_average_bitrate = 1}, pcm, &b); /* below what the RFC allows: the least */
    CHECK_BETWEEN(2, b.bytes * 8 * 50 / FRAMES, 3000, 9000);
}

static void cbr_packets_are_all_alike(void) {
    speak(pcm);
    encode_all(&(struct mc_fmtp){.cbr = true}, pcm, &a);
    encode_all(&(struct mc_fmtp){0}, pcm, &b);
    int n_same = 0;
    for (int i = 1; i < FRAMES; i++) {
        CHECK_INT(i, a.len[i], a.len[0]);
        n_same += b.len[i] == b.len[0];
    }
    CHECK(n_same < FRAMES / 2);
}

static void bandwidth_follows_maxplaybackrate(void) {
    static const struct {
        uint32_t rate;
        int want;
    } rows[] = {
        {0, OPUS_BANDWIDTH_WIDEBAND},       {48000, OPUS_BANDWIDTH_WIDEBAND},  {16000, OPUS_BANDWIDTH_WIDEBAND},
        {12000, OPUS_BANDWIDTH_MEDIUMBAND}, {8000, OPUS_BANDWIDTH_NARROWBAND}, {1, OPUS_BANDWIDTH_NARROWBAND},
    };
    speak(pcm);
    for (size_t i = 0; i < COUNT(rows); i++) {
        encode_all(&(struct mc_fmtp){.max_playback_rate = rows[i].rate}, pcm, &a);
        CHECK_INT(rows[i].rate, opus_packet_get_bandwidth(a.data[FRAMES - 1]), rows[i].want);
    }
}

static void dtx_sends_nothing_in_silence(void) {
    memset(pcm, 0, sizeof pcm);
    encode_all(&(struct mc_fmtp){.dtx = true}, pcm, &a);
    encode_all(&(struct mc_fmtp){0}, pcm, &b);
    int n_sent = 0;
    for (int i = FRAMES / 2; i < FRAMES; i++) {
        n_sent += a.len[i] > 0;
        CHECK_BETWEEN(i, a.len[i], 0, 1275);
        CHECK_BETWEEN(i, b.len[i], 1, 1275); /* without usedtx every packet goes */
    }
    CHECK_BETWEEN(0, n_sent, 0, FRAMES / 16);
}

static void empty_and_broken_payloads(void) {
    void *dec = malloc(opus->dec_size);
    int16_t out[MC_CODEC_MAX_PCM];
    const uint8_t broken[] = {0x03, 0x00}; /* code 3 with no frames (RFC 6716 section 3.2.5) */
    CHECK_INT(0, opus->dec_init(dec), MC_OK);
    CHECK_INT(0, opus->decode(dec, broken, 0, out, MC_CODEC_MAX_PCM), MC_E_SHORT);
    CHECK_INT(1, opus->decode(dec, broken, sizeof broken, out, MC_CODEC_MAX_PCM), MC_E_FORMAT);
    CHECK_INT(2, opus->conceal(dec, broken, sizeof broken, out, FRAME), FRAME);
    free(dec);
}

static void states_fit(void) {
    CHECK_BETWEEN(0, opus_encoder_get_size(1), 1, opus->enc_size);
    CHECK_BETWEEN(0, opus_decoder_get_size(1), 1, opus->dec_size);
}

static void what_we_offer_is_what_we_can_read(void) {
    struct mc_fmtp f;
    CHECK_INT(0, mc_fmtp_parse(&f, opus->fmtp, strlen(opus->fmtp)), MC_OK);
    CHECK(f.fec && f.max_playback_rate == RATE && !f.stereo && !f.cbr);
}

int main(void) {
    RUN(fec_beats_concealment);
    RUN(average_bitrate_is_kept);
    RUN(cbr_packets_are_all_alike);
    RUN(bandwidth_follows_maxplaybackrate);
    RUN(dtx_sends_nothing_in_silence);
    RUN(empty_and_broken_payloads);
    RUN(states_fit);
    RUN(what_we_offer_is_what_we_can_read);
    return check_done();
}
