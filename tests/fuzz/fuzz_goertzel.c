/* SPDX-License-Identifier: GPL-3.0-or-later
 * Any sound in pieces of any length, some lost: never more used than given, only digits out, and not more often than they can be. */
#include "goertzel.h"

#include "fuzz.h"
#include "tone.h"

static const struct seed seeds[] __attribute__((unused)) = {
    SEED("\x00\x00\x20\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"),
    SEED("\x01\x35\xa0\x7f\xff\x80\x00\x81\x40\x7f\xff"),
    SEED("\x03\x2a\xff\x80\x10\xff\x91\xff"),
};

/* First byte: the rate. Second: a digit that sounds under it all. Then each piece: a byte's length (bit 7: lost), and what is added
 * to its samples. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint32_t rates[] = {8000, 16000, 24000, 48000};
    struct source s = {data, size};
    uint32_t rate = rates[take(&s, 1) % 4];
    struct mc_inband *in = malloc(sizeof *in);
    struct mc_tone tone;
    struct mc_tone_plan plan;
    MUST(mc_inband_init(in, rate) == MC_OK);
    MUST(mc_tone_dtmf(&plan, MC_DTMF_DIGITS[take(&s, 1) % 16], 60, 50) == MC_OK);
    plan.repeat = true;
    MUST(mc_tone_init(&tone, &plan, rate) == MC_OK);
    size_t heard = 0;
    size_t total = 0;
    while (s.left > 0) {
        uint32_t head = take(&s, 1);
        size_t n = (size_t)(head & 0x7f) * 8;
        int16_t *pcm = malloc(n * sizeof *pcm + 1);
        MUST(mc_tone_run(&tone, pcm, n) == n);
        for (size_t i = 0; i < n && s.left > 0; i += 4) {
            pcm[i] = (int16_t)(pcm[i] + (int8_t)take(&s, 1) * 64);
        }
        for (size_t done = 0; done < n;) {
            size_t used = 0;
            struct mc_inband_digit d;
            int rc = mc_inband_run(in, head & 0x80 ? NULL : pcm + done, n - done, &used, &d);
            done += used;
            MUST(done <= n && (rc == 1 || (rc == 0 && done == n)));
            MUST(rc == 0 || (d.digit != '\0' && strchr(MC_DTMF_DIGITS, d.digit) != NULL && d.ms > 0));
            heard += (size_t)rc;
        }
        total += n;
        free(pcm);
    }
    MUST(heard <= total * 1000 / rate / 24 + 1);
    free(in);
    return 0;
}

FUZZ_MAIN(seeds)
