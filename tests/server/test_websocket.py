"""Messages, pings, closes and malformed requests, over the wire against the real server."""

from __future__ import annotations

import contextlib
import ssl
import struct
from collections.abc import Iterator

import pytest

from server.protocols.flow import Valve
from server.protocols.websocket import WebSocket
from tests.server.served import MIXED_SIZES
from tests.server.serving import (
    MEBI,
    PATIENCE_SECONDS,
    UPGRADE,
    Serving,
    close_of,
    frame,
    read_all,
    read_slowly,
    socket_at,
    vanish,
    wait_until,
)

# -- messages

#: What a message may have.
MOST_BYTES = 1 << 17


def test_ready_made_frames_of_every_length_arrive_intact_between_ordinary_messages(patient: Serving) -> None:
    expected: list[str | bytes] = []
    for size in MIXED_SIZES:
        expected += [f"before {size}", "a" * size, b"b" * size, b"after %d" % size]
    with socket_at(f"{patient.url}/mixed", max_size=None) as client:
        assert [client.recv() for _ in expected] == expected


def test_sending_to_a_client_with_room_does_not_give_up_the_loop(patient: Serving) -> None:
    client = patient.upgrade("/turns")
    assert patient.event("turns")["turned"] is False
    client.close()


def test_compression_is_not_offered(patient: Serving) -> None:
    with socket_at(f"{patient.url}/echo", compression="deflate") as client:
        assert client.protocol.extensions == []
        client.send("text")
        client.send(b"bytes")
        assert [client.recv(), client.recv()] == ["text", b"bytes"]


def test_ping_is_answered(patient: Serving) -> None:
    with socket_at(f"{patient.url}/echo") as client:
        assert client.ping().wait(PATIENCE_SECONDS)


def test_pings_of_a_client_that_reads_nothing_do_not_pile_up(patient: Serving) -> None:
    client = patient.upgrade("/flood?name=pings")
    before = patient.rss_bytes
    pings = frame(9, b"p" * 125) * 1000
    for _ in range(80):
        client.sendall(pings)
    client.sendall(frame(9, b"the last"))
    assert patient.rss_bytes - before < 5 * MEBI
    received = b""
    while b"\x8a\x08the last" not in received:
        received = received[-20:] + client.recv(MEBI)
    vanish(client)


def test_client_is_read_no_further_while_its_application_receives_nothing(patient: Serving) -> None:
    client = patient.upgrade("/deaf")
    before = patient.rss_bytes
    message = frame(2, b"m" * 100_000)
    client.settimeout(1)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 640:
            client.sendall(message)
            sent += 1
    assert sent < 200
    assert patient.rss_bytes - before < 20 * MEBI
    vanish(client)


def test_message_beyond_the_limit_is_refused_with_1009(patient: Serving) -> None:
    with socket_at(f"{patient.url}/echo?name=large") as client:
        client.send("x" * MOST_BYTES)
        assert client.recv() == "x" * MOST_BYTES
        client.send("x" * (MOST_BYTES + 1))
        assert close_of(client) == (
            1009,
            f"received WebSocket message size {MOST_BYTES + 1} exceeds payload limit of {MOST_BYTES} octets",
        )
    assert patient.event("disconnect", name="large")["code"] == 1009


def test_who_is_refused_over_tls_is_told_why_and_sees_the_end(certificate: tuple[str, str]) -> None:
    key, chain = certificate
    where = f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={chain}"
    with Serving(endpoints=[where]) as serving:
        client = ssl.create_default_context(cafile=chain).wrap_socket(
            serving.connect(), server_hostname="localhost", suppress_ragged_eofs=False
        )
        client.sendall(b"GET /echo?name=refused HTTP/1.1\r\n" + UPGRADE + b"\r\n")
        while not client.recv(MEBI).endswith(b"\r\n\r\n"):
            pass
        client.sendall(b"\x81\x00")
        assert client.recv(MEBI)[2:] == struct.pack("!H", 1002) + b"unmasked client-to-server frame"
        assert client.recv(MEBI) == b""
        client.close()
        assert serving.event("disconnect", name="refused")["code"] == 1002


