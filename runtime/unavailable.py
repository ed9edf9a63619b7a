"""What is unavailable for a while: a store over the network does not answer, and may do so again at any time."""

from __future__ import annotations


class Unavailable(OSError):
    """Something over the network cannot be read now, and whoever asked may come again."""
