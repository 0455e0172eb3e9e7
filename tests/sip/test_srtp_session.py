# SPDX-License-Identifier: GPL-3.0-or-later
"""SRTP of one call, packet by packet: against plain libsrtp, through rollover, new keys and old ones that come back."""

from __future__ import annotations

import ctypes
import platform
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sip.srtp_lines import CM, GCM, SUITES, Ours, Theirs, Verdict, key, own_ciphers, rtcp, rtp

WRAP = 0x10000
EXTENDED = {"head": b"\x92\x00", "more": bytes(range(8)) + b"\xbe\xde\x00\x01\x10\xff\x00\x00"}  # two CSRCs, RFC 8285


class Pair:
    """Our end and a peer's, with the keys of both."""

    def __init__(self, suite: str, bare: bool = False) -> None:
        self.suite, self.mine, self.his = suite, key(suite), key(suite)
        self.ours = Ours(suite, self.mine, self.his, bare)
        self.theirs = Theirs(suite, self.his, self.mine)

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@pytest.fixture(params=[*SUITES, f"{CM}, no AES-NI", f"{GCM}, no AES-NI"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    suite, _, bare = request.param.partition(", ")
    made = Pair(suite, bool(bare))
    yield made
    made.close()


def test_which_ciphers_are_ours() -> None:
    """Otherwise the tests of both kinds of processor would be the same. AES-256 is always libsrtp's."""
    with_aes = platform.machine() == "x86_64" and " aes " in Path("/proc/cpuinfo").read_text()
    assert own_ciphers(bare=False) == ({"srtp_aes_icm_128", "srtp_aes_gcm_128"} if with_aes else set())
    assert own_ciphers(bare=True) == set()


@pytest.mark.parametrize("shape", [{}, EXTENDED], ids=["bare", "extended"])
def test_every_length_both_ways(pair: Pair, shape: dict[str, bytes]) -> None:
    dice = random.Random(1)
    for seq, size in enumerate([*range(200), 320, 960, 1400]):
        plain = rtp(seq, dice.randbytes(size), **shape)
        sealed = pair.ours.seal(plain)
        assert len(sealed) == len(plain) + SUITES[pair.suite][1]
        assert size < 8 or plain[-size:] not in sealed
        assert pair.theirs.open(sealed) == plain
        assert pair.ours.open(pair.theirs.seal(plain)) == (Verdict.OPENED, plain)


def test_rtcp_both_ways(pair: Pair) -> None:
    for _ in range(50):
        sealed = pair.ours.seal_rtcp(rtcp())
        assert pair.theirs.open_rtcp(sealed) == rtcp()
        assert pair.theirs.open_rtcp(sealed) == b""
        sealed = pair.theirs.seal_rtcp(rtcp())
        assert pair.ours.open_rtcp(sealed) == (Verdict.OPENED, rtcp())
        assert pair.ours.open_rtcp(sealed)[0] is Verdict.REPLAYED
    sealed = pair.theirs.seal_rtcp(rtcp())
    assert pair.ours.open_rtcp(sealed[:-1] + bytes([sealed[-1] ^ 1]))[0] is not Verdict.OPENED  # of GCM this is the index
    assert pair.ours.open_rtcp(sealed)[0] is Verdict.OPENED


def test_a_forged_packet_is_refused_and_harms_nothing(pair: Pair) -> None:
    dice = random.Random(2)
    for seq in range(300):
        sealed = pair.theirs.seal(rtp(seq))
        bad = bytearray(sealed)
        bad[dice.randrange(2, len(bad))] ^= 1 << dice.randrange(8)
        assert pair.ours.open(bytes(bad))[0] is not Verdict.OPENED
        assert pair.ours.open(sealed[: dice.randrange(len(sealed))])[0] is Verdict.FORGED
        assert pair.ours.open(dice.randbytes(dice.randrange(200)))[0] is Verdict.FORGED
        assert pair.ours.open(sealed) == (Verdict.OPENED, rtp(seq))


def test_a_replay_is_never_opened(pair: Pair) -> None:
    sent = [pair.theirs.seal(rtp(WRAP - 200 + i)) for i in range(400)]
    for packet in sent:
        assert pair.ours.open(packet)[0] is Verdict.OPENED
        assert pair.ours.open(packet)[0] is Verdict.REPLAYED
    for packet in sent:
        assert pair.ours.open(packet)[0] is not Verdict.OPENED
    assert pair.ours.set_keys(pair.suite, pair.mine, pair.his) == 0  # as after hold and resume
    for packet in sent:
        assert pair.ours.open(packet)[0] is not Verdict.OPENED


def test_out_of_order_within_the_window(pair: Pair) -> None:
    sent = [pair.theirs.seal(rtp(WRAP - 50 + i)) for i in range(100)]
    random.Random(3).shuffle(sent)
    assert all(pair.ours.open(packet)[0] is Verdict.OPENED for packet in sent)


def run(pair: Pair, first: int, n: int, step: int = 1000) -> int:
    """Sends a packet of every `step` both ways, from sequence number `first`; returns the next one."""
    for seq in range(first, first + n, step):
        assert pair.theirs.open(pair.ours.seal(rtp(seq))) == rtp(seq)
        assert pair.ours.open(pair.theirs.seal(rtp(seq))) == (Verdict.OPENED, rtp(seq))
    return first + n


def test_three_rollovers_with_a_hold_in_each(pair: Pair) -> None:
    seq = 65000
    for _ in range(6):
        seq = run(pair, seq, WRAP // 2)
        assert pair.ours.set_keys(pair.suite, pair.mine, pair.his) == 0


@pytest.mark.parametrize("suite", [CM, GCM])
def test_the_peers_new_key_leaves_our_own_index_alone(suite: str) -> None:
    """After rollovers the peer says another key; ours stays, and so must its rollover counter."""
    pair = Pair(suite)
    seq = run(pair, 65000, 2 * WRAP)
    fresh = key(suite)
    assert pair.ours.set_keys(suite, pair.mine, fresh) == 0
    for n in range(seq, seq + 100):
        assert pair.theirs.open(pair.ours.seal(rtp(n))) == rtp(n)
    pair.close()


def test_what_was_under_way_when_the_peer_changed_its_key_is_opened(pair: Pair) -> None:
    """For a second or so, in any order, each once; then the old key is worth nothing."""
    under_way = [pair.theirs.seal(rtp(seq)) for seq in range(60)]
    report = pair.theirs.seal_rtcp(rtcp())
    assert pair.ours.open(under_way[0])[0] is Verdict.OPENED
    his = key(pair.suite)
    assert pair.ours.set_keys(pair.suite, pair.mine, his) == 0
    assert pair.ours.set_keys(pair.suite, pair.mine, his) == 0  # a refresh changes nothing
    theirs = Theirs(pair.suite, his, pair.mine)
    for seq in range(1, 40):
        assert pair.ours.open(under_way[seq]) == (Verdict.OPENED, rtp(seq))
        assert pair.ours.open(under_way[seq])[0] is Verdict.REPLAYED
        assert pair.ours.open(theirs.seal(rtp(100 + seq))) == (Verdict.OPENED, rtp(100 + seq))
    assert pair.ours.open_rtcp(report) == (Verdict.OPENED, rtcp())
    for seq in range(140, 152):
        assert pair.ours.open(theirs.seal(rtp(seq)))[0] is Verdict.OPENED
    assert all(pair.ours.open(packet)[0] is Verdict.FORGED for packet in under_way[40:])
    theirs.close()


@pytest.mark.parametrize("suite", [CM, GCM])
@pytest.mark.parametrize("keeps", [False, True], ids=["from zero", "kept"])
def test_new_keys_after_rollovers(suite: str, keeps: bool) -> None:
    """RFC 3711 section 3.3.1 has the counter kept; libsrtp, with a new session for the new key, starts again at zero."""
    pair = Pair(suite)
    seq = run(pair, 65000, 2 * WRAP)
    mine, his = key(suite), key(suite)
    assert pair.ours.set_keys(suite, mine, his) == 0
    theirs = Theirs(suite, his, mine)
    if keeps:
        for n in range(65000, seq, 1000):
            theirs.seal(rtp(n))
    assert pair.ours.open(rtp(seq) + bytes(16))[0] is Verdict.FORGED  # what is forged decides nothing
    replayed = theirs.seal(rtp(seq))
    assert pair.ours.open(replayed)[0] is Verdict.OPENED
    for n in range(seq + 1, seq + WRAP + 100, 500):
        assert pair.ours.open(theirs.seal(rtp(n))) == (Verdict.OPENED, rtp(n))
        assert theirs.open(pair.ours.seal(rtp(n))) == rtp(n)
    other = theirs.seal(rtp(7, ssrc=99))
    assert pair.ours.open(other)[0] is Verdict.OPENED  # another source of the same key
    assert pair.ours.open(other)[0] is Verdict.REPLAYED
    assert pair.ours.open(replayed)[0] is not Verdict.OPENED
    theirs.close()
    pair.close()


@pytest.mark.parametrize("suite", [CM, GCM])
def test_no_key_stream_is_used_twice(suite: str) -> None:
    """All payloads are zeros, so what is sent is the key stream: over rollovers, keys that come back and change again, and
    another SSRC, no two packets may be alike. RTCP the same."""
    keys = [key(suite) for _ in range(3)]
    ours = Ours(suite, keys[0], key(suite))
    streams: list[bytes] = []
    reports: list[bytes] = []
    seq, ssrc = 65000, 1
    for turn in range(40):
        for _ in range(400):
            sealed = ours.seal(rtp(seq, ssrc=ssrc))
            assert sealed or turn  # refused is safe, at the start it would be wrong
            if sealed:
                streams.append(sealed[12 : 12 + 160])
            seq += 173
        reports.append(ours.seal_rtcp(rtcp(ssrc) * 3)[8 : 8 + 16])
        ssrc += turn % 7 == 6
        assert ours.set_keys(suite, keys[turn % 3 if turn % 5 else 0], key(suite)) == 0
    ours.close()
    assert len(streams) > 15000
    assert len(set(streams)) == len(streams)
    assert len(set(reports)) == len(reports) == 40


def test_our_key_that_comes_back_after_half_a_round_seals_on() -> None:
    pair = Pair(CM)
    seq = run(pair, 65000, 2 * WRAP)
    assert pair.ours.set_keys(CM, key(CM), pair.his) == 0
    assert all(pair.ours.seal(rtp(n)) for n in range(seq, seq + 40000, 1000))
    assert pair.ours.set_keys(CM, pair.mine, pair.his) == 0
    assert all(pair.ours.seal(rtp(n)) for n in range(seq + 40000, seq + 41000))
    pair.close()


def test_a_key_that_comes_back_opens_no_replay() -> None:
    pair = Pair(CM)
    sent = [pair.theirs.seal(rtp(seq)) for seq in range(200)]
    assert all(pair.ours.open(packet)[0] is Verdict.OPENED for packet in sent)
    assert pair.ours.set_keys(CM, pair.mine, key(CM)) == 0
    assert all(pair.ours.open(packet)[0] is not Verdict.OPENED for packet in sent)
    assert pair.ours.set_keys(CM, pair.mine, pair.his) == 0
    assert all(pair.ours.open(packet)[0] is Verdict.REPLAYED for packet in sent)
    pair.close()


def test_what_can_not_be_a_key_stops_everything() -> None:
    pair = Pair(CM)
    sealed = pair.theirs.seal(rtp(1))
    for suite, data in ((CM, key(GCM)), (CM, b""), ("NULL", b""), ("F8_128_HMAC_SHA1_80", key(CM)), (CM, bytes(64))):
        assert pair.ours.set_keys(suite, data, data) < 0
        assert pair.ours.seal(rtp(1)) == b""
        assert pair.ours.seal_rtcp(rtcp()) == b""
        assert pair.ours.open(sealed)[0] is Verdict.FORGED
        assert pair.ours.set_keys(CM, pair.mine, pair.his) == 0
    assert pair.ours.open(sealed)[0] is Verdict.OPENED
    pair.close()


def test_limits() -> None:
    """Keys may change as often as somebody likes; and a key opens so many sources."""
    pair = Pair(CM)
    for ssrc in range(40):
        verdict = pair.ours.open(pair.theirs.seal(rtp(1, ssrc=ssrc)))[0]
        assert verdict is (Verdict.OPENED if ssrc < 16 else Verdict.FORGED)
    for _ in range(100):
        assert pair.ours.set_keys(CM, pair.mine, key(CM)) == 0
    for _ in range(100):
        mine, his = key(CM), key(CM)
        assert pair.ours.set_keys(CM, mine, his) == 0
    theirs = Theirs(CM, his, mine)
    assert theirs.open(pair.ours.seal(rtp(1))) == rtp(1)
    assert pair.ours.open(theirs.seal(rtp(1))) == (Verdict.OPENED, rtp(1))
    theirs.close()
    pair.close()


class _Mallinfo(ctypes.Structure):
    """struct mallinfo2, malloc.h; the eighth is uordblks."""

    _fields_ = [(f"field_{i}", ctypes.c_size_t) for i in range(10)]


def heap_in_use() -> int:
    """Bytes of the C heap that somebody holds."""
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = _Mallinfo
    return int(libc.mallinfo2().field_7)


@pytest.mark.parametrize("suite", [CM, GCM])
def test_a_call_leaves_nothing_behind(suite: str) -> None:
    def calls(n: int) -> None:
        for seq in range(n):
            ours = Ours(suite, key(suite), key(suite))
            assert ours.seal(rtp(seq))
            ours.close()

    calls(20)
    before = heap_in_use()
    calls(200)
    assert heap_in_use() - before < 200 * 50  # one key that is kept is some hundred bytes
