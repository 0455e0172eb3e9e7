/* SPDX-License-Identifier: GPL-3.0-or-later
 * All that a C test here needs: CHECK in a function, RUN for each function, `return check_done();` at the end of main. */
#ifndef CHECK_H
#define CHECK_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static int check_n_bad;    /* in the running test */
static int check_n_failed; /* tests */

__attribute__((format(printf, 3, 4), unused)) static void check_fail(const char *file, int line, const char *fmt, ...) {
    va_list ap;
    if (++check_n_bad > 5) {
        return; /* the first few say it all */
    }
    printf("    %s:%d: ", file, line);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

#define CHECK(cond)                                                                                                            \
    do {                                                                                                                       \
        if (!(cond)) {                                                                                                         \
            check_fail(__FILE__, __LINE__, "%s", #cond);                                                                       \
        }                                                                                                                      \
    } while (0)

/* `row` is anything that finds the case again: a row's number, a seed. */
#define CHECK_INT(row, got, want)                                                                                              \
    do {                                                                                                                       \
        int64_t got_ = (int64_t)(got);                                                                                         \
        int64_t want_ = (int64_t)(want);                                                                                       \
        if (got_ != want_) {                                                                                                   \
            check_fail(__FILE__, __LINE__, "[%" PRId64 "] %s = %" PRId64 ", want %" PRId64, (int64_t)(row), #got, got_,        \
                       want_);                                                                                                 \
        }                                                                                                                      \
    } while (0)

#define CHECK_BETWEEN(row, got, low, high)                                                                                     \
    do {                                                                                                                       \
        double got_ = (double)(got);                                                                                           \
        double low_ = (double)(low);                                                                                           \
        double high_ = (double)(high);                                                                                         \
        if (!(got_ >= low_ && got_ <= high_)) {                                                                                \
            check_fail(__FILE__, __LINE__, "[%" PRId64 "] %s = %g, want %g ... %g", (int64_t)(row), #got, got_, low_, high_);  \
        }                                                                                                                      \
    } while (0)

#define RUN(test)                                                                                                              \
    do {                                                                                                                       \
        check_n_bad = 0;                                                                                                       \
        test();                                                                                                                \
        check_n_failed += check_n_bad != 0;                                                                                    \
        printf("%s %s\n", check_n_bad ? "FAILED" : "ok    ", #test);                                                           \
        fflush(stdout);                                                                                                        \
    } while (0)

__attribute__((unused)) static int check_done(void) {
    return check_n_failed != 0;
}

/* xorshift64*: the same numbers everywhere for the same seed. */
struct rng {
    uint64_t s;
};

__attribute__((unused)) static struct rng rng_of(uint64_t seed) {
    return (struct rng){seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
}

__attribute__((unused)) static uint32_t rng_next(struct rng *r) {
    r->s ^= r->s >> 12;
    r->s ^= r->s << 25;
    r->s ^= r->s >> 27;
    return (uint32_t)(r->s * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

/* 0 ... n - 1 */
__attribute__((unused)) static uint32_t rng_below(struct rng *r, uint32_t n) {
    return n ? (uint32_t)((uint64_t)rng_next(r) * n >> 32) : 0;
}

/* 0 ... 1 */
__attribute__((unused)) static double rng_unit(struct rng *r) {
    return rng_next(r) / 4294967296.0;
}

#endif
