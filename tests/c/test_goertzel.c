/* SPDX-License-Identifier: GPL-3.0-or-later
 * In-band DTMF against ITU-T Q.24's table of what administrations ask for. Speech that must not be taken for digits is in
 * tests/media/test_inband.py, where there is a human voice. */
#include "goertzel.h"

#include <math.h>

#include "check.h"
#include "codec.h"
#include "err.h"
#include "tone.h"

#define MAX_N (48000 * 30)
#define LAPS 3 /* through all sixteen digits */
#define N_DIGITS (16 * LAPS)

static int16_t line[MAX_N];
static size_t n_line;
static struct rng r;

struct sound {
    uint32_t rate;
    double low_dbm0, high_dbm0, off; /* off: of frequency, 0.01 = 1 % */
    double on_ms, gap_ms;
};

static void quiet(uint32_t rate, double ms) {
    size_t n = (size_t)(rate * ms / 1000);
    memset(line + n_line, 0, n * sizeof *line);
    n_line += n;
}

static double peak(double dbm0) {
    return 32767 * pow(10, (dbm0 - 3.14) / 20);
}

/* Phases anywhere, as a telephone's are. */
static void press(const struct sound *s, char digit) {
    uint16_t hz[2] = {0, 0};
    CHECK_INT(digit, mc_dtmf_hz(digit, hz), 1);
    double a = 2 * M_PI * rng_unit(&r);
    double b = 2 * M_PI * rng_unit(&r);
    for (size_t i = 0; i < (size_t)(s->rate * s->on_ms / 1000); i++) {
        double t = 2 * M_PI * (1 + s->off) * (double)i / s->rate;
        line[n_line++] = (int16_t)lrint(peak(s->low_dbm0) * sin(a + t * hz[0]) + peak(s->high_dbm0) * sin(b + t * hz[1]));
    }
    quiet(s->rate, s->gap_ms + 8 * rng_unit(&r)); /* each digit lies otherwise to the windows */
}

static char wanted(int i) {
    return MC_DTMF_DIGITS[i % 16];
}

static void dial(const struct sound *s) {
    n_line = 0;
    quiet(s->rate, 60);
    for (int i = 0; i < N_DIGITS; i++) {
        press(s, wanted(i));
    }
    quiet(s->rate, 60);
}

