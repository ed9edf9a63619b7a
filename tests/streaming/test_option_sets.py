"""Sets of options are shared: a few addresses never take all, and what most clients ask for is never refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.fanout.option_sets import MOST_SETS, MOST_SETS_PER_ADDRESS, OptionSets
from streaming.options import PAGE, Options, always_served, parse_request
from streaming.protocol import KINDS, StreamError
from tests.processes import ROOT

Use = Callable[[str, int], ExitStack]


@pytest.fixture
def sets() -> OptionSets:
    return OptionSets(always_served(KINDS))


@pytest.fixture
def use(sets: OptionSets) -> Iterator[Use]:
    """Lets an address use `every=N`; the stack that is given ends it."""
    with ExitStack() as all_of_them:

        def use(address: str, every: int) -> ExitStack:
            one = all_of_them.enter_context(ExitStack())
            one.enter_context(sets.use(Options(every=every), ip_address(address)))
            return one

        yield use


def take_all(use: Use, address: str, begin: int) -> list[ExitStack]:
    """As many new sets as an address gets."""
    taken: list[ExitStack] = []
    with pytest.raises(StreamError) as refused:
        while True:
            taken.append(use(address, begin + len(taken)))
    assert (refused.value.code, refused.value.close) == ("too_many_options", 4429)
    return taken


def test_one_address_gets_sixteen(use: Use) -> None:
    taken = take_all(use, "192.0.2.1", 1000)
    assert len(taken) == MOST_SETS_PER_ADDRESS == 16
    with pytest.raises(
        StreamError, match=r"^16 different sets of options are in use from 192\.0\.2\.1, the most for one"
    ):
        use("192.0.2.1", 2)
    taken.pop().close()
    use("192.0.2.1", 2)


def test_of_an_ipv6_network_all_addresses_are_one(use: Use) -> None:
    for n in range(16):
        use(f"2001:db8::{n:x}", 1000 + n)
    with pytest.raises(StreamError, match=r"in use from 2001:db8::/64, the most for one address$"):
        use("2001:db8::ffff", 2)
    use("2001:db8:0:1::1", 2)


def test_four_addresses_that_take_all_they_can_leave_something_to_each_that_comes_later(use: Use) -> None:
    taken = [len(take_all(use, f"192.0.2.{n}", 1000 * (n + 1))) for n in range(4)]
    assert taken == [16, 12, 9, 7]
    left = MOST_SETS - sum(taken)
    with pytest.raises(StreamError, match=f"^7 different sets .* 192.0.2.3, its share while {left} of 64 are left$"):
        use("192.0.2.3", 2)
    for n in range(left):
        use(f"198.51.100.{n}", 100_000 + n)
    with pytest.raises(StreamError, match=r"^64 different sets of options are being served, the most a process takes$"):
        use("203.0.113.1", 2)


def test_what_is_served_already_is_given_to_everybody(use: Use) -> None:
    for n in range(MOST_SETS):
        use(f"192.0.2.{n}", 1000 + n)
    for n in range(MOST_SETS):
        use("203.0.113.1", 1000 + n)
    with pytest.raises(StreamError, match=r"^64 different sets"):
        use("203.0.113.1", 2)


def test_a_set_counts_for_each_that_uses_it_until_the_last_one_leaves(use: Use) -> None:
    mine = [use("192.0.2.1", 1000 + n) for n in range(10)]
    shared = [use("192.0.2.2", 1000 + n) for n in range(10)]
    twice = use("192.0.2.2", 1000)
    for one in mine:
        one.close()
    assert len(take_all(use, "192.0.2.2", 5000)) == 6, "it has the ten that were shared with it"
    others = take_all(use, "192.0.2.1", 7000)
    assert len(others) == 12
    for one in others:
        one.close()
    shared[0].close()
    with pytest.raises(StreamError, match=r"^16 different"):
        use("192.0.2.2", 2)
    twice.close()
    use("192.0.2.2", 2)


def test_what_everybody_asks_for_is_never_refused_and_counts_for_nobody(sets: OptionSets, use: Use) -> None:
    for n in range(MOST_SETS):
        use(f"192.0.2.{n}", 1000 + n)
    with ExitStack() as clients:
        for encoding in ("json", "zstd", "deflate"):
            for options in (Options(encoding=encoding), Options(fields=frozenset(), encoding=encoding)):
                for address in ("192.0.2.1", "203.0.113.1"):
                    clients.enter_context(sets.use(options, ip_address(address)))


def test_what_a_bare_stream_is_set_to_get_is_never_refused_either() -> None:
    served = always_served(["tick"])
    bare = parse_request({}, ["tick"]).options
    assert {bare, parse_request({"encoding": ["zstd"]}, ["tick"]).options, Options(), PAGE} <= served
    assert Options(types=frozenset(["metric"])) not in served


def test_what_the_page_asks_for_is_what_is_kept_free_for_it() -> None:
    script = (ROOT / "streaming" / "static" / "streaming" / "data" / "stream.js").read_text()
    wanted = re.search(r"types: \"([a-z,]+)\", fields: \"\"[,} ]", script)
    assert wanted is not None, "the page asks in another way now"
    for query in (f"types={wanted[1]}&fields=", f"types={wanted[1]}&fields=&since=7&store={'0' * 32}&symbol=IG-USD"):
        assert parse_request(parse_qs(query, keep_blank_values=True)).options == PAGE


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 100), st.booleans()), max_size=300))
def test_no_order_of_coming_and_going_breaks_a_bound_or_leaves_anything_behind(
    steps: list[tuple[int, int, bool]],
) -> None:
    sets = OptionSets(always_served(KINDS))
    open_: list[tuple[int, int, ExitStack]] = []
    for host, every, leaves in steps:
        if leaves:
            for one in [one for one in open_ if one[:2] == (host, every)]:
                one[2].close()
                open_.remove(one)
            continue
        held = {one for who, one, _ in open_ if who == host and one > 1}
        used = {one for _, one, _ in open_ if one > 1}
        stack = ExitStack()
        try:
            stack.enter_context(sets.use(Options(every=every), ip_address(f"192.0.2.{host}")))
        except StreamError:
            assert every not in used | {1}
            assert held
        else:
            assert every in used | {1} or len(held) < MOST_SETS_PER_ADDRESS
            open_.append((host, every, stack))
        assert len({one for _, one, _ in open_ if one > 1}) <= MOST_SETS
    for *_, stack in open_:
        stack.close()
    assert not sets._users
