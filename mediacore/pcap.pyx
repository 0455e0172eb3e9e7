# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture files: packets made up from what is known, and those of a leg as they were on the wire (csrc/pcap.h, csrc/capture.h)."""
from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.string cimport memset

from mediacore.c_leg cimport mc_leg
from mediacore.errors cimport check
from mediacore.leg cimport Leg

import ipaddress

from mediacore.errors import StateError


cdef extern from "pcap.h" nogil:
    enum: MC_PCAP_HEAD, MC_PCAP_OVERHEAD

    cdef struct mc_pcap_end:
        uint8_t addr[16]
        uint16_t port
        uint8_t version

    void mc_pcap_head(uint8_t *out)
    int mc_pcap_packet(uint8_t *out, uint64_t wall_us, const mc_pcap_end *src, const mc_pcap_end *dst, const uint8_t *payload,
                       size_t len, size_t kept)


cdef extern from "capture.h" nogil:
    cdef struct mc_capture:
        pass

    int mc_capture_new(mc_capture **out, size_t room, int whole)
    void mc_capture_unref(mc_capture *c)
    size_t mc_capture_read(mc_capture *c, uint8_t *out, size_t room)
    uint64_t mc_capture_lost(const mc_capture *c)
    int mc_leg_set_capture(mc_leg *leg, mc_capture *c)


cdef int fill_end(mc_pcap_end *end, tuple place) except -1:
    cdef bytes raw
    memset(end, 0, sizeof(end[0]))
    host, port = place
    if host:
        address = ipaddress.ip_address(host)
        raw = address.packed
        end.addr[:len(raw)] = raw
        end.version = address.version
    end.port = port
    return 0


def pcap_head() -> bytes:
    """See pcap.pyi."""
    cdef uint8_t out[MC_PCAP_HEAD]
    mc_pcap_head(out)
    return (<char *>out)[:MC_PCAP_HEAD]


def pcap_packet(wall_us, tuple src, tuple dst, bytes payload) -> bytes:
    """See pcap.pyi."""
    cdef mc_pcap_end ends[2]
    cdef bytes out = bytes(MC_PCAP_OVERHEAD + len(payload))
    fill_end(&ends[0], src)
    fill_end(&ends[1], dst)
    n = check(mc_pcap_packet(<uint8_t *><char *>out, wall_us, &ends[0], &ends[1], <const uint8_t *><const char *>payload,
                             len(payload), len(payload)), "packet of a capture file")
    return out[:n]


cdef class Capture:
    """See pcap.pyi."""
    cdef mc_capture *capture

    def __cinit__(self, Leg leg not None, *, bint whole, size_t room=1 << 18):
        check(mc_capture_new(&self.capture, room, whole), "capture of a leg")
        if leg.leg == NULL:
            raise StateError("the leg is closed")
        check(mc_leg_set_capture(leg.leg, self.capture), "the leg has a capture already")

    def __dealloc__(self):
        mc_capture_unref(self.capture)

    def read(self) -> bytes:
        """See pcap.pyi."""
        cdef bytes out = bytes(1 << 16)
        cdef size_t n = 1
        parts = []
        while n != 0:
            n = mc_capture_read(self.capture, <uint8_t *><char *>out, 1 << 16)
            parts.append(out[:n])
        return b"".join(parts)

    @property
    def lost(self) -> int:
        return mc_capture_lost(self.capture)
