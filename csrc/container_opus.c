/* SPDX-License-Identifier: GPL-3.0-or-later
 * Ogg Opus: RFC 7845 in RFC 3533. Packets of 20 ms; a page every 200 ms, so that a killed process loses no more. Granule positions
 * count 48 kHz samples, pre-skip included, whatever the recording's rate (RFC 7845 section 4). */
#include <ogg/ogg.h>
#include <opus/opus.h>
#include <string.h>

#include "bytes.h"
#include "container.h"
#include "err.h"

#define CHANNELS 2
#define PAGE_PACKETS 10
#define PAGE_BYTES 65536  /* RFC 3533 section 6: at most 65,307 */
#define PACKET_BYTES 2552 /* RFC 6716 section 3.2: a frame has at most 1275 bytes; a stereo packet of ours is one */
#define GRANULES 960      /* of a packet: 20 ms at 48 kHz */
#define SILENT_WARM_UP 5  /* packets until the encoder has settled on silence */

struct opus {
    struct mc_outfile *file;
    OpusEncoder *enc;
    ogg_stream_state ogg;
    uint32_t rate;
    uint16_t pre_skip;  /* 48 kHz samples */
    size_t frame, n;    /* frames of a packet; frames in pcm */
    uint64_t n_frames;  /* ever put, silence included */
    uint64_t n_packets; /* audio packets */
    int in_page;
    bool ogg_ready;
    int16_t pcm[MC_CONTAINER_FRAMES * CHANNELS];
    size_t n_silent; /* bytes of a packet of silence, for what is lost */
    uint8_t silent[PACKET_BYTES];
};

/* Both sides are voices that have nothing in common. With this much the encoder keeps them apart (measured: 16 kHz, one side
 * speaking, -90 dB on the other; at 32 kbit/s -30 dB), and restricted low delay costs half of what the speech mode does. */
static opus_int32 bitrate(uint32_t rate) {
    return rate <= 16000 ? 48000 : rate <= 24000 ? 64000 : 96000;
}

static int open_encoder(struct opus *o) {
    int rc, bad = 0;
    opus_int32 lookahead = 0;
    o->enc = opus_encoder_create((opus_int32)o->rate, CHANNELS, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &rc);
    if (o->enc == NULL) {
        return rc == OPUS_ALLOC_FAIL ? MC_E_NOMEM : MC_E_CODEC;
    }
    bad |= opus_encoder_ctl(o->enc, OPUS_SET_BITRATE(bitrate(o->rate)));
    bad |= opus_encoder_ctl(o->enc, OPUS_SET_COMPLEXITY(0));
    for (int i = 0; i < SILENT_WARM_UP; i++) {
        opus_int32 n = opus_encode(o->enc, o->pcm, (int)o->frame, o->silent, sizeof o->silent);
        bad |= n < 0;
        o->n_silent = (size_t)n;
    }
    bad |= opus_encoder_ctl(o->enc, OPUS_RESET_STATE);
    bad |= opus_encoder_ctl(o->enc, OPUS_GET_LOOKAHEAD(&lookahead));
    o->pre_skip = (uint16_t)((uint32_t)lookahead * (48000 / o->rate));
    return bad ? MC_E_CODEC : MC_OK;
}

static void put_pages(struct opus *o) {
    ogg_page page;
    while (ogg_stream_flush(&o->ogg, &page) != 0) {
        mc_outfile_put(o->file, page.header, (size_t)page.header_len);
        mc_outfile_put(o->file, page.body, (size_t)page.body_len);
    }
    o->in_page = 0;
}

/* Two packets, each on a page of its own (RFC 7845 section 3). */
static void put_headers(struct opus *o) {
    /* RFC 7845 section 5.1: version 1, channels, pre-skip, rate of what was recorded, gain 0, mapping family 0 */
    uint8_t head[19] = "OpusHead\x01\x02", tags[256] = "OpusTags", *at;
    const char *vendor = opus_get_version_string(), *comment = "ENCODER=sipagent";
    at = mc_put_le(head + 10, o->pre_skip, 2);
    mc_put_le(at, o->rate, 4);
    ogg_packet packet = {.packet = head, .bytes = sizeof head, .b_o_s = 1};
    ogg_stream_packetin(&o->ogg, &packet);
    put_pages(o);
    /* RFC 7845 section 5.2: vendor, then a list of one comment */
    size_t n = strnlen(vendor, 128);
    at = mc_put_le(tags + 8, (uint32_t)n, 4);
    memcpy(at, vendor, n);
    at = mc_put_le(at + n, 1, 4);
    n = strlen(comment);
    at = mc_put_le(at, (uint32_t)n, 4);
    memcpy(at, comment, n);
    packet = (ogg_packet){.packet = tags, .bytes = (long)(at + n - tags), .packetno = 1};
    ogg_stream_packetin(&o->ogg, &packet);
    put_pages(o);
}

