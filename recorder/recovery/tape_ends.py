"""The ends of a market's tapes at a start, and the gap lines for what was lost after them."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from market.timestamps import is_moment
from recorder.manifest.row_writer import last_t_in_rows
from recorder.models import Market, Segment
from recorder.segment.layout import KINDS
from recorder.tape.high_water_mark import read_mark
from recorder.tape.history import History
from recorder.tape.recording import Recording


@dataclass(frozen=True, slots=True)
class Ends:
    """The ends of the tapes of a market; -1 means that there is nothing.

    `on_disk` is the last t in the files of each kind, `told` the same including what clean-ups removed. `t` is the last
    one that was recorded, in any kind, or may have been `streamed`, and `ts` its market time, None if unknown. The
    market began with `first_t`, None if unknown. `crashed`: a tape was not sealed by its writer.
    """

    on_disk: dict[str, int]
    told: dict[str, int]
    streamed: int
    t: int
    ts: float | None
    first_t: int | None
    crashed: bool


def ends_of(
    market: Market, history: History, *, boot: str, unrecorded_to: int | None, crashed: bool, tick_interval: float
) -> Ends:
    """Find the ends of the market's tapes, which are whole by then. Raises OSError, django.db.Error.

    `boot` is the id of this boot, `unrecorded_to` the value in the last holder's lease, and `crashed` whether there was
    a pending file; `tick_interval` is for a market without a run.
    """
    on_disk = {kind: -1 if (t := history.told_to(kind)) is None else t for kind in KINDS}
    # Rows include segments that were removed since, files include what the database lost.
    in_rows = [t for kind in KINDS if (t := last_t_in_rows(market, kind)) is not None]
    mark = read_mark(history.directory)
    streamed = max(mark.streamed_to(boot), -1 if unrecorded_to is None else unrecorded_to)
    end = max([streamed, *on_disk.values(), *in_rows])
    last_run = market.runs.order_by("first_t", "id").last()
    return Ends(
        on_disk=on_disk,
        told={kind: max(t, _removed_to(market, kind)) for kind, t in on_disk.items()},
        streamed=streamed,
        t=end,
        ts=_ts_at(history, end, tick_interval if last_run is None else last_run.tick_interval),
        first_t=_begun(market, history),
        crashed=crashed or mark.is_open,
    )


def _removed_to(market: Market, kind: str) -> int:
    """The last t removed by clean-ups, -1 for none."""
    removed = Segment.objects.of(market, kind).filter(removed_at__isnull=False).order_by("-start_t")
    return max(removed.values_list("end_t", flat=True)[:1], default=-1)


def tell_lost(recording: Recording, ends: Ends, first_t: int, *, begins: bool) -> None:
    """Write to each tape what is lost before a run's `first_t`. Raises StoreError.

    After a crash it is unknown what was in the last second before it; and a run that continued may have crashed before
    it wrote this.
    """
    if ends.t >= 0 and (ends.told["ticks"] + 1 < first_t or (begins and ends.crashed)):
        begun = first_t if ends.first_t is None else ends.first_t
        # Ticks come last: if their tape has the line, the others have it too.
        for kind in reversed(KINDS):
            from_t = max(ends.told[kind] + 1, begun)
            if from_t < first_t:
                recording.write_gap(from_t, first_t - 1, "lost", kind)
                recording.flush()


def _begun(market: Market, history: History) -> int | None:
    """The first t of the market, by its runs and files."""
    runs = market.runs.order_by("first_t").values_list("first_t", flat=True)[:1]
    return min([*runs, *(t for kind in KINDS if (t := history.first_t(kind)) is not None)], default=None)


def _ts_at(history: History, t: int, interval: float) -> float | None:
    """The market time of `t`, by the newest message before it: no earlier than that of any message.

    None if it is unknown, or if the known value is not a valid time: every later run would have to follow it.
    """
    known = []
    for kind in KINDS:
        line = history.last_line(kind)
        ts = None if line is None else orjson.loads(line.text).get("ts")
        if line is not None and isinstance(ts, int | float) and is_moment(ts):
            known.append((line.last_t, float(ts)))
    if not known:
        return None
    newest_t, newest_ts = max(known)
    if t > newest_t:
        known.append((t, round(newest_ts + (t - newest_t) * interval, 6)))
    return max(ts for _, ts in known)
