# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk as a provider: peers that it knows by their address alone, what it does with their calls, and how it calls them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.interop import ports


@dataclass(frozen=True)
class Peer:
    """An endpoint without registration at `host`, an address of its own, so that Asterisk can tell the peers apart."""

    name: str
    host: str
    settings: dict[str, str] = field(default_factory=dict)
    password: str = ""

    def render(self, port: int) -> str:
        settings = {
            "context": "provider",
            "disallow": "all",
            "allow": "ulaw",
            "direct_media": "no",
            "rtp_symmetric": "yes",
            "aors": self.name,
            **({"auth": self.name} if self.password else {}),
            **self.settings,
        }
        lines = [f"[{self.name}]", "type=endpoint", *(f"{name}={value}" for name, value in settings.items())]
        lines += [f"[{self.name}]", "type=aor", f"contact=sip:{self.host}:{port}"]
        lines += [f"[{self.name}]", "type=identify", f"endpoint={self.name}", f"match={self.host}"]
        if self.password:
            lines += [f"[{self.name}]", "type=auth", "auth_type=userpass", f"username={self.name}", f"password={self.password}"]
        return "\n".join(lines) + "\n"


ALL_CODECS = "ulaw,alaw,g722,opus,slin,slin16"
HIDES = {"send_pai": "yes", "trust_id_outbound": "yes"}  # tells us a withheld number, and that it is withheld
PEERS = [
    Peer("plain", "127.0.0.2", {**HIDES, "allow": ALL_CODECS, "moh_passthrough": "yes"}),
    Peer("secret", "127.0.0.3", password="trunk-secret"),
    Peer("info", "127.0.0.4", {"dtmf_mode": "info"}),
    Peer("inband", "127.0.0.5", {"dtmf_mode": "inband"}),
    Peer("direct", "127.0.0.6", {"direct_media": "yes"}),
    Peer("timers", "127.0.0.7", {"timers": "always", "timers_sess_expires": "90"}),
]

# [provider]: calls of the peers to it. The others are how it calls "plain", for `Asterisk.calls_us`.
DIALPLAN = """
[provider]
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Progress()
 same => n,Playtones(440)
 same => n,Wait(60)
exten => 603,1,Answer()
 same => n,Read(digits,,4,,1,20)
 same => n,SendDTMF(${{digits}},150,150)
 same => n,Wait(60)
exten => 605,1,Answer()
 same => n,Wait(1)
 same => n,Transfer(PJSIP/sip:71@127.0.0.2:{port})
 same => n,Wait(60)
exten => 606,1,Transfer(PJSIP/sip:600@{host}:{sip_port})
exten => 607,1,GotoIf($["${{PJSIP_HEADER(read,X-Tenant)}}" = "blue"]?known)
 same => n,Hangup(21)
 same => n(known),Answer()
 same => n,Wait(60)
exten => 608,1,Dial(PJSIP/9002@direct,30)
exten => _c.,1,Hangup(${{EXTEN:1}})
[withheld]
exten => _9X.,1,Set(CALLERID(num)=+49301234)
 same => n,Set(CALLERID(name)=Alice)
 same => n,Set(CALLERID(pres)=prohib)
 same => n,Dial(PJSIP/${{EXTEN}}@plain,30)
[diverted]
exten => _9X.,1,Set(REDIRECTING(from-num,i)=7007)
 same => n,Set(REDIRECTING(from-num-pres,i)=allowed)
 same => n,Set(REDIRECTING(to-num,i)=${{EXTEN}})
 same => n,Set(REDIRECTING(count,i)=1)
 same => n,Set(REDIRECTING(reason)=cfnr)
 same => n,Dial(PJSIP/${{EXTEN}}@plain,30,b(tenant^s^1))
[tenant]
exten => s,1,Set(PJSIP_HEADER(add,X-Tenant)=blue)
 same => n,Return()
[timed]
exten => _9X.,1,Dial(PJSIP/${{EXTEN}}@timers,30)
[watched]
exten => _9X.,1,Dial(PJSIP/${{EXTEN}}@plain,30,g)
 same => n,Verbose(1,call ${{EXTEN}}: cause ${{HANGUPCAUSE}})
"""


def dialplan(trunk_port: int, sip_port: int) -> str:
    return DIALPLAN.format(port=trunk_port, sip_port=sip_port, host=ports.HOST)


def endpoints(trunk_port: int) -> str:
    """Their part of pjsip.conf."""
    return "".join(peer.render(trunk_port) for peer in PEERS)
