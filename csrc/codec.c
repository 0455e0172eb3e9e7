/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec.h"

#include <strings.h>

const struct mc_codec *const mc_codecs[] = {
    &mc_codec_opus, &mc_codec_g722, &mc_codec_l16_16k, &mc_codec_pcmu, &mc_codec_pcma, &mc_codec_l16_8k, NULL,
};

const struct mc_codec *mc_codec_find(const char *name, uint32_t clock) {
    for (const struct mc_codec *const *c = mc_codecs; *c != NULL; c++) {
        if ((*c)->clock == clock && strcasecmp((*c)->name, name) == 0) {
            return *c;
        }
    }
    return NULL;
}

size_t mc_codec_enc_bytes(const struct mc_codec *codec) {
    return codec->enc_bytes != NULL ? codec->enc_bytes() : codec->enc_size;
}

size_t mc_codec_dec_bytes(const struct mc_codec *codec) {
    return codec->dec_bytes != NULL ? codec->dec_bytes() : codec->dec_size;
}

bool mc_codec_stateless(const struct mc_codec *codec) {
    return codec->enc_size == 0 && codec->dec_size == 0;
}

static bool same_fmtp(const struct mc_fmtp *a, const struct mc_fmtp *b) {
    return a->max_playback_rate == b->max_playback_rate && a->max_average_bitrate == b->max_average_bitrate &&
           a->cbr == b->cbr && a->fec == b->fec && a->dtx == b->dtx && a->stereo == b->stereo;
}

bool mc_coding_same(const struct mc_coding *a, const struct mc_coding *b) {
    return a->codec == b->codec &&
           (mc_codec_stateless(a->codec) || (a->ptime_ms == b->ptime_ms && same_fmtp(&a->fmtp, &b->fmtp)));
}
