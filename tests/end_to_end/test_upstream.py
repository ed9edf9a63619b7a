"""One server films another's ticks: each exactly once, whatever becomes of either."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.end_to_end.reading import hear_until, socket
from tests.processes import Live, Site, first_t, free_port, wait_until

MARKET = {"IG_SPEED": 10, "IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_CAM_SEGMENT_SECONDS": 2, "IG_SEED": 7}


class Tree:
    """A root that makes ticks and a relay that films them, each with its own store; both can be ended and begun."""

    def __init__(self, new_site: Callable[[], Site], migrated: Path) -> None:
        self.migrated = migrated
        self.root_site, self.relay_site = new_site(), new_site()
        self.root_port, self.relay_port = free_port(), free_port()
        self.query = ""

    def start_root(self, **settings: Any) -> Live:
        self.root = self.root_site.serve(PORT=self.root_port, **(MARKET | settings))
        return self.root

    def start_relay(self, ready: bool = True, **settings: Any) -> Live:
        source = f"ws://127.0.0.1:{self.root_port}/ws/stream{self.query}"
        self.relay = self.relay_site.serve(
            ready=ready, PORT=self.relay_port, **(MARKET | {"IG_SPEED": 1, "IG_SOURCE": source} | settings)
        )
        return self.relay

    def end(self) -> None:
        """Relay first, so that it has nothing the root has not recorded."""
        self.relay.stop()
        self.root.stop()


@pytest.fixture
def tree(new_site: Callable[[], Site], migrated_database: Path) -> Tree:
    return Tree(new_site, migrated_database)


def ticks(site: Site) -> list[dict[str, Any]]:
    return [message for message in site.messages("ticks") if message["type"] == "tick"]


def first_t_of(live: Live) -> int:
    """The t its store begins with."""
    live.wait_for_ticks(-1)
    return int(live.json("/incremental?from_t=-1&limit=1")["data"][0]["t"])


def assert_same_from_its_first(tree: Tree) -> None:
    """The relay's tape is the root's, line for line, from where it begins; and proves itself."""
    ours, theirs = tree.relay_site.text("ticks").splitlines(), tree.root_site.text("ticks").splitlines()
    begin = theirs.index(ours[0])
    assert ours == theirs[begin : begin + len(ours)]
    proof = tree.relay_site.run("verify", "--deep", **MARKET)
    assert proof.returncode == 0, proof.stdout + proof.stderr


def test_a_chain_of_servers_films_every_tick_once_under_the_same_t(tree: Tree, new_site: Callable[[], Site]) -> None:
    tree.start_root().wait_for_ticks(30)
    relay, leaf_site = tree.start_relay(), new_site()
    leaf = leaf_site.serve(IG_SOURCE=f"{relay.ws_url}/ws/stream", **MARKET)
    first = first_t_of(leaf)
    assert first >= first_t_of(relay) >= 30
    leaf.wait_for_ticks(first + 100)
    health = relay.json("/health")
    assert (health["ok"], health["meta"]["running"]) == (True, True)
    leaf.stop()
    tree.end()
    assert_same_from_its_first(tree)
    assert leaf_site.text("ticks") in tree.root_site.text("ticks")
    frames = [m["t"] for m in tree.relay_site.messages("frames")]
    assert frames == list(range(frames[0], frames[-1] + 1, 5))


def test_a_relay_waits_for_its_root_and_with_since_begins_with_the_past(tree: Tree) -> None:
    tree.query = "?since=-1"
    relay = tree.start_relay(ready=False)
    wait_until(lambda: "next attempt in" in relay.log(), "a word of the waiting")
    tree.start_root()
    relay.wait_until_it_answers()
    relay.wait_for_ticks(60)
    tree.end()
    assert_same_from_its_first(tree)
    for kind in ("ticks", "metrics", "frames"):
        assert tree.root_site.text(kind).startswith(tree.relay_site.text(kind))


def test_a_run_of_other_prices_is_one_everywhere(tree: Tree) -> None:
    tree.start_root().wait_for_ticks(20)
    relay = tree.start_relay()
    relay.wait_for_ticks(30)
    tree.root.stop()
    tree.start_root(IG_SOURCE="orderbook?price=100")
    ranges: list[list[float]] = wait_until(
        lambda: found if len(found := tree.root.json("/health")["meta"]["price_ranges"]) > 1 else None, "the second run"
    )
    relay.wait_for_ticks(int(ranges[1][0]) + 20)
    wait_until(lambda: relay.json("/health")["meta"]["price_ranges"][-1] == ranges[1], "the new range, at the same t")
    assert [one[1:] for one in relay.json("/health")["meta"]["price_ranges"]] == [one[1:] for one in ranges]
    tree.end()
    assert_same_from_its_first(tree)


def test_a_restart_of_the_root_costs_no_tick(tree: Tree) -> None:
    tree.start_root().wait_for_ticks(5)
    relay = tree.start_relay()
    newest = relay.wait_for_ticks(30)
    with socket(relay) as client:
        for end in (Live.kill, Live.stop):
            end(tree.root)
            tree.start_root()
            newest = relay.wait_for_ticks(newest + 50)
        heard = [m["t"] for m in hear_until(client, type="tick", t=newest) if m["type"] == "tick"]
    assert heard == list(range(heard[0], newest + 1))
    tree.end()
    assert_same_from_its_first(tree)


def test_a_killed_relay_serves_its_past_at_once_and_goes_on_behind_its_last_tick(tree: Tree) -> None:
    tree.start_root().wait_for_ticks(5)
    first = first_t_of(tree.start_relay())
    wait_until(lambda: any(tick["t"] > first + 50 for tick in ticks(tree.relay_site)), "a flush")
    newest = tree.relay.wait_for_ticks(first + 60)
    tree.relay.kill()
    tree.root.wait_for_ticks(newest + 60)
    tree.root.stop()
    relay = tree.start_relay()
    relay.wait_for_ticks(first + 50)
    tree.start_root()
    newest = relay.wait_for_ticks(newest + 100)
    assert "a new one begins" not in relay.log()
    assert relay.stop() == 0
    tree.root.wait_for_ticks(newest + 60)
    tree.start_relay(IG_CAM_W=30).wait_for_ticks(newest + 80)  # another run, and no tick is missing between
    tree.end()
    assert_same_from_its_first(tree)


def encoder(tree: Tree, ticks: int) -> None:
    """Let the relay's store take so many ticks more."""
    source = f"ws://127.0.0.1:{tree.root_port}/ws/stream"
    made = tree.relay_site.run("runmarket", "--ticks", str(ticks), "--source", source, **MARKET)
    assert made.returncode == 0, made.stderr


