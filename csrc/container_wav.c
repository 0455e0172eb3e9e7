/* SPDX-License-Identifier: GPL-3.0-or-later
 * WAV, 16-bit PCM. The header follows the samples: at any moment it promises what is there. Its sizes have 32 bits; a longer file
 * becomes RF64 (EBU Tech 3306 section 3): "RIFF" is renamed, the sizes are set to -1, and the room that was kept by a chunk nobody
 * reads ("JUNK") takes the 64-bit ones ("ds64").
 *
 *    0 "RIFF" size "WAVE"                        RF64: "RF64" -1 "WAVE"
 *   12 "JUNK" 28, 28 bytes                             "ds64" 28, RIFF size (64), data size (64), frames (64), table length 0
 *   48 "fmt " 16, PCM, channels, rate, bytes a second, bytes a frame, bits
 *   72 "data" size                                     "data" -1
 *   80 samples */
#include "bytes.h"
#include "container.h"
#include "err.h"

#define HEADER 80
#define FRAME 4
#define WRITE ((size_t)32 << 10) /* bytes that wait for their write */

struct wav {
    struct mc_outfile *file;
    uint32_t rate;
    uint64_t behind; /* bytes of silence that no sound follows yet */
};

static uint8_t *put_tag(uint8_t *at, const char *tag) {
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)tag[i];
    }
    return at + 4;
}

static void build_header(uint8_t *h, uint32_t rate, uint64_t data) {
    const bool large = data + HEADER - 8 > UINT32_MAX;
    uint8_t *at = put_tag(h, large ? "RF64" : "RIFF");
    at = mc_put_le(at, large ? UINT32_MAX : data + HEADER - 8, 4);
    at = put_tag(at, "WAVE");
    at = mc_put_le(put_tag(at, large ? "ds64" : "JUNK"), 28, 4);
    at = mc_put_le(at, large ? data + HEADER - 8 : 0, 8);
    at = mc_put_le(at, large ? data : 0, 8);
    at = mc_put_le(at, large ? data / FRAME : 0, 8);
    at = mc_put_le(at, 0, 4);
    at = mc_put_le(put_tag(at, "fmt "), 16, 4);
    at = mc_put_le(at, 1, 2); /* PCM */
    at = mc_put_le(at, 2, 2);
    at = mc_put_le(at, rate, 4);
    at = mc_put_le(at, (uint64_t)rate * FRAME, 4);
    at = mc_put_le(at, FRAME, 2);
    at = mc_put_le(at, 16, 2);
    mc_put_le(put_tag(at, "data"), large ? UINT32_MAX : data, 4);
}

static int init(void *state, struct mc_outfile *file, uint32_t rate, uint32_t serial) {
    uint8_t header[HEADER];
    *(struct wav *)state = (struct wav){.file = file, .rate = rate};
    build_header(header, rate, 0);
    mc_outfile_put(file, header, sizeof header);
    return MC_OK;
}

static bool put(void *state, const int16_t *stereo, size_t n) {
    struct wav *wav = state;
    if (wav->behind > 0 && !(mc_outfile_flush(wav->file) && mc_outfile_skip(wav->file, wav->behind))) {
        return false;
    }
    wav->behind = 0;
    if (mc_outfile_room(wav->file) < n * FRAME) {
        return false;
    }
    uint8_t bytes[MC_CONTAINER_FRAMES * FRAME], *at = bytes;
    for (size_t i = 0; i < 2 * n; i++) {
        at = mc_put_le(at, (uint16_t)stereo[i], 2);
    }
    mc_outfile_put(wav->file, bytes, n * FRAME);
    if (MC_OUTFILE_ROOM - mc_outfile_room(wav->file) >= WRITE) {
        mc_outfile_flush(wav->file);
    }
    return true;
}

static uint64_t silence(void *state, uint64_t n) {
    ((struct wav *)state)->behind += n * FRAME;
    return n;
}

static void sync(void *state) {
    struct wav *wav = state;
    uint8_t header[HEADER];
    mc_outfile_flush(wav->file);
    if (wav->file->at >= HEADER) {
        build_header(header, wav->rate, (wav->file->at - HEADER) / FRAME * FRAME);
        mc_outfile_patch(wav->file, 0, header, sizeof header);
    }
}

static void nothing(void *state) {
}

const struct mc_container mc_container_wav = {
    .name = "wav",
    .size = sizeof(struct wav),
    .init = init,
    .put = put,
    .silence = silence,
    .sync = sync,
    .finish = sync,
    .free = nothing,
};
