"""Whether a segment of ours already holds what a file from elsewhere holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

from recorder.cold.configured import cold_bucket
from recorder.cold.copies import COLUMNS, copy_of
from recorder.errors import DamagedFrame, DamagedLine
from recorder.importing.foreign_store import ForeignSegment
from recorder.models import Cold, Segment
from recorder.segment.checked_lines import parsed
from recorder.segment.layout import SegmentFacts
from recorder.segment.scan import survey
from recorder.segment.segment_file import sha256_of
from recorder.segment.zstd_frames import read_frame
from runtime.db_threads import persistently


def is_held(row: Segment, ours: Path, foreign: ForeignSegment, facts: SegmentFacts) -> bool:
    """Whether our finished segment holds all that the foreign one does, so that removing that one loses nothing.

    It is the file `ours` or, once a clean-up has left it to the bucket, the object there. A pending segment was made
    whole and sealed when it was imported, so ours has other bytes, and perhaps more lines. `facts` are of the foreign
    file. Raises OSError, django.db.Error.
    """
    try:
        if not foreign.name.pending:
            return sha256_of(ours) == facts.sha256
        with ours.open("rb") as file:
            return _holds_lines(file, foreign)
    except FileNotFoundError:  # since the row was read, perhaps
        persistently(row.refresh_from_db, str(foreign))
        return row.cold == Cold.ONLY and _is_in_bucket(row, foreign, facts)


def _is_in_bucket(row: Segment, foreign: ForeignSegment, facts: SegmentFacts) -> bool:
    bucket, copy = cold_bucket(), copy_of(*(getattr(row, name) for name in COLUMNS))
    found = None if bucket is None else bucket.head(row.cold_key)
    if copy is None or found is None or found.size != row.cold_bytes:
        return False
    if not foreign.name.pending:
        return row.sha256 == facts.sha256
    file = copy.open()
    if file is None:
        return False
    with closing(file):
        return _holds_lines(file, foreign)


def _holds_lines(file: BinaryIO, foreign: ForeignSegment) -> bool:
    try:
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
