/* SPDX-License-Identifier: GPL-3.0-or-later
 * Frames of any length and sound, lost in any order, with and without what comes behind the gap. */
#include "plc.h"

#include "fuzz.h"

static const struct seed seeds[] __attribute__((unused)) = {
    SEED("\x01\x0a\x10\x20\x30\x40\x50\x60\x70\x80\x90\xa0\x4a\x8a\x0a"),
    SEED("\x00\x14\x7f\x80\x7f\x80\x7f\x80\x7f\x80\x7f\x80\x7f\x80\x94\x14\x54"),
    SEED("\x02\x3f\x01\xbf\x7f"),
};

/* First byte: the rate. Then each step: two bits of what (good, good, lost, lost with what is behind), six of length; and the sound. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint32_t rates[] = {8000, 16000, 1, 11025};
    struct source s = {data, size};
    struct mc_plc *plc = malloc(sizeof *plc);
    MUST(mc_plc_init(plc, rates[take(&s, 1) % 4]) == MC_OK);
    while (s.left > 0) {
        uint32_t head = take(&s, 1);
        size_t n = (size_t)(head & 63) * 10;
        int16_t *pcm = malloc(n * sizeof *pcm + 1);
        int16_t v = 0;
        for (size_t i = 0; i < n; i++) {
            if (i % 8 == 0) {
                v = (int16_t)(take(&s, 1) << 8);
            }
            pcm[i] = v;
        }
        if (head >> 6 < 2) {
            mc_plc_good(plc, pcm, n);
        } else if (head >> 6 == 2) {
            mc_plc_conceal(plc, pcm, n);
        } else {
            int16_t *gap = malloc(n * sizeof *gap + 1);
            mc_plc_between(plc, gap, n, pcm, n);
            free(gap);
        }
        free(pcm);
    }
    free(plc);
    return 0;
}

FUZZ_MAIN(seeds)