static int init(void *state, struct mc_outfile *file, uint32_t rate, uint32_t serial) {
    struct opus *o = state;
    o->file = file;
    o->rate = rate;
    o->frame = rate / 50;
    if (rate == 0 || 48000 % rate != 0) {
        return MC_E_ARG;
    }
    int rc = open_encoder(o);
    if (rc != MC_OK) {
        return rc;
    }
    if (ogg_stream_init(&o->ogg, (int)serial) != 0) {
        return MC_E_NOMEM;
    }
    o->ogg_ready = true;
    put_headers(o);
    return MC_OK;
}

/* `last`: RFC 7845 section 4.4: the granule position ends where the recording does, inside of the packet. */
static void put_packet(struct opus *o, uint8_t *bytes, size_t n, bool last) {
    o->n_packets++;
    ogg_packet packet = {
        .packet = bytes,
        .bytes = (long)n,
        .e_o_s = last,
        .granulepos = (ogg_int64_t)(last ? o->pre_skip + o->n_frames * (48000 / o->rate) : o->n_packets * GRANULES),
        .packetno = (ogg_int64_t)o->n_packets + 1};
    ogg_stream_packetin(&o->ogg, &packet);
    if (++o->in_page == PAGE_PACKETS || last) {
        put_pages(o);
    }
}

static void put_pcm(struct opus *o, bool last) {
    uint8_t bytes[PACKET_BYTES];
    opus_int32 n = opus_encode(o->enc, o->pcm, (int)o->frame, bytes, sizeof bytes);
    if (n > 0) {
        put_packet(o, bytes, (size_t)n, last);
    } else {
        put_packet(o, o->silent, o->n_silent, last);
    }
    o->n = 0;
}

static bool put(void *state, const int16_t *stereo, size_t n) {
    struct opus *o = state;
    if (mc_outfile_room(o->file) < PAGE_BYTES) {
        return false;
    }
    o->n_frames += n;
    while (n > 0) {
        size_t some = o->frame - o->n < n ? o->frame - o->n : n;
        memcpy(o->pcm + CHANNELS * o->n, stereo, CHANNELS * some * sizeof *stereo);
        o->n += some;
        stereo += CHANNELS * some;
        n -= some;
        if (o->n == o->frame) {
            put_pcm(o, false);
        }
    }
    return true;
}

static uint64_t silence(void *state, uint64_t n) {
    struct opus *o = state;
    if (mc_outfile_room(o->file) < PAGE_BYTES) {
        return 0;
    }
    if (o->n > 0 || n < o->frame) { /* up to the packet's end */
        static const int16_t zeros[MC_CONTAINER_FRAMES * CHANNELS];
        size_t some = o->frame - o->n < n ? o->frame - o->n : (size_t)n;
        put(o, zeros, some);
        return some;
    }
    o->n_frames += o->frame;
    put_packet(o, o->silent, o->n_silent, false);
    return o->frame;
}

static void sync(void *state) {
    struct opus *o = state;
    mc_outfile_flush(o->file);
}

static void finish(void *state) {
    struct opus *o = state;
    /* What is left, and what the encoder still holds: packets until they reach the end. */
    uint64_t end = o->pre_skip + o->n_frames * (48000 / o->rate);
    if (mc_outfile_room(o->file) >= PAGE_BYTES) {
        do {
            memset(o->pcm + CHANNELS * o->n, 0, CHANNELS * (o->frame - o->n) * sizeof *o->pcm);
            put_pcm(o, (o->n_packets + 1) * GRANULES >= end);
        } while (o->n_packets * GRANULES < end);
    }
    mc_outfile_flush(o->file);
}

static void release(void *state) {
    struct opus *o = state;
    if (o->enc != NULL) {
        opus_encoder_destroy(o->enc);
    }
    if (o->ogg_ready) {
        ogg_stream_clear(&o->ogg);
    }
}

const struct mc_container mc_container_opus = {
    .name = "opus",
    .size = sizeof(struct opus),
    .init = init,
    .put = put,
    .silence = silence,
    .sync = sync,
    .finish = finish,
    .free = release,
};