# -- closing


@pytest.mark.parametrize(
    ("path", "close"),
    [
        ("/close", (4400, "limit must be at least 1, got 0")),
        ("/fail", (1011, "")),
        ("/return", (1000, "")),
    ],
)
def test_close_of_the_application_reaches_the_client(patient: Serving, path: str, close: tuple[int, str]) -> None:
    with socket_at(patient.url + path) as client:
        assert close_of(client) == close


def test_close_of_the_client_reaches_the_application(patient: Serving) -> None:
    with socket_at(f"{patient.url}/echo?name=closes", close_timeout=PATIENCE_SECONDS) as client:
        client.close(4321, "enough")
    assert patient.event("disconnect", name="closes")["code"] == 4321


def test_closing_handshake_completes_behind_a_full_buffer(patient: Serving) -> None:
    client = patient.upgrade("/stubborn")
    client.sendall(frame(8, struct.pack("!H", 1000)))
    assert read_all(client)[-4:] == b"\x88\x02" + struct.pack("!H", 1000)
    patient.event("all_sent")
    assert patient.event("stubborn_heard") == {
        "event": "stubborn_heard",
        "type": "websocket.disconnect",
        "code": 1000,
    }


def test_next_ping_waits_for_the_pong_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    pings: list[bytes] = []
    client = WebSocket()
    client.valve = Valve()
    client.autoPingSize, client.autoPingTimeout = 12, 0
    client.autoPingTimeoutCall, client.autoPingPendingSeq = None, 0
    monkeypatch.setattr(client, "sendPing", pings.append)
    client._sendAutoPing()
    client.autoPingTimeoutCall = "the timer that waits for the pong"
    client._sendAutoPing()
    assert len(pings) == 1


def test_silent_client_is_dropped_after_its_ping_but_a_slow_reader_is_not() -> None:
    with Serving(ping_interval=1, ping_timeout=1, stall_seconds=600) as serving:
        slow = serving.upgrade("/flood?name=slow", receive_bytes=4096)
        silent = serving.upgrade("/echo?name=silent")
        while not serving.happened("disconnect", name="silent"):
            read_slowly([slow], 0.5)
        assert serving.event("disconnect", name="silent")["code"] == 1006
        assert silent.recv(1)[0] == 0x89
        read_slowly([slow], 3)
        assert not serving.happened("disconnect", name="slow")


# -- HTTP manners


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x85 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /?\x85 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nA\x00B: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /echo HTTP/1.1\r\n" + UPGRADE + b"Sec-WebSocket-Protocol: \xff\r\n\r\n",
        b"GET /echo HTTP/1.1\r\n" + UPGRADE + b"Origin: http://[\r\n\r\n",
        b"GET http://[::1/echo HTTP/1.1\r\n" + UPGRADE + b"\r\n",
        b"GET /echo HTTP/1.1\r\n" + UPGRADE.replace(b"13", b"x") + b"\r\n",
        b"GET /echo HTTP/1.1\r\n" + UPGRADE.replace(b"==", b"") + b"\r\n",
        b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_malformed_request_is_answered_with_400_and_no_trace(patient: Serving, request_bytes: bytes) -> None:
    before = len(patient.errors)
    answer = patient.connect(request_bytes).recv(MEBI)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert "Traceback" not in patient.errors[before:]


