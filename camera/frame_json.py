"""The lists of a frame straight from a snapshot's columns, in pieces that joined are the text that orjson would give.

Nearly all of a frame's text is keys, ids and small counts. Those are kept; only the numbers that are new in each frame
are written, by orjson all at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import orjson

from camera.edges import EDGE_TYPES
from camera.snapshot import AgentNames, Snapshot
from market.tick import Ints

#: In texts that are kept from frame to frame: where the window belongs, and where one agent's piece ends. JSON holds no
#: control characters.
_SPAN, _TIMES, _NEXT = b"\x01", b"\x02", b"\x03"

#: Between the numbers of a node; the key of the first stands in `_CountTexts.matches`.
_NUMBER_KEYS = (
    b',"quote_price_std":',
    b',"quote_dist_to_mid_mean":',
    b',"experience_start":',
    b',"experience_end":',
    b',"experience_delta":',
)
#: A node is its beginning, four counts, six numbers with five keys between them, and its end; then, in frames that tell
#: of the whole window, two counts more.
_NODE_PARTS, _FIRST_NUMBER, _SIDE = 17, 5, 16
_SIDES = [b',"dominant_side":"%s"' % side for side in (b"buy", b"sell", b"none")]
_LAST_SIDES, _MORE_SIDES = (
    np.array([side + end for side in _SIDES], np.object_) for end in (b"}},", b',"pool_count":')
)


class _Counted(dict[int, bytes]):
    """The text of each count that has come up: at most as many as a window has ticks, but for matches in odd tapes."""

    def __init__(self, text: Callable[[int], bytes]) -> None:
        self._text = text

    def __missing__(self, count: int) -> bytes:
        text = self[count] = self._text(count)
        return text

    def of(self, counts: Ints) -> list[bytes]:
        return list(map(self.__getitem__, counts.tolist()))


class _CountTexts:
    """What counts read as in frames of one window's length."""

    def __init__(self, window: int) -> None:
        def share(count: int) -> bytes:
            return orjson.dumps(float(np.round(count / window, 6)))

        def edge_ends(kind: str) -> _Counted:
            return _Counted(lambda count: b'"type":"%s","w":%s},' % (kind.encode(), share(count)))

        self.buys = _Counted(lambda count: b'"buy_count":%d,' % count)
        self.sells = _Counted(lambda count: b'"sell_count":%d,' % count)
        self.nones = _Counted(lambda count: b'"none_count":%d,' % count)
        self.matches = _Counted(
            lambda count: b'"match_count":%d,"match_rate":%s,"quote_price_mean":' % (count, share(count))
        )
        self.pool = _Counted(lambda count: b'%d,"degree":' % count)
        self.degrees = _Counted(lambda count: b"%d}}," % count)
        self.edge_ends = [edge_ends(kind) for kind in EDGE_TYPES]


_count_texts = lru_cache(maxsize=4)(_CountTexts)


class _AgentTexts:
    """What some agents' ids read as: each kind of piece in one text, since to fill in the window is then one call."""

    def __init__(self, agent_ids: Ints, agent_names: AgentNames) -> None:
        self.agent_ids, self.agent_names = agent_ids, agent_names
        ids = agent_ids.tolist()
        names = [b""] * len(ids) if agent_names is None else map(_name_text, agent_names)
        self._nodes = _NEXT.join(
            b'{"node_id":"agent:%d%s,"agent_id":%d%s%s' % (i, _SPAN, i, name, _TIMES)
            for i, name in zip(ids, names, strict=True)
        )
        self._sources = _NEXT.join(b'{"src":"agent:%d%s,"dst":"agent:' % (i, _SPAN) for i in ids)
        self._targets = _NEXT.join(b"%d%s," % (i, _SPAN) for i in ids)

    def nodes(self, t0: int, t1: int) -> list[bytes]:
        """How each node begins, up to its features."""
        times = b',"t0":%d,"t1":%d,"features":{' % (t0, t1)
        return self._nodes.replace(_TIMES, times).replace(_SPAN, _span(t0, t1)).split(_NEXT)

    def ends(self, t0: int, t1: int) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
        """How an edge from each agent begins, and how it goes on when it leads to that agent, up to its type."""
        span = _span(t0, t1)
        sources, targets = (text.replace(_SPAN, span).split(_NEXT) for text in (self._sources, self._targets))
        return np.array(sources, np.object_), np.array(targets, np.object_)


