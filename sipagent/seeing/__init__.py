# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened in a call, for people: its SIP messages as a ladder."""