static void add_noise(double dbm0) {
    double rms = peak(dbm0) / sqrt(2);
    for (size_t i = 0; i < n_line; i++) {
        double v = line[i];
        for (int k = 0; k < 4; k++) {
            v += rms * (rng_unit(&r) - 0.5) * sqrt(3);
        }
        line[i] = (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
    }
}

static void through(const struct mc_codec *codec) {
    for (size_t i = 0; i < n_line; i++) {
        uint8_t byte;
        codec->encode(NULL, line + i, 1, &byte, 1);
        codec->decode(NULL, &byte, 1, line + i, 1);
    }
}

static char got[200];
static uint32_t got_ms[200];

/* The line in pieces; each is lost with the chance `loss`. Returns how many digits there were. */
static int listen(uint32_t rate, size_t piece, double loss) {
    struct mc_inband *in = malloc(sizeof *in);
    int n = 0;
    CHECK_INT(rate, mc_inband_init(in, rate), MC_OK);
    for (size_t at = 0; at < n_line; at += piece) {
        size_t len = n_line - at < piece ? n_line - at : piece;
        bool lost = rng_unit(&r) < loss;
        for (size_t done = 0; done < len;) {
            struct mc_inband_digit d;
            size_t used = 0;
            int rc = mc_inband_run(in, lost ? NULL : line + at + done, len - done, &used, &d);
            done += used;
            CHECK(rc == 0 ? done == len : rc == 1);
            if (rc == 1 && n < (int)sizeof got) {
                got[n] = d.digit;
                got_ms[n++] = d.ms;
            }
        }
    }
    free(in);
    return n;
}

static void heard_all(int row, uint32_t rate) {
    int n = listen(rate, rate / 50, 0);
    CHECK_INT(row, n, N_DIGITS);
    for (int i = 0; i < n && i < N_DIGITS; i++) {
        CHECK_INT(row, got[i], wanted(i));
    }
}

static const uint32_t rates[] = {8000, 16000, 24000, 48000};

/* -3 to -30 dBm0, either tone up to 8 dB softer, 40 ms on and off, through both laws. */
static void every_level_and_twist(void) {
    r = rng_of(1);
    for (int level = -3; level >= -30; level -= 3) {
        for (int twist = -8; twist <= 8; twist += 4) {
            for (int law = 0; law < 3; law++) {
                struct sound s = {.rate = 8000, .on_ms = 40, .gap_ms = 40};
                s.low_dbm0 = twist > 0 ? level - twist : level;
                s.high_dbm0 = twist < 0 ? level + twist : level;
                dial(&s);
                if (law > 0) {
                    through(law == 1 ? &mc_codec_pcmu : &mc_codec_pcma);
                }
                heard_all(level * 1000 + twist * 10 + law, s.rate);
            }
        }
    }
}

static void every_rate(void) {
    r = rng_of(2);
    for (size_t i = 0; i < COUNT(rates); i++) {
        dial(&(struct sound){.rate = rates[i], .low_dbm0 = -12, .high_dbm0 = -8, .on_ms = 40, .gap_ms = 40});
        heard_all((int)i, rates[i]);
    }
}

static void one_and_a_half_percent_off_is_the_digit(void) {
    r = rng_of(3);
    for (int sign = -1; sign <= 1; sign += 2) {
        dial(&(struct sound){.rate = 8000, .low_dbm0 = -12, .high_dbm0 = -10, .off = sign * 0.0165, .on_ms = 45, .gap_ms = 40});
        add_noise(-30);
        heard_all(sign, 8000);
    }
}

static void three_and_a_half_percent_off_is_not(void) {
    r = rng_of(4);
    for (int sign = -1; sign <= 1; sign += 2) {
        dial(&(struct sound){.rate = 8000, .low_dbm0 = -12, .high_dbm0 = -10, .off = sign * 0.035, .on_ms = 100, .gap_ms = 40});
        CHECK_INT(sign, listen(8000, 160, 0), 0);
    }
}

static void noise_12_db_below(void) {
    r = rng_of(5);
    dial(&(struct sound){.rate = 8000, .low_dbm0 = -12, .high_dbm0 = -12, .on_ms = 40, .gap_ms = 40});
    add_noise(-24);
    heard_all(0, 8000);
}

static void noise_alone_is_nothing(void) {
    r = rng_of(6);
    n_line = 0;
    quiet(8000, 20000);
    add_noise(-10);
    CHECK_INT(0, listen(8000, 160, 0), 0);
}

/* A digit pressed for 20 ms is none. */
static void too_short_is_nothing(void) {
    r = rng_of(7);
    dial(&(struct sound){.rate = 8000, .low_dbm0 = -12, .high_dbm0 = -10, .on_ms = 20, .gap_ms = 60});
    CHECK_INT(0, listen(8000, 160, 0), 0);
}

static void the_same_digit_again_and_again(void) {
    for (size_t i = 0; i < COUNT(rates); i++) {
        struct sound s = {.rate = rates[i], .low_dbm0 = -12, .high_dbm0 = -10, .on_ms = 40, .gap_ms = 40};
        r = rng_of(8);
        n_line = 0;
        for (int k = 0; k < 30; k++) {
            press(&s, '7');
        }
        CHECK_INT(i, listen(s.rate, s.rate / 50, 0), 30);
    }
}

static void a_break_of_10_ms_does_not_end_it(void) {
    r = rng_of(9);
    n_line = 0;
    for (int k = 0; k < 16; k++) {
        struct sound half = {.rate = 8000, .low_dbm0 = -12, .high_dbm0 = -10, .on_ms = 60, .gap_ms = 0};
        press(&half, wanted(k));
        n_line -= n_line % 8; /* about 10 ms in all */
        memset(line + n_line, 0, 16 * sizeof *line);
        n_line += 16;
        half.gap_ms = 80;
        press(&half, wanted(k));
    }
    CHECK_INT(0, listen(8000, 160, 0), 16);
    for (int k = 0; k < 16; k++) {
        CHECK_INT(k, got[k], wanted(k));
    }
}

/* Lost packets inside a digit don't double it, and one that is 120 ms long survives most. */
static void lost_packets(void) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        r = rng_of(seed);
        dial(&(struct sound){.rate = 8000, .low_dbm0 = -12, .high_dbm0 = -10, .on_ms = 120, .gap_ms = 80});
        int n = listen(8000, 160, 0.05);
        CHECK_BETWEEN(seed, n, N_DIGITS - 1, N_DIGITS);
        for (int i = 1, k = 1; i < n; i++, k++) {
            k += got[i] != wanted(k);
            CHECK_INT(seed, got[i], wanted(k));
        }
    }
}

