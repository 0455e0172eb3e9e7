/* SPDX-License-Identifier: GPL-3.0-or-later
 * A fmtp line of any bytes, and an Opus encoder that is told what it says. */
#include "codec.h"
#include "fuzz.h"

static const struct seed seeds[] __attribute__((unused)) = {
    SEED("maxplaybackrate=16000; maxaveragebitrate=20000; cbr=1; useinbandfec=1; usedtx=1; stereo=1"),
    SEED("0-16"),
    SEED(";=;cbr=;usedtx = 1 ;maxaveragebitrate=999999999;"),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t enc[65536] __attribute__((aligned(16)));
    struct mc_fmtp f;
    int rc = mc_fmtp_parse(&f, (const char *)data, size);
    MUST(rc == MC_OK || rc == MC_E_FORMAT);
    MUST(f.max_playback_rate <= 999999999 && f.max_average_bitrate <= 999999999);
    MUST(mc_codec_opus.enc_size <= sizeof enc && mc_codec_opus.enc_init(enc, &f, 20) == MC_OK);
    return 0;
}

FUZZ_MAIN(seeds)
