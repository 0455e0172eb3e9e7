/* SPDX-License-Identifier: GPL-3.0-or-later
 * Time scaling by waveform similarity (WSOLA, Verhelst and Roelands 1993): sound gets shorter or longer by about one pitch period and
 * keeps its pitch. It works on the samples that are played next and compares them with those that were; it holds nothing itself.
 *
 *   pcm[-n_past ... -1] was played, pcm[0 ... n - 1] comes. Rates of 8 to 48 kHz.
 *
 * Where the sound matches nowhere (onsets, consonants) nothing is changed and the answer is 0: ask again with what comes next. Sound
 * below -50 dB is changed anywhere. */
#ifndef MC_WSOLA_H
#define MC_WSOLA_H

#include <stddef.h>
#include <stdint.h>

#define MC_WSOLA_MAX_RATE 48000
#define MC_WSOLA_PAST_MS                                                                                                       \
    20 /* of n_past are of use: more is ignored, with less only shorter periods are found, with none none */
#define MC_WSOLA_COMING_MS 20 /* of n are enough for voices from 80 Hz up, 10 for those from 200 Hz; below 5 nothing is done */
#define MC_WSOLA_PERIOD_MS 15 /* at most this much comes or goes in one call, but for silence, of which all may go */

/* Takes up to `most` samples out of the beginning of what comes. Answers how many: pcm[0 ... n - answer - 1] is left. */
size_t mc_wsola_shorten(uint32_t rate, int16_t *pcm, size_t n_past, size_t n, size_t most);
/* Puts up to `most` samples before what comes, and has it begin with them: pcm has room for n + most, n + answer of it are used. */
size_t mc_wsola_stretch(uint32_t rate, int16_t *pcm, size_t n_past, size_t n, size_t most);

#endif
