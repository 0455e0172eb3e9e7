# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate before the SIP stack (csrc/gate.h): its settings and its counters."""
import secrets

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from mediacore.c_worker cimport mc_clock_us
from mediacore.errors cimport check

from mediacore.errors import ArgumentError


cdef extern from "<arpa/inet.h>" nogil:
    enum: AF_INET, AF_INET6, INET6_ADDRSTRLEN

    cdef struct in_addr:
        pass

    cdef struct in6_addr:
        pass

    cdef struct sockaddr:
        pass

    cdef struct sockaddr_in:
        in_addr sin_addr

    cdef struct sockaddr_in6:
        in6_addr sin6_addr

    cdef struct sockaddr_storage:
        unsigned short ss_family

    int inet_pton(int family, const char *text, void *out)
    const char *inet_ntop(int family, const void *addr, char *out, unsigned size)


cdef extern from "gate.h" nogil:
    enum: MC_GATE_MAX_NETS, MC_GATE_REASONS, MC_BUCKETS

    cdef struct mc_gate_event:
        sockaddr_storage source "from"
        int reason
        uint32_t n

    cdef struct mc_gate:
        pass

    cdef struct mc_rate:
        uint32_t rate
        uint32_t burst

    const char *const *mc_gate_names
    mc_gate *mc_gate_the()
    int mc_gate_trust(mc_gate *g, const char *const *nets, size_t n)
    int mc_gate_scanners(mc_gate *g, const char *const *words, size_t n)
    void mc_gate_rates(mc_gate *g, uint64_t seed, const mc_rate *rates)
    void mc_gate_crowd(mc_gate *g, mc_rate rate)
    void mc_gate_drain(mc_gate *g, int on)
    void mc_gate_overload(mc_gate *g, uint32_t most_wait_us, uint32_t retry_after_s)
    void mc_gate_lag(mc_gate *g, uint64_t lag_us, uint64_t now_us)
    void mc_gate_blame(mc_gate *g, int reason, const sockaddr *source)
    size_t mc_gate_events(mc_gate *g, mc_gate_event *out, size_t max)
    uint64_t mc_gate_count(const mc_gate *g, int reason)


cdef int texts(list words, const char **out) except -1:
    if len(words) > MC_GATE_MAX_NETS:
        raise ArgumentError(f"{len(words)} entries; at most {MC_GATE_MAX_NETS} are allowed")
    for i, word in enumerate(words):
        out[i] = <bytes>word
    return 0


def set_gate(unlimited, scanners, messages, calls, crowd, most_wait_us, retry_after_s) -> None:
    """See gate.pyi."""
    cdef const char *pointers[512]
    cdef mc_rate rates[2]
    cdef mc_rate together
    nets = [net.encode() for net in unlimited]
    words = [word.encode() for word in scanners]
    assert MC_GATE_MAX_NETS <= 512 and MC_BUCKETS == 2
    texts(nets, pointers)
    check(mc_gate_trust(mc_gate_the(), pointers, len(nets)), "networks without limits")
    texts(words, pointers)
    check(mc_gate_scanners(mc_gate_the(), pointers, len(words)), "words of scanners")
    rates[0].rate, rates[0].burst = messages
    rates[1].rate, rates[1].burst = calls
    mc_gate_rates(mc_gate_the(), secrets.randbits(64), rates)
    together.rate, together.burst = crowd
    mc_gate_crowd(mc_gate_the(), together)
    mc_gate_overload(mc_gate_the(), most_wait_us, retry_after_s)


def drain_gate(on) -> None:
    """See gate.pyi."""
    mc_gate_drain(mc_gate_the(), on)


def gate_lag(lag_us) -> None:
    """See gate.pyi."""
    mc_gate_lag(mc_gate_the(), max(0, lag_us), mc_clock_us())


def gate_blame(address, reason) -> None:
    """See gate.pyi."""
    cdef sockaddr_storage source
    cdef bytes text = address.encode()
    names = [mc_gate_names[i].decode() for i in range(MC_GATE_REASONS)]
    memset(&source, 0, sizeof(source))
    source.ss_family = AF_INET6 if ":" in address else AF_INET
    raw = <void *>&(<sockaddr_in6 *>&source).sin6_addr if ":" in address else <void *>&(<sockaddr_in *>&source).sin_addr
    if reason not in names or inet_pton(source.ss_family, text, raw) != 1:
        raise ArgumentError(f"{reason!r} is no reason, or {address!r} no address")
    mc_gate_blame(mc_gate_the(), names.index(reason), <const sockaddr *>&source)


def gate_counts() -> dict:
    """See gate.pyi."""
    return {mc_gate_names[i].decode(): mc_gate_count(mc_gate_the(), i) for i in range(MC_GATE_REASONS)}


cdef str host_of(const sockaddr_storage *addr):
    cdef char text[64]
    cdef const void *raw = &(<const sockaddr_in6 *>addr).sin6_addr
    if addr.ss_family == AF_INET:
        raw = &(<const sockaddr_in *>addr).sin_addr
    return inet_ntop(addr.ss_family, raw, text, sizeof(text)).decode()


def gate_events() -> list:
    """See gate.pyi."""
    cdef mc_gate_event events[32]
    cdef size_t n = 32
    told = []
    while n == 32:
        n = mc_gate_events(mc_gate_the(), events, 32)
        told += [(host_of(&events[i].source), mc_gate_names[events[i].reason].decode(), events[i].n) for i in range(n)]
    return told
