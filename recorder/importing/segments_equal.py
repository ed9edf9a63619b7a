"""Whether a segment of ours already holds what a file from elsewhere holds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from recorder.errors import DamagedFrame, DamagedLine
from recorder.importing.foreign_store import ForeignSegment
from recorder.segment.checked_lines import parsed
from recorder.segment.layout import SegmentFacts
from recorder.segment.scan import survey
from recorder.segment.segment_file import sha256_of
from recorder.segment.zstd_frames import read_frame


def is_held_by(ours: Path, foreign: ForeignSegment, facts: SegmentFacts) -> bool:
    """Whether our finished segment holds all that the foreign one does, so that removing that one loses nothing.

    A pending segment was made whole and sealed when it was imported, so ours has other bytes, and perhaps more lines.
    `facts` are of the foreign file. Raises OSError.
    """
    if not foreign.name.pending:
        return sha256_of(ours) == facts.sha256
    try:
        with ours.open("rb") as file:
            pairs = zip_longest(_good_lines(foreign), (line.text for line in parsed(file, foreign.kind)))
            return all(line is None or line == our_line for line, our_line in pairs)
    except (DamagedFrame, DamagedLine):
        return False


def _good_lines(foreign: ForeignSegment) -> Iterator[bytes]:
    """The lines that recovery keeps of a pending file, and those that it adds for damage."""
    with foreign.path.open("rb") as file:
        for piece in survey(foreign.path, foreign.kind).pieces:
            text = read_frame(file, piece.start).text if piece.text is None else piece.text
            yield from text.split(b"\n")[:-1]