def _name_text(name: str | None) -> bytes:
    return b"" if name is None else b',"name":%s' % orjson.dumps(name)


def _span(t0: int, t1: int) -> bytes:
    return b'@t:%d-%d"' % (t0, t1)


_last: _AgentTexts | None = None


def _agent_texts(snapshot: Snapshot) -> _AgentTexts:
    """The texts for the agents of a snapshot, who are mostly those of the last frame."""
    global _last
    texts, ids, names = _last, snapshot.agent_ids, snapshot.agent_names
    if texts is None or texts.agent_ids.tobytes() != ids.tobytes() or texts.agent_names != names:
        texts = _last = _AgentTexts(ids, names)
    return texts


def node_pieces(snapshot: Snapshot) -> list[bytes]:
    """The list `nodes` of a frame, without its brackets."""
    agents = snapshot.agent_ids.size
    if not agents:
        return []
    counts, numbers, whole = _count_texts(snapshot.window), _numbers(snapshot), snapshot.whole
    size = _NODE_PARTS if whole is None else _NODE_PARTS + 2
    parts = [b""] * (size * agents)
    parts[0::size] = _agent_texts(snapshot).nodes(snapshot.t0, snapshot.t)
    parts[1::size] = counts.buys.of(snapshot.buys)
    parts[2::size] = counts.sells.of(snapshot.sells)
    parts[3::size] = counts.nones.of(snapshot.nones)
    parts[4::size] = counts.matches.of(snapshot.matches)
    for i in range(len(_NUMBER_KEYS) + 1):
        parts[_FIRST_NUMBER + 2 * i :: size] = numbers[i * agents : (i + 1) * agents]
    for i, key in enumerate(_NUMBER_KEYS):
        parts[_FIRST_NUMBER + 2 * i + 1 :: size] = [key] * agents
    sides = _LAST_SIDES if whole is None else _MORE_SIDES
    parts[_SIDE::size] = sides.take(snapshot.dominant_sides()).tolist()
    if whole is not None:
        parts[_SIDE + 1 :: size] = counts.pool.of(whole.with_pool)
        parts[_SIDE + 2 :: size] = counts.degrees.of(whole.degrees)
    parts[-1] = parts[-1].removesuffix(b",")
    return parts


def _numbers(snapshot: Snapshot) -> list[bytes]:
    """The text of all numbers of all nodes that are no counts, feature by feature."""
    return orjson.dumps(snapshot.numbers().ravel(), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def edge_pieces(snapshot: Snapshot) -> list[bytes]:
    """The list `edges` of a frame, without its brackets."""
    kinds, low, high, counts = snapshot.edges
    if not kinds.size:
        return []
    sources, targets = _agent_texts(snapshot).ends(snapshot.t0, snapshot.t)
    parts = [b""] * (3 * kinds.size)
    parts[0::3] = sources.take(low).tolist()
    parts[1::3] = targets.take(high).tolist()
    parts[2::3] = _edge_ends(snapshot.window, kinds, counts)
    parts[-1] = parts[-1].removesuffix(b",")
    return parts


def _edge_ends(window: int, kinds: Ints, counts: Ints) -> list[bytes]:
    """The end of each edge. Edges come by count and type, so that a few long runs of them end alike."""
    texts = _count_texts(window).edge_ends
    alike = counts * len(texts) + kinds
    begins = [0, *((alike[1:] != alike[:-1]).nonzero()[0] + 1).tolist()]
    ends = []
    for begin, end in zip(begins, [*begins[1:], kinds.size], strict=True):
        ends += [texts[int(kinds[begin])][int(counts[begin])]] * (end - begin)
    return ends
