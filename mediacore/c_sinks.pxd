# SPDX-License-Identifier: GPL-3.0-or-later
# csrc/music.h, bridge.h and mix.h.
from libc.stdint cimport int16_t, uint32_t, uint64_t

from mediacore.c_leg cimport cbool, mc_leg, mc_live


cdef extern from "music.h" nogil:
    cdef struct mc_music:
        pass
    cdef struct mc_music_player:
        pass

    int mc_music_new(mc_music **out, uint32_t rate, const int16_t *pcm, size_t n, mc_live *live)
    void mc_music_ref(mc_music *music)
    void mc_music_unref(mc_music *music)
    uint32_t mc_music_rate(const mc_music *music)
    uint32_t mc_music_ms(const mc_music *music)
    int mc_music_start(mc_music_player **out, mc_music *music, mc_leg *leg, cbool ears)
    void mc_music_stop(mc_music_player *player)


cdef extern from "bridge.h" nogil:
    cdef struct mc_bridge:
        pass

    cdef struct mc_bridge_cfg:
        cbool ears
        cbool transcode
        mc_live *live

    cdef struct mc_bridge_way:
        uint64_t relayed
        uint64_t decoded
        uint64_t digits
        uint64_t dropped
        uint32_t queued_us
        cbool relaying

    int mc_bridge_new(mc_bridge **out, mc_leg *a, mc_leg *b, const mc_bridge_cfg *cfg)
    void mc_bridge_free(mc_bridge *bridge)
    int mc_bridge_hold(mc_bridge *bridge, mc_leg *leg, mc_music *music)
    int mc_bridge_resume(mc_bridge *bridge, mc_leg *leg)
    int mc_bridge_stats_read "mc_bridge_stats"(mc_bridge *bridge, mc_leg *leg, mc_bridge_way *out)


cdef extern from "mix.h" nogil:
    enum: MC_MIX_UNITY
    cdef struct mc_mix:
        pass
    cdef struct mc_party:
        pass

    cdef struct mc_party_cfg:
        int gain
        cbool listen
        mc_party *to
        cbool ears

    int mc_mix_new(mc_mix **out, uint32_t rate, mc_live *live)
    void mc_mix_free(mc_mix *mix)
    int mc_mix_add(mc_mix *mix, mc_party **out, mc_leg *leg, const mc_party_cfg *cfg)
    int mc_mix_set(mc_party *party, const mc_party_cfg *cfg)
    void mc_mix_remove(mc_party *party)
