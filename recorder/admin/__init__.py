"""The admin's pages for markets, runs, agents and segments: read-only except for pins, because rows must agree with
files.
"""

from recorder.admin import agents, front_disk, front_recorded, markets, runs, segments

__all__ = ["agents", "front_disk", "front_recorded", "markets", "runs", "segments"]
