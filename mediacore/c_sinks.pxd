# SPDX-License-Identifier: GPL-3.0-or-later
# csrc/prompt.h, bridge.h, mix.h and listen.h.
from libc.stdint cimport int16_t, uint32_t, uint64_t

from mediacore.c_leg cimport cbool, mc_leg, mc_leg_params, mc_live


cdef extern from "codec.h" nogil:
    cdef struct mc_coding:
        unsigned ptime_ms


cdef extern from "leg.h" nogil:
    int mc_leg_coding(const mc_leg *leg, const mc_leg_params *params, mc_coding *out)


cdef extern from "prompt.h" nogil:
    cdef struct mc_prompt:
        pass
    cdef struct mc_prompt_player:
        pass

    int mc_prompt_new(mc_prompt **out, uint32_t rate, const int16_t *pcm, size_t n, cbool loop, mc_live *live)
    void mc_prompt_ref(mc_prompt *prompt)
    void mc_prompt_unref(mc_prompt *prompt)
    uint32_t mc_prompt_rate(const mc_prompt *prompt)
    uint32_t mc_prompt_ms(const mc_prompt *prompt)
    int mc_prompt_start(mc_prompt_player **out, mc_prompt *prompt, mc_leg *leg, cbool ears)
    uint32_t mc_prompt_left(const mc_prompt_player *player)
    int mc_prompt_code(mc_prompt *prompt, const mc_coding *coding)
    void mc_prompt_stop(mc_prompt_player *player)


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
    int mc_bridge_hold(mc_bridge *bridge, mc_leg *leg, mc_prompt *music)
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


cdef extern from "listen.h" nogil:
    cdef struct mc_listen:
        pass

    cdef struct mc_listen_cfg:
        cbool peer
        cbool other

    int mc_listen_new(mc_listen **out, mc_leg *listener, mc_leg *target, const mc_listen_cfg *cfg, mc_live *live)
    int mc_listen_set(mc_listen *listen, const mc_listen_cfg *cfg)
    void mc_listen_free(mc_listen *listen)
