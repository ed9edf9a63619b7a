"""The admin's pages for markets, runs, agents and segments: read-only except for pins, because rows must agree with
files.
"""

from recorder.admin import agents, markets, runs, segments

__all__ = ["agents", "markets", "runs", "segments"]
