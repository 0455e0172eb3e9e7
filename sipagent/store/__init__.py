# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversations on disk: what was said to whom outlives the call and the process, as long as [memory] says."""
