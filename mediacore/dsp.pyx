# SPDX-License-Identifier: GPL-3.0-or-later
"""Codecs, resampler, level meter and jitter buffer of the core, for tools and tests."""
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int16_t, uint8_t
from libc.stdlib cimport calloc, free

from mediacore cimport c_dsp as c
from mediacore.errors cimport check

from mediacore.errors import ArgumentError, FormatError

cdef enum:
    PAYLOAD = 12000  # L16 of 60 ms at 48 kHz and more


def codecs() -> list[tuple[str, int]]:
    """(SDP name, RTP clock) of every codec, in order of preference."""
    cdef list out = []
    cdef int i = 0
    while c.mc_codecs[i] != NULL:
        out.append((c.mc_codecs[i].name.decode(), c.mc_codecs[i].clock))
        i += 1
    return out


cdef class Samples:
    """s16 samples of any contiguous buffer, for as long as this object lives."""

    cdef Py_buffer view
    cdef bint held
    cdef const int16_t *pcm
    cdef size_t n

    def __cinit__(self, data):
        PyObject_GetBuffer(data, &self.view, PyBUF_SIMPLE)
        self.held = True
        if self.view.len % 2:
            raise ArgumentError("pcm must hold whole 16-bit samples")
        self.pcm = <const int16_t *>self.view.buf
        self.n = self.view.len // 2

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)


def level_db(pcm) -> float:
    """RMS level, dB relative to a full-scale square wave; -96 for silence."""
    cdef Samples s = Samples(pcm)
    return c.mc_level_ddb(s.pcm, s.n) / 10


cdef class Codec:
    """One encoder and one decoder."""

    cdef const c.mc_codec *codec
    cdef void *enc
    cdef void *dec

    def __cinit__(self, str name, int clock, *, str fmtp="", int ptime_ms=20):
        cdef c.mc_fmtp remote
        cdef bytes raw = name.encode()
        cdef bytes params = fmtp.encode()
        self.codec = c.mc_codec_find(raw, clock)
        if self.codec == NULL:
            raise ArgumentError(f"no codec {name}/{clock}; there are {codecs()}")
        check(c.mc_fmtp_parse(&remote, params, len(params)), f"fmtp {fmtp!r}")
        self.enc = calloc(1, self.codec.enc_size + 1)
        self.dec = calloc(1, self.codec.dec_size + 1)
        if self.enc == NULL or self.dec == NULL:
            raise MemoryError(name)
        check(self.codec.enc_init(self.enc, &remote, ptime_ms), name)
        check(self.codec.dec_init(self.dec), name)

    def __dealloc__(self):
        free(self.enc)
        free(self.dec)

    @property
    def rate(self) -> int:
        return self.codec.rate

    @property
    def clock(self) -> int:
        return self.codec.clock

    @property
    def fmtp(self) -> str:
        return self.codec.fmtp.decode() if self.codec.fmtp != NULL else ""

    def encode(self, pcm) -> bytes:
        cdef Samples s = Samples(pcm)
        cdef uint8_t out[PAYLOAD]
        cdef int n = check(self.codec.encode(self.enc, s.pcm, s.n, out, sizeof(out)), "encode")
        return (<const char *>out)[:n]

    def decode(self, bytes payload not None) -> bytes:
        cdef int16_t pcm[c.MC_CODEC_MAX_PCM]
        cdef const uint8_t *data = payload
        cdef int n = check(self.codec.decode(self.dec, data, len(payload), pcm, c.MC_CODEC_MAX_PCM), "decode")
        return PyBytes_FromStringAndSize(<const char *>pcm, n * 2)

    def conceal(self, int n, bytes next=None) -> bytes:
        """n samples in the place of a lost packet; silence when the codec has no concealment of its own."""
        cdef int16_t pcm[c.MC_CODEC_MAX_PCM]
        cdef const uint8_t *data = NULL
        cdef size_t size = 0
        if not 0 < n <= c.MC_CODEC_MAX_PCM:
            raise ArgumentError(f"n must lie between 1 and {c.MC_CODEC_MAX_PCM}")
        if self.codec.conceal == NULL:
            return bytes(2 * n)
        if next is not None:
            data = next
            size = len(next)
        n = check(self.codec.conceal(self.dec, data, size, pcm, n), "conceal")
        return PyBytes_FromStringAndSize(<const char *>pcm, n * 2)