def test_a_store_of_other_ticks_is_continued_by_one_shift(tree: Tree) -> None:
    made = tree.relay_site.run("runmarket", "--ticks", "200", "--speed", "0", **MARKET)
    assert made.returncode == 0, made.stderr
    tree.start_root().wait_for_ticks(20)
    for count in (30, 40):
        encoder(tree, count)
    tree.root.stop()
    ours = ticks(tree.relay_site)
    assert [tick["t"] for tick in ours] == list(range(270))
    theirs = {tick["t"]: tick for tick in ticks(tree.root_site)}
    shift = 200 - next(t for t, tick in theirs.items() if tick["ts"] == ours[200]["ts"])
    assert [{**theirs[tick["t"] - shift], "t": tick["t"]} for tick in ours[200:]] == ours[200:]


def test_what_the_root_lost_is_recorded_as_a_gap(tree: Tree) -> None:
    tree.start_root(IG_CAM_SEGMENT_SECONDS=1).wait_for_ticks(5)
    encoder(tree, 20)
    newest = ticks(tree.relay_site)[-1]["t"]
    tree.root.wait_for_ticks(newest + 300)
    tree.root.stop()
    first, last = lose_a_segment(tree.root_site, newest)
    tree.start_root()
    encoder(tree, last - newest + 50)
    recorded = [m for m in tree.relay_site.messages("ticks") if m["type"] == "gap"]
    assert [(m["from_t"], m["to_t"]) for m in recorded] == [(first, last)]
    ours = [m["t"] for m in ticks(tree.relay_site)]
    assert ours == sorted({*range(ours[0], ours[-1] + 1)} - {*range(first, last + 1)})


def lose_a_segment(site: Site, after_t: int) -> tuple[int, int]:
    """Take away the first segment that begins behind a t; the t it held."""
    starts = [first_t(path) for path in site.segments("ticks")]
    place = next(place for place, start in enumerate(starts) if start > after_t)
    site.segments("ticks")[place].unlink()
    return starts[place], starts[place + 1] - 1


# -- the root is wiped and begins anew


