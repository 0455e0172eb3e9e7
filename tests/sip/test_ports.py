# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports rest between calls: who still sends to one that ended is not heard in the next, and when none is
left calls are refused."""

from __future__ import annotations

import asyncio

from sipagent.call import Call
from tests.sip.rig import Rig, config, user_agent
from tests.sip.test_seam_latch import LOUD, rtp
from tests.sip.test_strangers import Stranger, listen
from tests.sip.wire import Dialog, Message, Peer, sdp

LOW = 62020
REST_S = 0.6


def narrow(n_pairs: int) -> dict[str, object]:
    return {"codecs": ["PCMU/8000"], "ports": (LOW, LOW + 2 * n_pairs - 1), "port_rest_s": REST_S}


async def call_in(rig: Rig, peer: Peer) -> tuple[Dialog, Call, int]:
    """An answered call, and the RTP port that it got."""
    dialog = Dialog(peer, rig.port)
    dialog.invite(sdp())
    call = await rig.taken()
    await call.control.answer()
    answer = await dialog.final()
    await asyncio.wait_for(call.media_ready.wait(), 5)
    return dialog, call, int(answer.body.split("m=audio ")[1].split(" ")[0])


async def refused(rig: Rig, peer: Peer) -> Message:
    dialog = Dialog(peer, rig.port)
    dialog.invite(sdp())
    return await dialog.final()


async def hang_up(rig: Rig, dialog: Dialog, call: Call) -> None:
    dialog.within("BYE")
    await rig.over(call)
    await dialog.peer.response("BYE")


async def test_a_late_sender_is_not_heard_in_the_next_call(peer: Peer) -> None:
    """He knows nothing of the BYE and goes on for seconds, at the port that he had."""
    async with user_agent(config(media=narrow(2))) as rig:
        dialog, call, port = await call_in(rig, peer)
        late = await Stranger.open()
        await hang_up(rig, dialog, call)
        dialog, call, other = await call_in(rig, peer)
        heard = listen(call)
        assert {port, other} == {LOW, LOW + 2}
        for seq in range(50):
            late.wire.sendto(rtp(seq, 7, LOUD), ("127.0.0.1", port))
            late.wire.sendto(rtp(seq, 7, LOUD), ("127.0.0.1", port + 1))
        await rig.until(lambda: call.leg.stats()["tx_packets"] > 10)
        stats = call.leg.stats()
        assert (stats["rx_packets"], stats["rx_candidates"], bytes(heard), late.got) == (0, 0, b"", [])
        late.wire.close()
        await hang_up(rig, dialog, call)


async def test_none_left(peer: Peer) -> None:
    """A call more than there are ports, in and out: 503. A port that rests is not left; when it rested it is."""
    async with user_agent(config(media=narrow(1))) as rig:
        loop = asyncio.get_running_loop()
        dialog, call, _ = await call_in(rig, peer)
        answer = await refused(rig, peer)
        assert (answer.status, answer.get("retry-after")) == (503, "1")
        out = await rig.invite(f"sip:nobody@127.0.0.1:{peer.port}")
        await rig.over(out)
        assert (out.end_code, out.answered_us) == (503, 0)
        ended = loop.time()
        await hang_up(rig, dialog, call)
        rings = 503
        while rings == 503:  # time is what this is about
            await asyncio.sleep(0.05)
            dialog = Dialog(peer, rig.port)
            dialog.invite(sdp())
            rings = (await peer.response("INVITE", at_least=180)).status
        assert REST_S <= loop.time() - ended < 10 * REST_S
        call = await rig.taken()
        await call.hangup()
        await rig.over(call)