cdef class Resampler:
    """Streaming: state carries over from call to call."""

    cdef c.mc_resample rs
    cdef readonly int rate_in
    cdef readonly int rate_out

    def __cinit__(self, int rate_in, int rate_out):
        check(c.mc_resample_init(&self.rs, rate_in, rate_out), f"resample {rate_in} to {rate_out} Hz (8000, 16000, 24000, 48000)")
        self.rate_in = rate_in
        self.rate_out = rate_out

    @property
    def delay_us(self) -> int:
        return c.mc_resample_delay_us(&self.rs)

    def run(self, pcm) -> bytes:
        cdef Samples s = Samples(pcm)
        cdef size_t most = s.n * self.rate_out // self.rate_in + 8
        cdef int16_t *out = <int16_t *>PyMem_Malloc(most * 2)
        if out == NULL:
            raise MemoryError("resample")
        try:
            n = check(c.mc_resample_run(&self.rs, s.pcm, s.n, out, most), "resample")
            return PyBytes_FromStringAndSize(<const char *>out, n * 2)
        finally:
            PyMem_Free(out)


cdef class Concealer:
    """Packet loss concealment of the codecs that have none of their own (G.711, G.722, L16)."""

    cdef c.mc_plc plc

    def __cinit__(self, int rate):
        check(c.mc_plc_init(&self.plc, rate if rate > 0 else 0), f"concealment at {rate} Hz")

    def good(self, pcm) -> bytes:
        """A frame that came; after a loss its beginning is joined to what was made up."""
        cdef bytes out = bytes(pcm)
        if len(out) % 2:
            raise ArgumentError("pcm must hold whole 16-bit samples")
        cdef bytes copy = PyBytes_FromStringAndSize(<const char *>out, len(out))
        if len(copy) == 0:
            return copy
        c.mc_plc_good(&self.plc, <int16_t *><char *>copy, len(copy) // 2)
        return copy

    def conceal(self, int n, next=b"") -> bytes:
        """n samples in the place of lost ones; `next`: the good frame behind them, if it is here already."""
        if not 0 < n <= c.MC_CODEC_MAX_PCM:
            raise ArgumentError(f"n must lie between 1 and {c.MC_CODEC_MAX_PCM}")
        cdef int16_t pcm[c.MC_CODEC_MAX_PCM]
        cdef Samples behind = Samples(next)
        c.mc_plc_between(&self.plc, pcm, n, behind.pcm, behind.n)
        return PyBytes_FromStringAndSize(<const char *>pcm, n * 2)


cdef bytes run_plan(const c.mc_tone_plan *plan, int rate, size_t n, str what):
    """n samples of it, fewer when it ends."""
    cdef c.mc_tone state
    cdef int16_t pcm[480]
    cdef size_t got
    cdef list out = []
    check(c.mc_tone_init(&state, plan, rate if rate > 0 else 0), f"{what} at {rate} Hz (8000, 16000, 24000, 48000)")
    while n > 0:
        got = c.mc_tone_run(&state, pcm, n if n < 480 else 480)
        if got == 0:
            break
        out.append(PyBytes_FromStringAndSize(<const char *>pcm, got * 2))
        n -= got
    return b"".join(out)


def tones() -> list[str]:
    """Names of the tones of call progress."""
    cdef list out = []
    cdef int i = 0
    while c.mc_tone_plans[i].name != NULL:
        out.append(c.mc_tone_plans[i].name.decode())
        i += 1
    return out


def tone(str name, int rate, double seconds) -> bytes:
    """A tone of call progress, at most `seconds` of it."""
    cdef bytes raw = name.encode()
    cdef const c.mc_tone_plan *plan = c.mc_tone_find(raw)
    if plan == NULL:
        raise ArgumentError(f"no tone {name!r}; there are {', '.join(tones())}")
    if not 0 <= seconds <= 3600:
        raise ArgumentError(f"seconds must lie between 0 and 3600, not {seconds}")
    return run_plan(plan, rate, <size_t>(seconds * max(rate, 0)), name)


def dtmf(str digits, int rate, int ms=100, int gap_ms=80) -> bytes:
    """Digits as sound, for peers that take no telephone-event: write it to the leg."""
    cdef c.mc_tone_plan plan
    cdef list out = []
    if not 1 <= ms <= 10000 or not 0 <= gap_ms <= 10000:
        raise ArgumentError(f"ms must lie between 1 and 10000 and gap_ms between 0 and 10000, not {ms} and {gap_ms}")
    for digit in digits:
        if ord(digit) > 127 or c.mc_tone_dtmf(&plan, <char>ord(digit), ms, gap_ms) != 0:
            raise ArgumentError(f"digits must be of 0-9 * # A-D, not {digits!r}")
        out.append(run_plan(&plan, rate, <size_t>(max(rate, 0) * (ms + gap_ms) // 1000), "dtmf"))
    return b"".join(out)


cdef class InbandDtmf:
    """Hears digits that were sent as sound."""

    cdef c.mc_inband inband

    def __cinit__(self, int rate):
        check(c.mc_inband_init(&self.inband, rate if rate > 0 else 0), f"in-band DTMF at {rate} Hz (8000, 16000, 24000, 48000)")

    def run(self, pcm, bint lost=False) -> list[tuple[str, int]]:
        """(digit, milliseconds) of each that ended in these samples; lost: they never came."""
        cdef Samples s = Samples(pcm)
        cdef c.mc_inband_digit d
        cdef size_t done = 0
        cdef size_t used
        cdef list out = []
        cdef const int16_t *at
        while done < s.n:
            at = NULL
            if not lost:
                at = s.pcm + done
            if c.mc_inband_run(&self.inband, at, s.n - done, &used, &d) == 1:
                out.append((chr(d.digit), d.ms))
            done += used
        return out


cdef class JitterBuffer:
    """The human ear's jitter buffer: a pure function of packets and times."""

    cdef c.mc_jb *jb

    def __cinit__(self, int clock=8000, *, int min_ms=5, int max_ms=400, int capacity=128, int tick_ms=20, int price_ms=20):
        cdef c.mc_jb_cfg cfg
        cfg.tick_us = tick_ms * 1000
        cfg.price_us = price_ms * 1000
        cfg.clock = clock
        cfg.min_ms = min_ms
        cfg.max_ms = max_ms
        cfg.capacity = capacity
        self.jb = c.mc_jb_new(&cfg)
        if self.jb == NULL:
            raise ArgumentError("clock, min_ms, max_ms or capacity is out of range")

    def __dealloc__(self):
        if self.jb != NULL:
            c.mc_jb_free(self.jb)

    def put(self, bytes pkt not None, unsigned long long now_us) -> int:
        cdef c.mc_rtp rtp
        cdef const uint8_t *raw = pkt
        if c.mc_rtp_parse(&rtp, raw, len(pkt)) != 0:
            raise FormatError("not an RTP packet")
        return c.mc_jb_put(self.jb, &rtp, now_us)

    def get(self, unsigned long long now_us, unsigned int ahead_us=0) -> tuple:
        cdef c.mc_jb_frame f
        check(c.mc_jb_get(self.jb, now_us, ahead_us, &f), "get")
        what = "frame" if f.what == c.MC_JB_FRAME else "lost" if f.what == c.MC_JB_LOST else "empty"
        payload = (<const char *>f.payload)[:f.len] if f.payload != NULL else None
        return what, payload, f.ts, f.arrival_us

    def scale_us(self, bint quiet) -> int:
        return c.mc_jb_scale_us(self.jb, quiet)

    def stats(self) -> dict:
        cdef c.mc_jb_stats s
        c.mc_jb_stats_read(self.jb, &s)
        return dict(
            n_in=s.n_in, n_played=s.n_played, n_lost=s.n_lost, n_late=s.n_late, n_dup=s.n_dup, n_dropped=s.n_dropped,
            n_empty=s.n_empty, n_restart=s.n_restart, target_ms=s.target_ms, depth_ms=s.depth_ms,
        )
