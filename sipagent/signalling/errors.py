# SPDX-License-Identifier: GPL-3.0-or-later
"""What signalling raises to the main thread. PJSIP's own exceptions stay on the sip thread: they hold its objects."""

from __future__ import annotations


class SignallingError(Exception):
    """A request could not be carried out; the text says which and why."""


class CallLimitError(SignallingError):
    """`sip.max_calls` calls are already up."""


class UriError(SignallingError, ValueError):
    """Not a SIP URI that can be called."""


class DestinationDenied(SignallingError):
    """The policy of [protection] does not allow this destination."""