def wipe(tree: Tree) -> list[dict[str, Any]]:
    """Let another market take the root's place, in an empty store and database; what the old one had recorded."""
    tree.root.stop()
    old = ticks(tree.root_site)
    shutil.rmtree(tree.root_site.store)
    tree.root_site.database.write_bytes(tree.migrated.read_bytes())
    for leftover in tree.root_site.directory.glob("site.sqlite3-*"):
        leftover.unlink()
    return old


def assert_two_runs(tree: Tree, old: list[dict[str, Any]]) -> None:
    """The relay has the old root's ticks, and behind them all of the new root's, shifted by one constant."""
    ours, new = ticks(tree.relay_site), ticks(tree.root_site)
    assert [tick["t"] for tick in ours] == list(range(ours[0]["t"], ours[0]["t"] + len(ours)))
    begin = next(index for index, tick in enumerate(ours) if tick["ts"] == new[0]["ts"])
    assert ours[:begin] == old[ours[0]["t"] :][:begin]
    shift = ours[begin]["t"] - new[0]["t"]
    assert shift > 0
    assert ours[begin:] == [{**tick, "t": tick["t"] + shift} for tick in new][: len(ours) - begin]
    assert len(ours) - begin > 50
    proof = tree.relay_site.run("verify", "--deep", **MARKET)
    assert proof.returncode == 0, proof.stdout + proof.stderr
    source = f"ws://127.0.0.1:{tree.root_port}/ws/stream{tree.query}"
    assert f"t={ours[begin]['t']}: {source} counts from t=0 again, behind t={ours[begin - 1]['t']}" in proof.stdout
    assert "no faults" in proof.stdout
    assert not [m for m in tree.relay_site.messages("ticks") if m["type"] == "gap"]


def test_a_root_begun_anew_while_the_relay_runs_is_another_run_there(tree: Tree) -> None:
    tree.query = "?since=-1"
    tree.start_root().wait_for_ticks(5)
    relay = tree.start_relay()
    newest = relay.wait_for_ticks(40)
    with socket(relay, "?types=tick") as client:
        old = wipe(tree)
        tree.start_root(IG_SEED=8).wait_for_ticks(70)
        newest = relay.wait_for_ticks(max(newest, len(old)) + 100)  # the old root may have run far ahead
        heard = [m["t"] for m in hear_until(client, type="tick", t=newest) if m["type"] == "tick"]
    assert heard == list(range(heard[0], newest + 1)), "its own t goes on, for its own clients too"
    relay.kill()
    relay = tree.start_relay()
    relay.wait_for_ticks(newest + 20)
    tree.end()
    assert_two_runs(tree, old)


def test_a_root_begun_anew_while_the_relay_is_away_is_another_run_there(tree: Tree) -> None:
    tree.query = "?since=-1"
    tree.start_root().wait_for_ticks(5)
    newest = tree.start_relay().wait_for_ticks(40)
    tree.relay.stop()
    tree.root.wait_for_ticks(newest + 20)
    old = wipe(tree)
    relay = tree.start_relay()  # while there is no root at all
    tree.start_root(IG_SEED=8).wait_for_ticks(newest + 60)
    relay.wait_for_ticks(max(newest, len(old)) + 100)
    assert relay.stop() == 0
    tree.root.stop()
    assert_two_runs(tree, old)


def test_a_relay_of_the_version_before_goes_on_and_learns_the_recording(tree: Tree) -> None:
    """Its checkpoints tell a t and nothing else."""
    tree.query = "?since=-1"
    tree.start_root().wait_for_ticks(5)
    newest = tree.start_relay().wait_for_ticks(40)
    tree.relay.stop()
    for path in (tree.relay_site.store / "checkpoints").iterdir():
        body = json.loads(zstandard.ZstdDecompressor().decompress(path.read_bytes()))
        body["source"] = body["source"].partition(" ")[0]
        path.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(json.dumps(body).encode()))
    newest = tree.start_relay().wait_for_ticks(newest + 40)
    tree.relay.stop()
    old = wipe(tree)
    tree.start_root(IG_SEED=8)
    tree.start_relay().wait_for_ticks(newest + 80)
    tree.end()
    assert_two_runs(tree, old)


def test_a_root_that_refuses_ends_the_start_with_a_sentence(tree: Tree) -> None:
    root = tree.start_root()
    made = tree.relay_site.run("runmarket", "--source", f"{root.ws_url}/ws/stream?symbol=NOBODY", **MARKET)
    assert made.returncode == 1
    assert "unknown_symbol" in made.stderr
    assert "Traceback" not in made.stderr
