# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with an agent."""

from __future__ import annotations


class AgentError(ValueError):
    """No such agent, or it can't be made; the text says what to write instead."""
