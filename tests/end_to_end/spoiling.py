"""Recordings of tapes in another unit than seconds, as older versions took them in."""

from __future__ import annotations

import re
from typing import Any

import zstandard

from tests.processes import Site, decompressed


def spoil(site: Site, factor: int, **env: Any) -> None:
    """Multiply the ts of everything recorded, rows and all."""
    for kind in ("ticks", "frames", "metrics"):
        for path in site.segments(kind):
            text = re.sub(
                rb'"ts":([0-9.]+)', lambda found: b'"ts":%.1f' % (float(found[1]) * factor), decompressed(path)
            )
            path.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(text))
    repaired = site.run("repair", **env)
    assert repaired.returncode == 0, repaired.stderr
