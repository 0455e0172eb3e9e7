# SPDX-License-Identifier: GPL-3.0-or-later
"""What all sections of the configuration are made of."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A table of the file. Unknown keys are errors: a typing mistake must not pass for a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _ip_address(host: str) -> str:
    """Sockets are bound to an address, never to what a name resolves to today."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        raise ValueError(
            f"{host!r} is not an IP address; write for example 127.0.0.1, or 0.0.0.0 for all of this machine"
        ) from None


IP_RULE = AfterValidator(_ip_address)
IpAddress = Annotated[str, IP_RULE]


def _ip_network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(f"{text!r} is not an address or network: {error}; write for example 192.0.2.0/24") from None


IpNetwork = Annotated[str, AfterValidator(_ip_network)]
Port = Annotated[int, Field(ge=0, le=65535)]
Transport = Literal["udp", "tcp", "tls"]
SrtpPolicy = Literal["off", "optional", "required"]
SrtpKeying = Literal["sdes", "dtls", "any"]
SrtpSuite = Literal[
    "AEAD_AES_256_GCM",
    "AEAD_AES_128_GCM",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_80",
    "AES_256_CM_HMAC_SHA1_32",
    "AES_CM_128_HMAC_SHA1_32",
]
