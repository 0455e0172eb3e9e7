/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "codec.h"
#include "err.h"

static const struct {
    const char *text;
    int want;
    struct mc_fmtp f;
} rows[] = {
    {"", MC_OK, {0}},
    {"maxplaybackrate=16000; maxaveragebitrate=20000; cbr=1; useinbandfec=1; usedtx=1; stereo=1",
     MC_OK,
     {16000, 20000, true, true, true, true}},
    {"MaxPlaybackRate=8000;USEINBANDFEC=1", MC_OK, {.max_playback_rate = 8000, .fec = true}},
    {"  useinbandfec = 1 \r\n", MC_OK, {.fec = true}},
    {"useinbandfec=1;", MC_OK, {.fec = true}},
    {";;;usedtx=1;;", MC_OK, {.dtx = true}},
    {"0-16", MC_OK, {0}},
    {"annexb=no;minptime=10;sprop-stereo=1", MC_OK, {0}},
    {"useinbandfecx=1;xuseinbandfec=1", MC_OK, {0}},
    {"usedtx=1;usedtx=0", MC_OK, {0}},
    {"useinbandfec=2", MC_E_FORMAT, {0}},
    {"useinbandfec=", MC_E_FORMAT, {0}},
    {"cbr=10;usedtx=1", MC_E_FORMAT, {.dtx = true}},
    {"maxplaybackrate=-1", MC_E_FORMAT, {0}},
    {"maxplaybackrate=16k;cbr=1", MC_E_FORMAT, {.cbr = true}},
    {"maxaveragebitrate=4294967296", MC_E_FORMAT, {0}},
    {"maxaveragebitrate=999999999", MC_OK, {.max_average_bitrate = 999999999}},
    {"=1;=;cbr", MC_OK, {0}},
};

static bool same(const struct mc_fmtp *a, const struct mc_fmtp *b) {
    return a->max_playback_rate == b->max_playback_rate && a->max_average_bitrate == b->max_average_bitrate &&
           a->cbr == b->cbr && a->fec == b->fec && a->dtx == b->dtx && a->stereo == b->stereo;
}

static void parse_rows(void) {
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = strlen(rows[i].text);
        char *text = memcpy(malloc(len + 1), rows[i].text, len); /* no NUL at the end */
        struct mc_fmtp f = {.max_playback_rate = 77, .stereo = true};
        CHECK_INT(i, mc_fmtp_parse(&f, text, len), rows[i].want);
        CHECK_INT(i, same(&f, &rows[i].f), true);
        free(text);
    }
}

/* What is printed is read as it was; with one byte less it does not fit. */
static void print_rows(void) {
    static const struct {
        struct mc_fmtp f;
        const char *text;
    } printed[] = {
        {{0}, ""},
        {{.dtx = true}, "usedtx=1"},
        {{.max_average_bitrate = 16000, .cbr = true}, "maxaveragebitrate=16000;cbr=1"},
        {{UINT32_MAX, UINT32_MAX, true, true, true, true},
         "maxplaybackrate=4294967295;maxaveragebitrate=4294967295;cbr=1;useinbandfec=1;usedtx=1;stereo=1"},
    };
    for (size_t i = 0; i < COUNT(printed); i++) {
        size_t size = strlen(printed[i].text) + 1;
        char *text = malloc(size);
        CHECK_INT(i, mc_fmtp_print(&printed[i].f, text, size), MC_OK);
        CHECK_INT(i, strcmp(text, printed[i].text), 0);
        CHECK_INT(i, mc_fmtp_print(&printed[i].f, text, size - 1), MC_E_SHORT);
        CHECK(size <= MC_FMTP_TEXT);
        free(text);
    }
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mc_fmtp f;
        char text[MC_FMTP_TEXT];
        CHECK_INT(i, mc_fmtp_print(&rows[i].f, text, sizeof text), MC_OK);
        CHECK_INT(i, mc_fmtp_parse(&f, text, strlen(text)), MC_OK);
        CHECK_INT(i, same(&f, &rows[i].f), true);
    }
}

static void a_nul_inside_is_just_a_byte(void) {
    struct mc_fmtp f;
    CHECK_INT(0, mc_fmtp_parse(&f, "cbr=1\0;usedtx=1", 15), MC_E_FORMAT);
    CHECK(!f.cbr && f.dtx);
}

int main(void) {
    RUN(parse_rows);
    RUN(print_rows);
    RUN(a_nul_inside_is_just_a_byte);
    return check_done();
}
