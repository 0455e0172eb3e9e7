/* SPDX-License-Identifier: GPL-3.0-or-later
 * A codec is one constant struct in one file and one line in mc_codecs[]. */
#ifndef MC_CODEC_H
#define MC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MC_PT_NONE 255 /* no payload type */
#define MC_CODEC_MAX_RATE 48000
#define MC_CODEC_MAX_PCM 5760 /* samples of one packet: 120 ms at 48 kHz (RFC 6716) */

/* What fmtp says. Only Opus reads it (RFC 7587 section 6.1); zero-initialise for the defaults of the codec. */
struct mc_fmtp {
    uint32_t max_playback_rate;   /* maxplaybackrate, Hz; 0 = not said */
    uint32_t max_average_bitrate; /* maxaveragebitrate, bit/s; 0 = not said */
    bool cbr;
    bool fec; /* useinbandfec */
    bool dtx; /* usedtx */
    bool stereo;
};

/* Reads "a=b; c=d" as in an SDP fmtp line after the payload type. Unknown parameters are passed over, as RFC 4566 wants. */
int mc_fmtp_parse(struct mc_fmtp *out, const char *text, size_t len);
/* The other way: what is not the default, "" when everything is. MC_E_SHORT: it does not fit. */
#define MC_FMTP_TEXT 160 /* fits always */
int mc_fmtp_print(const struct mc_fmtp *f, char *text, size_t size);

struct mc_codec {
    const char *name; /* SDP encoding name */
    uint8_t pt;       /* static payload type (RFC 3551 table 4), or MC_PT_NONE */
    uint32_t clock;   /* RTP clock, Hz */
    uint32_t rate;    /* PCM rate that encode and decode work at, Hz */
    uint8_t channels; /* as named in rtpmap; PCM is mono always */
    size_t enc_size;  /* bytes of encoder state, 0 = stateless */
    size_t dec_size;
    /* When the library decides: what it needs here, at most enc_size / dec_size. NULL = just that. */
    size_t (*enc_bytes)(void);
    size_t (*dec_bytes)(void);
    const char *fmtp; /* what we offer, and then what the configuration asks for (RFC 7587 section 6.1); NULL = none */
    bool restarts;    /* after silence a decoder may be given the stream of a fresh encoder, whatever it decoded before */
    bool dtx;         /* the encoder rests by itself when mc_fmtp.dtx asks for it, and the decoder makes its own noise */

    /* ptime_ms: 10, 20, 40, 60. State memory is the caller's, max-aligned, enc_size / dec_size bytes. */
    int (*enc_init)(void *enc, const struct mc_fmtp *remote, unsigned ptime_ms);
    int (*dec_init)(void *dec);
    /* n mono samples -> bytes written, 0 = nothing to send (DTX: the timestamp runs on), or an error. Never writes past size. */
    int (*encode)(void *enc, const int16_t *pcm, size_t n, uint8_t *out, size_t size);
    /* One payload -> samples written (<= max), or an error. */
    int (*decode)(void *dec, const uint8_t *in, size_t len, int16_t *pcm, size_t max);
    /* n samples in the place of one lost packet; `next` is the payload after it when it is here already (in-band FEC), else
     * NULL. Returns n or an error. NULL = the codec has none: mc_plc (G.711, L16) or silence. */
    int (*conceal)(void *dec, const uint8_t *next, size_t len, int16_t *pcm, size_t n);
    /* Somebody else's payloads went to the decoder that follows this encoder: it goes on from there. Gives what they sound like, as
     * decode. NULL = an encoder begins anew then, or it has no state. */
    int (*follow)(void *enc, const uint8_t *in, size_t len, int16_t *pcm, size_t max);
    /* After it: the sound that lies between what was decoded and what is encoded next, `ahead` samples. */
    void (*lead)(void *enc, const int16_t *pcm);
    size_t ahead;
};

/* A way to code: who code alike can send the same packets. */
struct mc_coding {
    const struct mc_codec *codec;
    struct mc_fmtp fmtp; /* the peer's, as the encoder obeys it; this and ptime matter to codecs with state only */
    unsigned ptime_ms;
};

bool mc_coding_same(const struct mc_coding *a, const struct mc_coding *b);
bool mc_codec_stateless(const struct mc_codec *codec); /* samples are coded one by one */

extern const struct mc_codec mc_codec_pcmu, mc_codec_pcma, mc_codec_l16_8k, mc_codec_l16_16k, mc_codec_opus, mc_codec_g722;
extern const struct mc_codec *const mc_codecs[]; /* in order of preference, NULL at the end */

size_t mc_codec_enc_bytes(const struct mc_codec *codec);
size_t mc_codec_dec_bytes(const struct mc_codec *codec);

/* By SDP name (any case) and RTP clock; NULL when we don't have it. */
const struct mc_codec *mc_codec_find(const char *name, uint32_t clock);

#endif
