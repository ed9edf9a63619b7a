"""The real server in a process of its own, against clients that are fast, slow, stalled, gone or hostile."""

from __future__ import annotations

import os
import select
import signal
import socket
import ssl
from pathlib import Path

import pytest

from tests.server.served import MIXED_SIZES
from tests.server.serving import (
    MEBI,
    PATIENCE_SECONDS,
    UPGRADE,
    Serving,
    close_of,
    read_all,
    read_slowly,
    socket_at,
    vanish,
    wait_until,
)

# -- stalled clients


@pytest.mark.parametrize("form", ["text", "frames"])
@pytest.mark.parametrize("size", [1000, 1_000_000])
def test_stalled_socket_is_cut_off_at_bounded_memory_and_healthy_ones_go_on(
    hasty: Serving, form: str, size: int
) -> None:
    name = f"stalled-{form}-{size}"
    with socket_at(f"{hasty.url}/ticks") as healthy:
        first = int(healthy.recv())
        before = hasty.rss_bytes
        client = hasty.upgrade(f"/flood?name={name}&form={form}&size={size}")
        port = client.getsockname()[1]
        most, t = before, first
        while not hasty.happened("flood_ended", name=name):
            t += 1
            assert healthy.recv(timeout=PATIENCE_SECONDS) == str(t)
            most = max(most, hasty.rss_bytes)
        assert most - before < 20 * MEBI
        assert hasty.event("flood_ended", name=name)["sent_bytes"] < 20 * MEBI
        assert hasty.event("disconnect", name=name)["code"] == 1006
        wait_until(lambda: f"cut off 127.0.0.1:{port}: it took nothing for 1 s, " in hasty.errors)
        assert healthy.recv(timeout=PATIENCE_SECONDS) == str(t + 1)


def test_many_senders_of_one_stalled_socket_share_one_bound(hasty: Serving) -> None:
    before = hasty.rss_bytes
    client = hasty.upgrade("/four?name=four")
    sent_bytes = sum(hasty.event("flood_ended", name="four")["sent_bytes"] for _ in range(4))
    assert sent_bytes < 12_000_000  # one each that waited for the end, and one each that came after it
    assert hasty.rss_bytes - before < 20 * MEBI
    client.close()


