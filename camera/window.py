"""The camera: keeps the last W ticks as arrays and makes a structure frame of them every few ticks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from camera.agent_counts import CENSUS, MATCHES, buying, quoting, seen, with_agents, with_pool
from camera.agent_names import NameBook
from camera.block import Layout, Quotes, block_of, medians, quotes_of
from camera.columns import Columns
from camera.edge_cut import MIXED, EdgeCut, among
from camera.edges import EDGE_TYPES, PairCounts, Pairs, adjacent_quotes
from camera.entries import WindowEntries
from camera.errors import OrderError
from camera.events import events
from camera.frame import frame_of
from camera.node_cap import most_active
from camera.quotes import GRID, QuoteSums, direct, largest_step
from camera.ring_arrays import RingArrays
from camera.snapshot import Snapshot, WholeWindow, WindowCounts, dominant
from market.tick import Floats, Ints, Tick

#: Ticks are taken in by blocks, since a NumPy call costs the same for one tick and for thirty.
_BLOCK = 32


class SlidingWindowCamera:
    """Films ticks: `ingest` each, then ask `maybe_build_frame` for the frame that is due at it, if one is.

    `W` is the window and `stride` the distance of frames, in ticks; quotes no further apart than `eps_pct` of the
    mid are neighbours; a frame holds at most `edge_cap` edges and `node_cap` nodes, and `edge_order` is one of
    EDGE_ORDERS. None is for a run that began before there were any: its edges come by id, and its frames do not tell
    what they leave out. In the mixed order each type has `type_share` of a frame's edges, if it has as many pairs. One
    camera films one run.
    """

    def __init__(
        self,
        W: int = 300,  # noqa: N803
        stride: int = 10,
        eps_pct: float = 0.003,
        edge_cap: int = 2000,
        node_cap: int = 5000,
        edge_order: str | None = MIXED,
        type_share: float = 0.25,
    ) -> None:
        self.W, self.stride, self.eps_pct, self.node_cap = W, stride, eps_pct, node_cap
        mixed = edge_order == MIXED
        self._edge_cut = EdgeCut(W, edge_cap, mixed, type_share if mixed else 0.0)
        self._tells_all = edge_order is not None
        self.last_t: int | None = None
        self._last_ts: float | None = None
        self.last_mid: float | None = None
        self.filmed = False
        self._block = min(stride, _BLOCK, W)  # no tick may leave in the block that brings it
        self._largest_step = largest_step(W)
        self._reset()

    def resume(self, mid_before: float | None, filmed: bool) -> None:
        """Go on where another camera stood: to be called before its window's ticks are ingested again."""
        self.last_mid = self._mid_at_reset = mid_before
        self.filmed = filmed

    def _reset(self) -> None:
        """Empty the window; what belongs to the run (last mid, whether it was filmed) stays."""
        self._slots = Columns()
        capacity = self._slots.capacity
        self._rings = RingArrays(self.W + self._block)
        self._entries = WindowEntries(self._rings.rows, capacity)
        self._sums = QuoteSums(capacity)
        self._pairs = PairCounts(capacity, self._rings.rows)
        self._last_experience = np.zeros(capacity)
        self._names = NameBook()
        self._mid_at_reset = self.last_mid
        self._seen = 0  # ticks in the window's count since the reset, those waiting not included
        self._last_off_grid = -1  # the last tick with a price off the grid, in the same count
        self._waiting: list[tuple[Tick, Ints, float | None]] = []
        self._known: tuple[Ints, Ints] | None = None
        self._layout: Layout | None = None

    @property
    def ticks(self) -> int:
        """How many consecutive ticks the camera holds, at most W."""
        return min(self._seen + len(self._waiting), self.W)

    def ingest(self, raw_tick: Tick | dict[str, Any], mid: float | None = None) -> None:
        """Take in the next tick; a `mid` given (or one in the tick) is used instead of the quotes' median.

        A jump in t empties the window. Raises OrderError if t does not rise, TickError for a dict that is no tick.
        """
        tick = raw_tick if isinstance(raw_tick, Tick) else Tick.from_dict(raw_tick)
        if self.last_t is not None and tick.t != self.last_t + 1:
            if tick.t <= self.last_t:
                raise OrderError(tick.t, self.last_t)
            self._slide()
            self._reset()
        self.last_t, self._last_ts = tick.t, tick.ts
        self._names.note(tick)
        columns = self._columns(tick.agent_ids)  # may slide, and so must come before the tick waits
        self._waiting.append((tick, columns, tick.mid if mid is None else mid))
        if len(self._waiting) == self._block:
            self._slide()

    def maybe_build_frame(self, t: int) -> dict[str, Any] | None:
        """The frame message of tick t, just ingested, or None when none is due."""
        snapshot = self.maybe_shoot(t)
        return None if snapshot is None else frame_of(snapshot)

    def maybe_shoot(self, t: int) -> Snapshot | None:
        """As `maybe_build_frame`, but in columns: for `frame_of` or, faster, `frame_json`."""
        if t != self.last_t or t < self.W or t % self.stride or self.ticks < self.W:
            return None
        self._slide()
        new_after = t - self.stride if self.filmed else t - self.W
        self.filmed = True
        return self._snapshot(t, new_after)

    def whole_window(self) -> WholeWindow:
        """All matches of the last W ticks, or of those since the last gap if they are fewer."""
        self._slide()
        if self.last_t is not None:  # else names would stay for as long as nobody asks for a frame
            self._names.forget_before(self.last_t - self.W + 1)
        agent_ids, columns = self._slots.by_id(self._present())
        totals = self._sums.totals[:, columns]
        buys, quotes = buying(totals[CENSUS]), quoting(totals[CENSUS])
        edges = among(self._places(columns), self._pairs.counted(1))
        matched = (edges.kinds == EDGE_TYPES.index("match")).nonzero()[0]
        matched = matched[np.lexsort((edges.high[matched], edges.low[matched]))]
        return WholeWindow(
            window=self.W,
            agent_ids=agent_ids,
            dominant_side=dominant(buys, quotes - buys, self.ticks - quotes),
            match_low=edges.low[matched],
            match_high=edges.high[matched],
            match_counts=edges.counts[matched],
            proximity_pairs=edges.kinds.size - matched.size,
            agent_matches=int(edges.counts[matched].sum()),
            pool_matches=int(with_pool(totals[MATCHES]).sum()),
        )

    @property
    def mid_before(self) -> float | None:
        """The last mid known before the window began: with it and the window's ticks, another camera can continue."""
        self._slide()
        if self._seen <= self.W:
            return self._mid_at_reset
        mid = float(self._rings.mids[(self._seen - self.W - 1) % self._rings.rows])
        return None if np.isnan(mid) else mid

    def _columns(self, agent_ids: Ints) -> Ints:
        # A market's agents seldom change. While they do not, the simulator shares the array, and others repeat it.
        if self._known is not None and (self._known[0] is agent_ids or np.array_equal(self._known[0], agent_ids)):
            return self._known[1]
        columns = self._slots.find(agent_ids)
        if columns is None:
            columns = self._admit(agent_ids)
        self._known = (agent_ids, columns)
        return columns

    def _admit(self, agent_ids: Ints) -> Ints:
        """Columns for newcomers; where none is free, first those of agents that left the window are taken back."""
        if not self._slots.admit(agent_ids):
            self._slide()
            before = self._slots.capacity
            self._slots.make_room(self._present(), agent_ids)
            if self._slots.capacity > before:
                self._grow(self._slots.capacity)
            self._slots.admit(agent_ids)
        columns = self._slots.find(agent_ids)
        assert columns is not None
        return columns

    def _grow(self, capacity: int) -> None:
        for part in (self._entries, self._sums, self._pairs):
            part.grow(capacity)
        more = capacity - self._last_experience.size
        self._last_experience = np.concatenate([self._last_experience, np.zeros(more)])

    def _slide(self) -> None:
        """Move the window over the waiting ticks."""
        if not self._waiting:
            return
        ticks, columns, given = map(list, zip(*self._waiting, strict=True))
        self._waiting = []
        block = block_of(ticks, self._laid_out(columns), self._largest_step)
        begin, rings = self._seen, self._rings
        self._seen += block.size
        rows = rings.places(begin, block.size)
        expired = rings.places(begin - self.W, block.size)
        quotes = quotes_of(block)
        if block.off_grid is not None:
            self._last_off_grid = begin + block.off_grid
        rings.write(rows, ticks, self._mids(quotes, given))
        self._sums.slide(block.entries, self._entries.pop(expired))
        self._entries.push(rows, block.layout.per_tick, block.entries)
        self._sums.add_near(begin + quotes.ticks, quotes.columns, quotes.steps, self._seen - self.W)
        # Of several ticks the latest is written last.
        self._last_experience[block.layout.column] = block.entries.experience
        met = Pairs(np.bincount(block.match_tick, minlength=block.size), block.match_low, block.match_high)
        self._pairs.slide(rows, expired, (met, adjacent_quotes(quotes, self.eps_pct * rings.mids[rows])))

    def _laid_out(self, columns: list[Ints]) -> Layout:
        layout = self._layout
        if layout is None or not layout.fits(columns):
            layout = self._layout = Layout(columns)
        return layout

    def _present(self) -> npt.NDArray[np.bool_]:
        """Whether each column's agent is in the window."""
        return seen(self._sums.totals[CENSUS]) > 0

    def _mids(self, quotes: Quotes, given: list[float | None]) -> list[float]:
        """The mid of each tick: the given one, else the quotes' median, else the last known; NaN before any."""
        mids = []
        for own, median in zip(given, medians(quotes), strict=True):
            mid = median if own is None else own
            self.last_mid = self.last_mid if mid is None else mid
            mids.append(np.nan if self.last_mid is None else self.last_mid)
        return mids

    def _snapshot(self, t: int, new_after: int) -> Snapshot:
        """The content of the window at tick t."""
        window = self._rings.places(self._seen - self.W, self.W)
        present, columns = self._slots.by_id(self._present())
        shown, all_columns = self._shown(columns), columns
        agent_ids, columns = present[shown], columns[shown]
        mean, std, distance = self._quotes(window, columns)
        totals = self._sums.totals[:, columns]
        bursts, shocks = events(self._rings.series[:, window], t - self.W + 1, new_after)
        return Snapshot(
            t=t,
            ts=self._last_ts,
            window=self.W,
            stride=self.stride,
            agents_total=present.size,
            agent_ids=agent_ids,
            buys=buying(totals[CENSUS]),
            quotes=quoting(totals[CENSUS]),
            matches=with_agents(totals[MATCHES]),
            price_mean=mean,
            price_std=std,
            distance=distance,
            experience_start=self._entries.first_experience(columns),
            experience_end=self._last_experience[columns],
            edges=self._edge_cut.edges(self._pairs, self._places(columns), agent_ids),
            bursts=bursts,
            shocks=shocks,
            agent_names=self._names.names_of(agent_ids, t - self.W + 1),
            whole=self._counts(all_columns, columns) if self._tells_all else None,
        )

    def _counts(self, columns: Ints, shown: Ints) -> WindowCounts:
        """What the window holds, of whose columns some are shown."""
        matches = self._sums.totals[MATCHES]
        pool = with_pool(matches)
        degrees, proximity_pairs = self._pairs.partners(columns)
        return WindowCounts(
            match_pairs=int(degrees.sum()) // 2,
            proximity_pairs=proximity_pairs,
            agent_matches=int(with_agents(matches).sum()) // 2,
            pool_matches=int(pool.sum()),
            with_pool=pool[shown],
            degrees=degrees[shown],
        )

    def _shown(self, columns: Ints) -> slice | Ints:
        """Which of the agents of these columns a frame has room for."""
        if columns.size <= self.node_cap:
            return slice(None)
        totals = self._sums.totals[:, columns]
        return most_active(with_agents(totals[MATCHES]), quoting(totals[CENSUS]), self.node_cap)

    def _quotes(self, window: Ints, columns: Ints) -> tuple[Floats, Floats, Floats]:
        """Mean, deviation and relative distance to the mean mid of each column's quotes."""
        rings, sums = self._rings, self._sums
        mids = rings.mids[window]
        if np.isnan(mids[0]):  # once a mid is known, one always is
            mids = mids[~np.isnan(mids)]
        mid = float(mids.sum()) / mids.size if mids.size else None
        begin = self._seen - self.W
        if self._last_off_grid >= begin or mid is None or not 0 < abs(mid) * GRID <= self._largest_step:
            mean, std, distance = direct(self._entries.held, mid, self._slots.capacity)
            return mean[columns], std[columns], distance[columns]
        step_mid = mid * GRID
        if sums.needs_pivot(step_mid):
            ticks = np.repeat(np.arange(begin, self._seen), self._entries.count(window))
            sums.set_pivot(step_mid, self._entries.held, ticks)
        mean, std = sums.mean_and_std(columns)
        count = np.maximum(quoting(sums.totals[CENSUS, columns]), 1)
        return mean, std, sums.distance(step_mid)[columns] / count / abs(step_mid)

    def _places(self, columns: Ints) -> Ints:
        """Where each column stands among these, -1 for one that is not among them."""
        place = np.full(self._slots.capacity, -1)
        place[columns] = np.arange(columns.size)
        return place