static void one_right_after_the_other(void) {
    r = rng_of(10);
    n_line = 0;
    struct sound s = {.rate = 8000, .low_dbm0 = -12, .high_dbm0 = -10, .on_ms = 80, .gap_ms = 0};
    for (int i = 0; i < N_DIGITS; i++) {
        press(&s, wanted(i));
        n_line -= n_line % 64; /* no gap, or next to none */
    }
    quiet(8000, 60);
    heard_all(0, 8000);
}

static void it_says_how_long(void) {
    for (int ms = 50; ms <= 2000; ms = ms * 3 / 2) {
        r = rng_of((uint64_t)ms);
        n_line = 0;
        struct sound s = {.rate = 8000, .low_dbm0 = -12, .high_dbm0 = -10, .on_ms = ms, .gap_ms = 60};
        press(&s, '5');
        CHECK_INT(ms, listen(8000, 160, 0), 1);
        CHECK_BETWEEN(ms, got_ms[0], ms - 16, ms + 16);
    }
}

static void a_long_loss_ends_it(void) {
    struct mc_inband *in = malloc(sizeof *in);
    struct mc_inband_digit d = {0};
    size_t used;
    r = rng_of(11);
    n_line = 0;
    struct sound s = {.rate = 8000, .low_dbm0 = -12, .high_dbm0 = -10, .on_ms = 100, .gap_ms = 0};
    press(&s, '#');
    CHECK_INT(0, mc_inband_init(in, 8000), MC_OK);
    CHECK_INT(0, mc_inband_run(in, line, 800, &used, &d), 0);
    for (int ms = 20; ms <= 60; ms += 20) {
        CHECK_INT(ms, mc_inband_run(in, NULL, 160, &used, &d), ms == 60);
        CHECK_INT(ms, used, 160);
    }
    CHECK_INT(0, d.digit, '#');
    free(in);
}

/* Whatever the pieces, the same digits. */
static void pieces_of_any_length(void) {
    static const size_t pieces[] = {1, 7, 80, 160, 161, 1000, 100000};
    r = rng_of(12);
    dial(&(struct sound){.rate = 8000, .low_dbm0 = -12, .high_dbm0 = -10, .on_ms = 40, .gap_ms = 40});
    for (size_t i = 0; i < COUNT(pieces); i++) {
        CHECK_INT(i, listen(8000, pieces[i], 0), N_DIGITS);
    }
}

static void our_own_digits(void) {
    struct mc_tone tone;
    struct mc_tone_plan plan;
    for (size_t i = 0; i < COUNT(rates); i++) {
        n_line = 0;
        for (int k = 0; k < N_DIGITS; k++) {
            CHECK_INT(k, mc_tone_dtmf(&plan, wanted(k), 50, 45), MC_OK);
            CHECK_INT(k, mc_tone_init(&tone, &plan, rates[i]), MC_OK);
            n_line += mc_tone_run(&tone, line + n_line, MAX_N - n_line);
        }
        heard_all((int)i, rates[i]);
    }
}

static void rates_it_knows(void) {
    struct mc_inband in;
    CHECK_INT(0, mc_inband_init(&in, 11025), MC_E_ARG);
    CHECK_INT(0, mc_inband_init(&in, 0), MC_E_ARG);
}

int main(void) {
    RUN(every_level_and_twist);
    RUN(every_rate);
    RUN(one_and_a_half_percent_off_is_the_digit);
    RUN(three_and_a_half_percent_off_is_not);
    RUN(noise_12_db_below);
    RUN(noise_alone_is_nothing);
    RUN(too_short_is_nothing);
    RUN(the_same_digit_again_and_again);
    RUN(a_break_of_10_ms_does_not_end_it);
    RUN(lost_packets);
    RUN(one_right_after_the_other);
    RUN(it_says_how_long);
    RUN(a_long_loss_ends_it);
    RUN(pieces_of_any_length);
    RUN(our_own_digits);
    RUN(rates_it_knows);
    return check_done();
}