def test_root_path_is_not_for_clients_to_choose(patient: Serving) -> None:
    answer = read_all(
        patient.connect(b"GET /whole/3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nDaphne-Root-Path: \xff\r\n\r\n")
    )
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_socket_refused_by_the_application_is_a_403(patient: Serving) -> None:
    assert read_all(patient.connect(b"GET /refuse HTTP/1.1\r\n" + UPGRADE + b"\r\n")).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 99999999999\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n200000\r\n" + b"x" * (1 << 21),
    ],
    ids=["announced", "chunked"],
)
def test_request_body_beyond_the_limit_is_a_413(patient: Serving, body: bytes) -> None:
    client = patient.connect()
    with contextlib.suppress(ConnectionError):  # it may be told off before it has said all
        client.sendall(b"POST /whole/3 HTTP/1.1\r\nHost: x\r\n" + body)
    answer = b""
    with contextlib.suppress(ConnectionError):
        answer = client.recv(1000)
    assert answer.startswith(b"HTTP/1.1 413 ") or (answer == b"" and b"chunked" in body)


def test_head_of_a_stream_has_no_body_and_keeps_the_connection_usable(patient: Serving) -> None:
    client = patient.connect(
        b"HEAD /stream/5/10?name=head HTTP/1.1\r\nHost: x\r\n\r\n"
        b"GET /whole/3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    first, second = read_all(client).split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert first.partition(b"\r\n\r\n")[2] == b""
    assert b"xxx" in second
    patient.event("stream_ended", name="head")


def test_download_whose_application_fails_midway_does_not_look_whole(patient: Serving) -> None:
    answer = read_all(patient.connect(b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert not answer.endswith(b"0\r\n\r\n")
    wait_until(lambda: "RuntimeError: made to fail" in patient.errors)


# -- permessage-deflate


@pytest.fixture(scope="module")
def deflating() -> Iterator[Serving]:
    with Serving(permessage_deflate=True) as serving:
        yield serving


def test_who_offers_compression_may_have_it_and_sends_it_too(deflating: Serving) -> None:
    with socket_at(f"{deflating.url}/echo", compression="deflate") as client:
        assert [type(extension).__name__ for extension in client.protocol.extensions] == ["PerMessageDeflate"]
        for said in ("text " * 1000, "", "again " * 1000):
            client.send(said)
            if said:
                assert client.recv() == said


def test_who_does_not_offer_it_is_served_as_ever(deflating: Serving) -> None:
    with socket_at(f"{deflating.url}/echo", compression=None) as client:
        assert client.protocol.extensions == []
        client.send("text")
        assert client.recv() == "text"


@pytest.mark.parametrize(
    ("offer", "taken"),
    [
        ("permessage-deflate", True),
        ("permessage-deflate; client_max_window_bits", True),
        ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", True),
        ("permessage-deflate; server_max_window_bits=15", True),
        ("permessage-deflate; server_max_window_bits=10", False),
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", True),
        ("x-other", False),
    ],
)
def test_an_offer_is_taken_if_all_can_share_what_is_compressed(deflating: Serving, offer: str, taken: bool) -> None:
    answer = shake_hands(deflating, offer)
    assert answer.startswith(b"HTTP/1.1 101")
    assert (b"permessage-deflate" in answer) is taken


@pytest.mark.parametrize("offer", ["permessage-deflate; server_max_window_bits=99", "permessage-deflate; nonsense"])
def test_an_offer_that_is_none_is_refused(deflating: Serving, offer: str) -> None:
    before = len(deflating.errors)
    assert shake_hands(deflating, offer).startswith(b"HTTP/1.1 400")
    assert "Traceback" not in deflating.errors[before:]


def shake_hands(serving: Serving, offer: str) -> bytes:
    client = serving.connect(
        b"GET /echo HTTP/1.1\r\n" + UPGRADE + b"Sec-WebSocket-Extensions: " + offer.encode() + b"\r\n\r\n"
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n") and (piece := client.recv(1)):
        answer += piece
    client.close()
    return answer


def test_a_message_that_swells_is_cut_short_at_bounded_memory(deflating: Serving) -> None:
    with socket_at(f"{deflating.url}/echo?name=swells", compression="deflate") as client:
        before = deflating.rss_bytes
        client.send("x" * 200 * MEBI)
        code, reason = close_of(client)
        assert code == 1009
        assert f"exceeds payload limit of {MOST_BYTES} octets" in reason
        assert deflating.rss_bytes - before < 20 * MEBI
