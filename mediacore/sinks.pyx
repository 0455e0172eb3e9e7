# SPDX-License-Identifier: GPL-3.0-or-later
"""What joins legs without Python in between: bridge, mixer, prompts."""
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport INFINITY
from libc.stdint cimport UINT32_MAX, int16_t, uint32_t
from libc.string cimport memset

from mediacore cimport c_sinks as c
from mediacore.c_leg cimport mc_leg, mc_leg_params, mc_leg_ref, mc_leg_unref
from mediacore.c_worker cimport mc_worker_params
from mediacore.errors cimport MC_E_FULL, check
from mediacore.leg cimport Leg
from mediacore.worker cimport Worker, live_sinks

from mediacore.errors import ArgumentError, StateError


cdef mc_leg *alive(Leg leg, str what) except NULL:
    if leg.leg == NULL:
        raise StateError(f"{what}: the leg is closed")
    return leg.leg


cdef class Prompt:
    """See sinks.pyi for the interface of all classes here."""

    cdef c.mc_prompt *prompt
    cdef dict players  # Leg -> Player

    def __cinit__(self, pcm, int rate=16000, *, bint loop=False):
        cdef Py_buffer view
        cdef int rc
        self.players = {}
        PyObject_GetBuffer(pcm, &view, PyBUF_SIMPLE)
        try:
            if view.len % 2:
                raise ArgumentError("pcm must hold whole 16-bit samples")
            with nogil:
                rc = c.mc_prompt_new(&self.prompt, rate, <const int16_t *>view.buf, view.len // 2, loop, live_sinks())
        finally:
            PyBuffer_Release(&view)
        check(rc, f"prompt: {rate} Hz must be 8000, 16000, 24000 or 48000, and the sound at most an hour long; "
                  "a loop at least 105 ms")

    def __dealloc__(self):
        # Only what is C's own: a collected cycle has lost its objects by now. Each player holds a reference of its own.
        c.mc_prompt_unref(self.prompt)

    cdef c.mc_prompt *handle(self) except NULL:
        if self.prompt == NULL:
            raise StateError("the prompt is closed")
        return self.prompt

    @property
    def rate(self) -> int:
        return c.mc_prompt_rate(self.handle())

    @property
    def seconds(self) -> float:
        return c.mc_prompt_ms(self.handle()) / 1000

    def prepare(self, Leg leg not None) -> None:
        cdef c.mc_prompt *prompt = self.handle()
        cdef mc_leg *on = alive(leg, "prompt")
        cdef mc_leg_params params
        cdef c.mc_coding coding
        cdef int rc
        c.mc_prompt_ref(prompt)
        mc_leg_ref(on)
        try:
            with nogil:
                rc = mc_worker_params(on, &params)
                if rc >= 0:
                    rc = c.mc_leg_coding(on, &params, &coding)
                if rc >= 0:
                    rc = c.mc_prompt_code(prompt, &coding)
        finally:
            c.mc_prompt_unref(prompt)
            mc_leg_unref(on)
        if rc != MC_E_FULL:
            check(rc, "prompt: the leg was never started")

    def start(self, Leg leg not None, *, bint ears=False) -> None:
        if self.left(leg):
            raise StateError("the prompt plays on this leg already")
        self.stop(leg)
        self.players[leg] = Player(self, leg, ears)

    def left(self, Leg leg not None) -> float:
        player = self.players.get(leg)
        return (<Player>player).left() if player is not None else 0.0

    def stop(self, Leg leg not None) -> None:
        player = self.players.pop(leg, None)
        if player is not None:
            (<Player>player).close()

    def close(self) -> None:
        cdef c.mc_prompt *prompt = self.prompt
        if prompt == NULL:
            return
        for player in self.players.values():
            (<Player>player).close()
        self.players.clear()
        self.prompt = NULL
        c.mc_prompt_unref(prompt)


cdef class Player:
    """A prompt on one leg."""

    cdef c.mc_prompt_player *player

    def __cinit__(self, Prompt prompt not None, Leg leg not None, bint ears):
        cdef c.mc_prompt *handle = prompt.handle()
        cdef mc_leg *on = alive(leg, "prompt")
        cdef int rc
        with nogil:
            rc = c.mc_prompt_start(&self.player, handle, on, ears)
        check(rc, f"prompt of {prompt.rate} Hz on a leg of {leg.rate} Hz: both must be the same")

    def __dealloc__(self):
        self.close()

    cdef double left(self) noexcept:
        cdef uint32_t ms = c.mc_prompt_left(self.player)
        return INFINITY if ms == UINT32_MAX else ms / 1000.0

    cdef void close(self) noexcept:
        cdef c.mc_prompt_player *player = self.player
        if player != NULL:
            self.player = NULL
            with nogil:
                c.mc_prompt_stop(player)


cdef class Bridge:
    cdef c.mc_bridge *bridge
    cdef mc_leg *ends[2]
    cdef dict last
    cdef readonly Leg a
    cdef readonly Leg b

    def __cinit__(self, Leg a not None, Leg b not None, *, bint ears=False, bint transcode=False):
        cdef c.mc_bridge_cfg cfg
        cdef int rc
        self.ends = [alive(a, "bridge"), alive(b, "bridge")]
        cfg.ears = ears
        cfg.transcode = transcode
        cfg.live = live_sinks()
        with nogil:
            rc = c.mc_bridge_new(&self.bridge, self.ends[0], self.ends[1], &cfg)
        check(rc, "bridge: two different legs of one worker are needed")
        self.a = a
        self.b = b

    def __dealloc__(self):
        self.release()

    cdef void release(self) noexcept:
        cdef c.mc_bridge *bridge = self.bridge
        if bridge != NULL:
            self.bridge = NULL
            with nogil:
                c.mc_bridge_free(bridge)

    cdef mc_leg *end(self, Leg leg) except NULL:
        # The bridge's own reference: it holds for a leg that was closed meanwhile.
        if leg is not self.a and leg is not self.b:
            raise ArgumentError("the leg is not one of the bridge's two")
        if self.bridge == NULL:
            raise StateError("the bridge is closed")
        return self.ends[0 if leg is self.a else 1]

    def hold(self, Leg leg not None, Prompt music=None) -> None:
        cdef mc_leg *end = self.end(leg)
        cdef c.mc_prompt *sound = music.handle() if music is not None else NULL
        cdef int rc
        with nogil:
            rc = c.mc_bridge_hold(self.bridge, end, sound)
        check(rc, "hold: the music must have the rate of the leg that hears it")

    def resume(self, Leg leg not None) -> None:
        cdef mc_leg *end = self.end(leg)
        with nogil:
            c.mc_bridge_resume(self.bridge, end)

    cdef dict way(self, mc_leg *end):
        cdef c.mc_bridge_way w
        with nogil:
            c.mc_bridge_stats_read(self.bridge, end, &w)
        return dict(
            relayed=w.relayed, decoded=w.decoded, digits=w.digits, dropped=w.dropped, queued_us=w.queued_us, relaying=bool(w.relaying)
        )

    def stats(self) -> dict:
        if self.bridge != NULL:
            self.last = {"a_to_b": self.way(self.ends[0]), "b_to_a": self.way(self.ends[1])}
        return self.last

    def close(self) -> None:
        if self.bridge != NULL:
            self.stats()
            self.release()


def bridge(Leg a not None, Leg b not None, *, bint ears=False, bint transcode=False) -> Bridge:
    return Bridge(a, b, ears=ears, transcode=transcode)


cdef class Mixer:
    cdef c.mc_mix *mix
    cdef Worker worker
    cdef dict parties  # Leg -> Party
    cdef readonly int rate

    def __cinit__(self, Worker worker not None, *, int rate=16000):
        check(c.mc_mix_new(&self.mix, rate, live_sinks()), f"mixer: rate {rate} must be 8000, 16000, 24000 or 48000")
        self.worker = worker
        self.rate = rate
        self.parties = {}

    def __dealloc__(self):
        self.release()

    cdef void release(self) noexcept:
        cdef c.mc_mix *mix = self.mix
        if mix != NULL:
            self.mix = NULL
            with nogil:
                c.mc_mix_free(mix)

    cdef int fill(self, c.mc_party_cfg *cfg, Leg leg, double gain, bint listen_only, Leg whisper_to, bint ears) except -1:
        if self.mix == NULL:
            raise StateError("the mixer is closed")
        if not 0 <= gain <= 8:
            raise ArgumentError(f"gain must lie between 0 (muted) and 8, not {gain}")
        if listen_only and whisper_to is not None:
            raise ArgumentError("who only listens can't whisper: give listen_only or whisper_to")
        if whisper_to is not None and (whisper_to is leg or whisper_to not in self.parties):
            raise ArgumentError("whisper_to must be another leg of this mixer")
        memset(cfg, 0, sizeof(c.mc_party_cfg))
        cfg.gain = round(gain * c.MC_MIX_UNITY)
        cfg.listen = listen_only
        cfg.ears = ears
        if whisper_to is not None:
            cfg.to = (<Party>self.parties[whisper_to]).party
        return 0

    def add(self, Leg leg not None, *, double gain=1.0, bint listen_only=False, Leg whisper_to=None, bint ears=False) -> None:
        cdef c.mc_party_cfg cfg
        cdef Party party = Party()
        cdef mc_leg *end = alive(leg, "mixer")
        cdef int rc
        self.fill(&cfg, leg, gain, listen_only, whisper_to, ears)
        if leg in self.parties:
            raise StateError("the leg is in this mixer already; set() changes how")
        if leg.worker is not self.worker:
            raise ArgumentError("the leg is of another worker than the mixer")
        with nogil:
            rc = c.mc_mix_add(self.mix, &party.party, end, &cfg)
        check(rc, "mixer")
        self.parties[leg] = party

    def set(self, Leg leg not None, *, double gain=1.0, bint listen_only=False, Leg whisper_to=None, bint ears=False) -> None:
        cdef c.mc_party_cfg cfg
        cdef Party party = self.parties.get(leg)
        cdef int rc
        if party is None:
            raise StateError("the leg is not in this mixer")
        self.fill(&cfg, leg, gain, listen_only, whisper_to, ears)
        with nogil:
            rc = c.mc_mix_set(party.party, &cfg)
        check(rc, "mixer")

    def remove(self, Leg leg not None) -> None:
        cdef Party party = self.parties.pop(leg, None)
        if party is not None:
            with nogil:
                c.mc_mix_remove(party.party)

    @property
    def legs(self) -> list:
        return list(self.parties)

    def close(self) -> None:
        self.release()
        self.parties.clear()


cdef class Party:
    """A place in a mixer; the mixer frees it."""

    cdef c.mc_party *party


cdef class ListenIn:
    cdef c.mc_listen *listen
    cdef readonly Leg listener
    cdef readonly Leg target

    def __cinit__(self, Leg listener not None, Leg target not None, *, bint to_peer=False, bint to_other=False):
        cdef mc_leg *one = alive(listener, "listen in")
        cdef mc_leg *two = alive(target, "listen in")
        cdef c.mc_listen_cfg cfg
        cdef int rc
        cfg.peer = to_peer
        cfg.other = to_other
        with nogil:
            rc = c.mc_listen_new(&self.listen, one, two, &cfg, live_sinks())
        check(rc, "listen in: two different legs of one worker are needed")
        self.listener = listener
        self.target = target

    def __dealloc__(self):
        self.release()

    cdef void release(self) noexcept:
        cdef c.mc_listen *listen = self.listen
        if listen != NULL:
            self.listen = NULL
            with nogil:
                c.mc_listen_free(listen)

    def set(self, *, bint to_peer=False, bint to_other=False) -> None:
        cdef c.mc_listen_cfg cfg
        if self.listen == NULL:
            raise StateError("listen in: it is over")
        cfg.peer = to_peer
        cfg.other = to_other
        with nogil:
            c.mc_listen_set(self.listen, &cfg)

    def close(self) -> None:
        self.release()
