"""Whatever fails beside the market: it is told, tried again and well again, and nothing ends that did not fail."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Faulty
from tests.followers import Follower, following
from tests.processes import wait_until

pytestmark = pytest.mark.long

#: What is made to fail, how, and the side task that fails of it.
FAULTS = {
    "psutil:virtual_memory": ("OSError", "check of the memory"),
    "alerts.monitor:disk_use": ("ValueError", "check of the disk"),
    "alerts.alert_manager:AlertManager.write": ("RuntimeError", "check of the database"),
    "streaming.relay.relay:Relay.health": ("ValueError", "check of IG-USD"),
    "streaming.relay.relay:Relay.beat": ("OSError", "heartbeat of IG-USD"),
    "components.registry:ComponentRegistry.find_lost": ("RuntimeError", "search for lost parts"),
    "psutil:Process": ("NoSuchProcess", "report of simulator"),
    "backtests.running.lifecycle:next_queued": ("OSError", "backtests"),
    "backtests.running.lifecycle:fail_silent": ("OSError", "scheduled look_after"),
    "server.protocols.flow:StallWatch.stalled": ("ValueError", "search for stalled clients"),
    "server.admission.deadlines:Deadlines.missed": ("OSError", "search for missed deadlines"),
    "api_socket.price_throttle:PriceThrottle.wait_seconds": ("ValueError", "listener of IG-USD"),
}

#: The same for what only runs while one of those above does.
_BEHIND_OTHERS = {
    "components.registry:ComponentRegistry.take": ("ValueError", "messages of the system bus"),
}


@pytest.mark.parametrize("faults", [FAULTS, _BEHIND_OTHERS], ids=["first", "behind"])
def test_every_side_task_fails_is_told_and_begins_again(faulty: Faulty, faults: dict[str, tuple[str, str]]) -> None:
    names = {name for _, name in faults.values()}
    said, before = len(faulty.live.log()), len(faulty.tasks_told())
    follower = Follower(faulty.live)
    with following(follower):
        faulty.fail(**{target: error for target, (error, _) in faults.items()})
        for name in names:
            wait_until(lambda name=name: f" {name} failed 3 times, the next try" in faulty.live.log()[said:], name)
            assert faulty.live.log()[said:].count(f" {name} failed, the next try") == 1, "one traceback"
        wait_until(lambda: names <= faulty.active_tasks(), "an alert about each")
        follower.wait_for_more(20)
        faulty.mend()
        wait_until(lambda: not faulty.active_tasks(), "the end of every alert")
        follower.wait_for_more(20)
        follower.assert_heard_each_tick_once()
        assert follower.connections == 1
    told = [name for name in faulty.tasks_told()[: len(faulty.tasks_told()) - before] if name in names]
    assert sorted(told) == sorted(names), "one alert for one cause"
    assert faulty.live.ask("/health").status == 200


def test_the_task_that_tells_of_the_others_tells_of_itself_when_it_can(faulty: Faulty) -> None:
    faulty.fail(**{"runtime.supervision:Supervisor.troubles": "RuntimeError"})
    wait_until(lambda: " check of the side tasks failed 3 times" in faulty.live.log(), "some tries")
    faulty.mend()
    wait_until(lambda: "check of the side tasks" in faulty.tasks_told(), "the alert")
    wait_until(lambda: not faulty.active_tasks(), "its end")


def test_a_process_without_a_descriptor_to_spare_lives_on(faulty: Faulty) -> None:
    said = len(faulty.live.log())
    follower = Follower(faulty.live)
    with following(follower):
        with faulty.without_descriptors():
            wait_until(lambda: "report of web-" in faulty.live.log()[said:], "a failed report")
            wait_until(lambda: "[Errno 24] Too many open files" in faulty.live.log()[said:], "its reason")
            follower.wait_for_more(60)
        faulty.live.wait_until_it_answers()
        wait_until(lambda: not faulty.active_tasks(), "the end of every alert")
        assert faulty.live.json("/health")["ok"]
        follower.wait_for_more(20)
        assert follower.ts == sorted(set(follower.ts))


@pytest.mark.parametrize(
    ("target", "task"),
    [
        ("streaming.relay.relay:Relay.pass_on", "relay IG-USD"),
        ("streaming.fanout.feed:Feed.send", "feed of IG-USD"),
        ("streaming.fanout.outbox:Bundle.__post_init__", "feed of IG-USD"),
    ],
)
def test_a_relay_that_fails_costs_no_client_a_tick(faulty: Faulty, target: str, task: str) -> None:
    """Those in memory are lost with the relay, and read again from the tape."""
    said = len(faulty.live.log())
    follower = Follower(faulty.live)
    with following(follower):
        before = follower.wait_for_more(20)
        faulty.fail(**{target: "RuntimeError"})
        wait_until(lambda: task in faulty.active_tasks(), "the alert")
        wait_until(lambda: f"{task} failed 2 times" in faulty.live.log()[said:], "another try")
        assert faulty.live.log()[said:].count(f"{task} failed, the next try") == 1
        assert faulty.live.ask("/incremental?limit=10").status == 200
        faulty.mend()
        follower.wait_for(before + 100)
        follower.assert_heard_each_tick_once()
        wait_until(lambda: task not in faulty.active_tasks(), "the end of the alert")
        assert follower.connections > 1
        follower.wait_for_more(20)
        follower.assert_heard_each_tick_once()
