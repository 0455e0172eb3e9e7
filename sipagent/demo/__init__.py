# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole conversation on one machine: the switch in one process, a caller in another, real SIP and RTP between them."""
