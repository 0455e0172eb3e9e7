# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is let in, whom we call, and what is written about those who were turned away."""
