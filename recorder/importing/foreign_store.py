"""Foreign stores: the segments in a directory from elsewhere, and what its manifests say of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from market.timestamps import is_moment
from recorder.errors import BadName
from recorder.manifest.json_file import NAME, whole_entries
from recorder.segment.layout import KINDS, SegmentName, check_kind, parse_name, segment_files

#: The most remarks about entries without a file: removed segments stay in a manifest, so there may be many.
_MOST_NOTED = 20


@dataclass(frozen=True, slots=True)
class ForeignSegment:
    """A segment in a foreign store; `sealed_at` is from its manifest, in Unix seconds, None if unknown."""

    kind: str
    name: SegmentName
    path: Path
    sealed_at: float | None = None

    def __str__(self) -> str:
        return f"{self.kind}/{self.path.name}"


@dataclass(slots=True)
class Findings:
    """The content of a foreign store: its segments by kind and t, faults, and remarks."""

    segments: list[ForeignSegment] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def look_into(store: Path) -> Findings:
    """The segments of a store, found by the names of its files. Raises OSError.

    A manifest.json in the store or beside each kind's segments adds what the files do not show: their original sizes,
    and when a segment was sealed. Files that are elsewhere and only linked to are refused.
    """
    found = Findings()
    listed = _listed(store, found)
    root = store.resolve()
    for kind in KINDS:
        for name in segment_files(store, kind):
            path = store / kind / name.file
            entry = listed.pop((kind, name.lasting), {})
            if path.resolve() != root / kind / name.file or not path.is_file():
                found.problems.append(f"{kind}/{name.file} is no plain file of this store")
            elif (
                not name.pending and not entry.get("pending") and entry.get("bytes") not in (None, path.stat().st_size)
            ):
                size = path.stat().st_size
                found.problems.append(f"{kind}/{name.file} has {size} bytes, its manifest says {entry['bytes']}")
            else:
                found.segments.append(ForeignSegment(kind, name, path, _sealed_at(entry)))
    found.notes += [f"{kind}/{name} is in the manifest only" for kind, name in [*listed][:_MOST_NOTED]]
    if len(listed) > _MOST_NOTED:
        found.notes.append(f"… and {len(listed) - _MOST_NOTED} more are in the manifests only")
    return found


def _listed(store: Path, found: Findings) -> dict[tuple[str, str], dict[str, Any]]:
    """The entries of the store's manifests, by kind and final name."""
    entries = {}
    for path, kind in [(store / NAME, None), *((store / kind / NAME, kind) for kind in KINDS)]:
        if not path.is_file():
            continue
        try:
            for entry, of_kind in _entries(whole_entries(path.read_bytes()), kind):
                key = _key(entry, of_kind)
                entries[key] = entry
        except (orjson.JSONDecodeError, BadName, KeyError, TypeError) as error:
            found.problems.append(f"{path.relative_to(store)} is no manifest: {error}")
    return entries


def _entries(content: Any, kind: str | None) -> Iterator[tuple[dict[str, Any], str | None]]:
    """The entries of a list, or of an object with a list for each kind."""
    if isinstance(content, dict):
        for name, entries in content.items():
            yield from _entries(entries, check_kind(name))
        return
    for entry in content:
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            raise TypeError(f"it has no path: {orjson.dumps(entry)[:60]!r}")
        yield entry, kind


def _key(entry: dict[str, Any], kind: str | None) -> tuple[str, str]:
    """Kind and final name of an entry, whose path is `kind/name` or a name alone. Raises BadName."""
    *before, file = entry["path"].split("/")
    named = str(entry.get("kind", kind)) if not before else "/".join(before)
    if kind is not None and named != kind:
        raise BadName("path", entry["path"], f"of {kind}")
    return check_kind(named), parse_name(file).lasting


def _sealed_at(entry: dict[str, Any]) -> float | None:
    try:
        sealed = datetime.fromisoformat(entry["created_at"])
    except (KeyError, TypeError, ValueError):
        return None
    seconds = sealed.replace(tzinfo=sealed.tzinfo or UTC).timestamp()
    return seconds if is_moment(seconds) else None
