"""Health: the state of a market, from the messages that this process received, or else from the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: A running pipeline without a tick for this long, or for three tick intervals if that is longer, is silent.
SILENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class LeaseView:
    """What the database says about a market's holder: whether there is one, who, and how old the last renewal is.

    `is_dead`: the lease was left by a process that died. `seen_seconds` is how long this process could have received
    messages of this holder, `silence_seconds` how long the holder may be silent. `run` is the last run (`start_ts`,
    `ticks`, `seed`, and the `price_ranges` of all runs), None before the first; `segment` the open one.
    """

    held: bool
    holder: str
    renewed_seconds: float
    is_dead: bool
    seen_seconds: float
    silence_seconds: float
    run: dict[str, Any] | None
    segment: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Repeats:
    """For `seconds` a market has only made ticks again that were streamed here up to `last_t`; now it is at `t`.

    A market that crashed does so for a moment. One whose store and rows were both taken back to an older state, under
    the same id, does so until it is where it was, and its clients hear nothing.
    """

    seconds: float
    t: int
    last_t: int


def silence_allowed(tick_seconds: float) -> float:
    """How long a running pipeline with this tick interval may be silent."""
    return max(SILENCE_SECONDS, 3 * tick_seconds)


Health = tuple[bool, dict[str, Any]]


def hears(status: dict[str, Any] | None, silent_seconds: float | None) -> bool:
    """Whether this process receives messages of a running pipeline: then it asks nothing else."""
    return (
        status is not None
        and silent_seconds is not None
        and status["running"]
        and silent_seconds <= status["silence_seconds"]
    )


def health_of(
    status: dict[str, Any] | None,
    silent_seconds: float | None,
    claim: LeaseView | None,
    repeats: Repeats | None = None,
) -> Health:
    """(healthy, the body of `/health`) from the pipeline's last message, its age, and the database.

    `claim` is None if the database was not asked, or did not answer. Received messages count first, because they are
    what clients get. The database distinguishes a pipeline that has ended, one that died, and one that is not received
    here. A stopped recording is reported but does not make a market unhealthy: a process taken out of service for it
    would not stream either.
    """
    if status is not None and silent_seconds is not None and hears(status, silent_seconds):
        if repeats is not None and repeats.seconds > status["silence_seconds"]:
            told = f"it makes t={repeats.t} again, while t={repeats.last_t} was streamed: an older copy of its store?"
            return _body(False, status, status["segment"], told)
        stopped = "" if status["recording"] else "the recording has stopped, the stream goes on"
        return _body(True, status, status["segment"], stopped)
    if claim is not None:
        return _by_claim(status, silent_seconds, claim)
    if status is None or silent_seconds is None:
        return _body(False, {"running": False}, None, "nothing was heard yet, and the database does not answer")
    if not status["running"]:
        return _body(True, status, None)
    return _body(False, status, status["segment"], f"nothing was heard for {silent_seconds:.0f} s")


def _by_claim(status: dict[str, Any] | None, silent_seconds: float | None, claim: LeaseView) -> Health:
    run = claim.run or {}
    heard_running = status is not None and status["running"]
    if not claim.held:
        ended = run if status is None or heard_running else status
        return _body(True, {**ended, "running": False, "recording": False}, None)
    running = {**run, "running": True}
    if claim.is_dead:
        died = f"{claim.holder} has not renewed its lease for {claim.renewed_seconds:.0f} s"
        return _body(False, running, None, died)
    unheard, limit = claim.seen_seconds, claim.silence_seconds
    if status is not None and silent_seconds is not None and heard_running:
        unheard, limit = silent_seconds, status["silence_seconds"]
    if unheard > limit:
        return _body(False, running, claim.segment, f"nothing was heard for {unheard:.0f} s")
    return _body(True, running, claim.segment)


def _body(well: bool, run: dict[str, Any], segment: dict[str, Any] | None, detail: str = "") -> Health:
    meta: dict[str, Any] = {
        "running": False,
        "recording": None,
        "start_ts": None,
        "ticks": 0,
        "seed": None,
        "unpublished": None,
    }
    meta |= {name: run[name] for name in meta if name in run}
    ranges = run.get("price_ranges")
    meta["price_range"] = list(ranges[-1][1:]) if ranges else None
    meta["price_ranges"] = ranges or []
    body = {"ok": well, "meta": meta, "current_segment": segment}
    return well, body | ({"detail": detail} if detail else {})