@pytest.mark.parametrize("kind", ["stream", "sized"])
def test_stalled_download_is_cut_off_at_bounded_memory(hasty: Serving, kind: str) -> None:
    before = most = hasty.rss_bytes
    client = hasty.connect(f"GET /{kind}/500/1000000?name=stalled-{kind} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    while not hasty.happened("stream_ended", name=f"stalled-{kind}"):
        most = max(most, hasty.rss_bytes)
        select.select([], [], [], 0.01)
    assert hasty.event("stream_ended", name=f"stalled-{kind}")["left"] > 480
    assert most - before < 20 * MEBI
    client.close()


def test_end_of_a_download_that_nobody_takes_is_cut_off_too(hasty: Serving) -> None:
    client = hasty.connect(b"GET /whole/1000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    port = client.getsockname()[1]
    wait_until(lambda: f"cut off 127.0.0.1:{port}" in hasty.errors)
    client.close()


def test_slow_but_steady_clients_outlive_the_stall_limit() -> None:
    with Serving(stall_seconds=4) as serving:  # for so long this process may stand still
        assert_outlive(serving, 6)


def assert_outlive(serving: Serving, seconds: float) -> None:
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        for path in ("/stream/12/100000", "/sized/12/100000", "/whole/1200000")
    ]
    flooded = serving.upgrade("/flood?name=slow", receive_bytes=4096)
    downloads = [serving.connect(request, receive_bytes=4096) for request in requests]
    received = read_slowly([flooded, *downloads], seconds, 100_000)
    assert len(received[0]) > 100_000
    assert not serving.happened("flood_ended", name="slow")
    vanish(flooded)
    for begun, download in zip(received[1:], downloads, strict=True):
        assert len(begun) < 1_200_000
        assert (begun + read_all(download)).split(b"\r\n\r\n", 1)[1].count(b"x") == 1_200_000


# -- clients that leave


def test_send_to_a_client_that_vanishes_returns(patient: Serving) -> None:
    client = patient.upgrade("/stubborn")
    assert client.recv(10)
    vanish(client)
    patient.event("all_sent")
    assert patient.event("stubborn_heard")["type"] == "websocket.disconnect"


def test_application_hears_of_a_client_that_vanishes_while_it_waits(patient: Serving) -> None:
    client = patient.upgrade("/flood?name=vanishes")
    assert client.recv(10)
    vanish(client)
    assert patient.event("disconnect", name="vanishes")["code"] == 1006
    assert patient.event("flood_ended", name="vanishes")["sent_bytes"] < 20 * MEBI


def test_download_of_a_client_that_vanishes_is_stopped_and_leaves_no_task(patient: Serving) -> None:
    before = number(patient, "tasks")
    clients = [
        patient.connect(f"GET /stream/5000/100000?name=leaves-{n} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        for n in range(5)
    ]
    for n, client in enumerate(clients):
        assert client.recv(10)
        vanish(client)
        assert patient.event("stream_ended", name=f"leaves-{n}")["left"] > 4000
    wait_until(lambda: number(patient, "tasks") <= before)


def test_the_collector_looks_at_what_clients_cause_alone(patient: Serving) -> None:
    assert number(patient, "objects") < 20_000, "the modules of a server are three times as many"


def number(serving: Serving, of: str) -> int:
    answer = read_all(serving.connect(f"GET /{of} HTTP/1.0\r\nHost: x\r\n\r\n".encode()))
    return int(answer.split(b"\r\n\r\n", 1)[1])


def test_client_that_left_before_it_was_accepted_harms_nobody(patient: Serving) -> None:
    before = len(patient.errors)
    client = patient.connect(b"GET /late HTTP/1.1\r\n" + UPGRADE + b"\r\n")
    patient.event("late_waits")
    client.close()
    assert patient.event("late_done")["turned"] is True
    assert patient.errors[before:] == ""


# -- endpoints


def test_unix_socket_has_flow_control(tmp_path: Path) -> None:
    path = f"{tmp_path}/serving.sock"
    with Serving(endpoints=[f"unix:{path}"], stall_seconds=1) as serving:
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
        client.sendall(b"GET /flood?name=unix HTTP/1.1\r\n" + UPGRADE + b"\r\n")
        assert serving.event("flood_ended", name="unix")["sent_bytes"] < 5 * MEBI
        wait_until(lambda: "it took nothing for 1 s" in serving.errors)
        client.close()


def test_tls_has_flow_control(certificate: tuple[str, str]) -> None:
    key, chain = certificate
    with Serving(endpoints=[f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={chain}"], stall_seconds=1) as serving:
        trusting = ssl.create_default_context(cafile=chain)
        with socket_at(f"wss://localhost:{serving.port}/echo", ssl=trusting) as healthy:
            client = trusting.wrap_socket(serving.connect(), server_hostname="localhost")
            client.sendall(b"GET /flood?name=tls&size=100000 HTTP/1.1\r\n" + UPGRADE + b"\r\n")
            assert serving.event("flood_ended", name="tls")["sent_bytes"] < 5 * MEBI
            healthy.send("still here")
            assert healthy.recv() == "still here"
        mixed = f"wss://localhost:{serving.port}/mixed"
        with socket_at(mixed, ssl=trusting, max_size=None) as client_of_all:
            assert [len(client_of_all.recv()) for _ in range(27)][-1] == MIXED_SIZES[-1]


# -- the end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_server_whoever_is_connected(number: signal.Signals) -> None:
    with Serving(stall_seconds=600) as serving, socket_at(f"{serving.url}/ticks?name=healthy") as healthy:
        stalled = serving.upgrade("/flood?name=stalled")
        download = serving.connect(b"GET /stream/5000/100000 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert healthy.recv()
        assert download.recv(10)
        serving.process.send_signal(number)
        assert close_of(healthy) == (1001, "the server is stopping")
        assert serving.process.wait(PATIENCE_SECONDS) == 0
        serving.event("stopped")
        serving.event("disconnect", name="healthy")
        assert "Traceback" not in serving.errors
        assert "never retrieved" not in serving.errors
        assert "was destroyed" not in serving.errors
        stalled.close()
        download.close()


@pytest.mark.long
def test_server_that_hangs_while_it_stops_leaves_all_the_same() -> None:
    with Serving(hangs=True) as serving:
        assert serving.end() == 1
        wait_until(lambda: serving.errors.endswith("has not stopped within 5 s and leaves as it is\n"))


def test_port_in_use_is_one_line_and_status_1() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        serving = Serving(port=port)
        assert serving.process.wait(PATIENCE_SECONDS) == 1
        wait_until(lambda: serving.errors)
        serving.__exit__(None, None, None)
        assert serving.errors == (
            f"Market Camera cannot listen on tcp:port={port}:interface=127.0.0.1: {os.strerror(98)}\n"
        )


def test_start_up_task_that_dies_ends_the_process_with_its_error() -> None:
    serving = Serving(dies=True)
    assert serving.process.wait(PATIENCE_SECONDS) == 1
    serving.__exit__(None, None, None)
    assert serving.errors.endswith("LookupError: the market is gone\n")


@pytest.mark.long
@pytest.mark.parametrize("hangs", [{"occupied": True}, {"hangs": True}])
def test_server_that_hangs_while_it_stops_by_an_error_leaves_and_has_told_of_it(hangs: dict[str, bool]) -> None:
    serving = Serving(dies=True, drain_seconds=PATIENCE_SECONDS, **hangs)
    assert serving.process.wait(PATIENCE_SECONDS) == 1
    serving.__exit__(None, None, None)
    assert "stopping, because of LookupError: the market is gone\n" in serving.errors
    assert serving.errors.endswith("has not stopped within 5 s and leaves as it is\n")


def test_side_task_that_fails_is_started_again_and_ends_nothing() -> None:
    with Serving(fails_beside=True) as serving:
        for _ in range(3):
            serving.event("side_task_began")
        told = "side task failed 2 times, the next try is in 1 s: LookupError: a side task is gone"
        wait_until(lambda: told in serving.errors)
        with socket_at(f"{serving.url}/echo") as client:
            client.send("still here")
            assert client.recv() == "still here"
        assert serving.end() == 0


def test_what_takes_long_to_stop_is_left_behind_without_a_failure() -> None:
    with Serving(slow_to_stop=True) as serving:
        assert serving.end() == 0
        serving.event("slow_began")
        serving.event("stopped")
        assert "stopping: the slow_to_stop takes longer than the process may wait" in serving.errors
        assert "Traceback" not in serving.errors


def test_what_fails_to_stop_keeps_nothing_else_from_stopping() -> None:
    with Serving(fails_to_stop=True) as serving:
        assert serving.end() == 1
        serving.event("stopped")
        wait_until(lambda: "LookupError: a side task does not stop" in serving.errors)
