# SPDX-License-Identifier: GPL-3.0-or-later
class Batch:
    """Consecutive frames of the machine ear. Empty: the leg was closed."""

    @property
    def pcm(self) -> bytes:
        """s16le mono at the leg's rate, without a hole."""
    @property
    def frames(self) -> tuple[tuple[int, int, bool], ...]:
        """(sample_index, arrival_us, lost) of each frame, as on_audio gets them. A frame ends where the next begins."""
    @property
    def index(self) -> int:
        """Of the first sample."""
    @property
    def arrival_us(self) -> int:
        """Of the newest packet."""
    @property
    def lost(self) -> bool:
        """Whether any of it was made up, for nothing came."""
