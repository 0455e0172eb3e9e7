/* SPDX-License-Identifier: GPL-3.0-or-later
 * Opus, RFC 6716, in RTP as RFC 7587 says: rtpmap is always opus/48000/2 (section 7) and the RTP clock 48 kHz (section 4.1);
 * we work on mono at 16 kHz, what speech recognition wants and wideband speech has. */
#include <opus/opus.h>

#include "codec.h"
#include "err.h"

#define RATE 16000
#define CHANNELS 1
#define ENC_SIZE 53248   /* libopus 1.3: 43,572; room for later ones. Checked at init */
#define DEC_SIZE 26624   /* libopus 1.3: 18,228 */
#define BITRATE 24000    /* RFC 7587 section 3.1.1: 16-20 kbit/s for wideband speech, and some for in-band FEC */
#define BITRATE_MIN 6000 /* RFC 7587 section 6.1, maxaveragebitrate */
#define COMPLEXITY 5     /* 170 us for a frame where 10 takes 330, and speech is hardly worse */
#define FEC_LOSS_PERC 10 /* the encoder writes FEC only when it expects loss */
#define MAX_BYTES 3825   /* RFC 6716 section 3.2: a frame has at most 1275 bytes, and 60 ms are three */
#define DTX_BYTES 2      /* RFC 7587 section 3.1.3: a packet of so few bytes need not be sent */

/* The widest audio that the far end can play (RFC 7587 section 6.1, maxplaybackrate; table 1). */
static opus_int32 bandwidth(uint32_t max_playback_rate) {
    if (max_playback_rate == 0 || max_playback_rate >= RATE) {
        return OPUS_BANDWIDTH_WIDEBAND;
    }
    return max_playback_rate >= 12000 ? OPUS_BANDWIDTH_MEDIUMBAND : OPUS_BANDWIDTH_NARROWBAND;
}

static opus_int32 bitrate(uint32_t max_average) {
    uint32_t rate = max_average == 0 || max_average > BITRATE ? BITRATE : max_average;
    return (opus_int32)(rate < BITRATE_MIN ? BITRATE_MIN : rate);
}

static size_t enc_bytes(void) {
    int n = opus_encoder_get_size(CHANNELS);
    return n > 0 && n < ENC_SIZE ? (size_t)n : ENC_SIZE;
}

static size_t dec_bytes(void) {
    int n = opus_decoder_get_size(CHANNELS);
    return n > 0 && n < DEC_SIZE ? (size_t)n : DEC_SIZE;
}

static int enc_init(void *enc, const struct mc_fmtp *remote, unsigned ptime_ms) {
    if (opus_encoder_get_size(CHANNELS) > ENC_SIZE ||
        opus_encoder_init(enc, RATE, CHANNELS, OPUS_APPLICATION_VOIP) != OPUS_OK) {
        return MC_E_CODEC;
    }
    int bad = 0;
    bad |= opus_encoder_ctl(enc, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
    bad |= opus_encoder_ctl(enc, OPUS_SET_COMPLEXITY(COMPLEXITY));
    bad |= opus_encoder_ctl(enc, OPUS_SET_MAX_BANDWIDTH(bandwidth(remote->max_playback_rate)));
    bad |= opus_encoder_ctl(enc, OPUS_SET_BITRATE(bitrate(remote->max_average_bitrate)));
    bad |= opus_encoder_ctl(enc, OPUS_SET_VBR(!remote->cbr));
    bad |= opus_encoder_ctl(enc, OPUS_SET_INBAND_FEC(remote->fec));
    bad |= opus_encoder_ctl(enc, OPUS_SET_PACKET_LOSS_PERC(remote->fec ? FEC_LOSS_PERC : 0));
    bad |= opus_encoder_ctl(enc, OPUS_SET_DTX(remote->dtx));
    return bad ? MC_E_CODEC : MC_OK;
}

static int dec_init(void *dec) {
    if (opus_decoder_get_size(CHANNELS) > DEC_SIZE || opus_decoder_init(dec, RATE, CHANNELS) != OPUS_OK) {
        return MC_E_CODEC;
    }
    return MC_OK;
}

static int encode(void *enc, const int16_t *pcm, size_t n, uint8_t *out, size_t size) {
    if (n > MC_CODEC_MAX_PCM || size == 0) {
        return MC_E_ARG;
    }
    opus_int32 max = size < MAX_BYTES ? (opus_int32)size : MAX_BYTES;
    opus_int32 len = opus_encode(enc, pcm, (int)n, out, max);
    if (len < 0) {
        return len == OPUS_BUFFER_TOO_SMALL ? MC_E_SHORT : MC_E_CODEC;
    }
    return len <= DTX_BYTES ? 0 : (int)len;
}

static int decoded(int rc) {
    if (rc >= 0) {
        return rc;
    }
    return rc == OPUS_BUFFER_TOO_SMALL ? MC_E_SHORT : rc == OPUS_INVALID_PACKET ? MC_E_FORMAT : MC_E_CODEC;
}

static int decode(void *dec, const uint8_t *in, size_t len, int16_t *pcm, size_t max) {
    if (len == 0 || max == 0) {
        return MC_E_SHORT; /* libopus would take an empty payload for a lost packet */
    }
    if (max > MC_CODEC_MAX_PCM || len > INT32_MAX) {
        return MC_E_ARG;
    }
    return decoded(opus_decode(dec, in, (opus_int32)len, pcm, (int)max, 0));
}

static int conceal(void *dec, const uint8_t *next, size_t len, int16_t *pcm, size_t n) {
    if (n > MC_CODEC_MAX_PCM || len > INT32_MAX) {
        return MC_E_ARG;
    }
    if (next != NULL && len > 0) { /* without FEC in it libopus falls back to its own concealment */
        int rc = opus_decode(dec, next, (opus_int32)len, pcm, (int)n, 1);
        if (rc >= 0) {
            return rc;
        }
    }
    return decoded(opus_decode(dec, NULL, 0, pcm, (int)n, 0));
}

const struct mc_codec mc_codec_opus = {
    .name = "opus",
    .pt = MC_PT_NONE,
    .clock = 48000,
    .rate = RATE,
    .channels = 2,
    .dtx = true,
    .restarts = true, /* a decoder has to cope with it after any loss; G.722's, whose steps follow the encoder's, has not */
    .enc_size = ENC_SIZE,
    .dec_size = DEC_SIZE,
    .enc_bytes = enc_bytes,
    .dec_bytes = dec_bytes,
    .fmtp = "maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1",
    .enc_init = enc_init,
    .dec_init = dec_init,
    .encode = encode,
    .decode = decode,
    .conceal = conceal,
};
