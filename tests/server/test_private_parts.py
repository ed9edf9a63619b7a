"""What the server uses of Twisted, autobahn, daphne and Celery beyond their documented interfaces: an upgrade that
takes any of it away must fail here, with its name, and not under load."""

from __future__ import annotations

import inspect

import daphne.server  # isort: skip  (installs the asyncio reactor, so it must come first)
import pytest
from autobahn.twisted.websocket import WebSocketServerProtocol
from celery.beat import Scheduler
from daphne import http_protocol, ws_protocol
from twisted.internet import reactor, tcp, unix
from twisted.web import http

#: Names on classes, and names that instances get while they are made or read, found in the sources of these classes.
RELIED_ON = {
    http.HTTPChannel: """_respondToBadRequestAndDisconnect allContentReceived allHeadersReceived headerReceived
        lineLengthExceeded rawDataReceived requestDone _buffer _command _path _receivedHeaderCount _receivedHeaderSize
        maxHeaders persistent requests totalHeadersSize""",
    http_protocol.WebRequest: """basic_error connectionLost process handle_reply _response_started""",
    http.Request: """gotLength handleContentChunk _disconnected channel chunked content finished producer requestHeaders
        startedWriting""",
    http_protocol.HTTPFactory: "acceptableProtocols buildProtocol",
    ws_protocol.WebSocketProtocol: "handle_reply serverAccept serverSend handshake_deferred onOpen onClose",
    ws_protocol.WebSocketFactory: "protocol setProtocolOptions",
    WebSocketServerProtocol: """CONFIG_ATTRS _fail_connection _sendAutoPing onAutoPingTimeout onFrameBegin
        onMessageFrameBegin onPing sendHttpErrorResponse unregisterProducer STATE_CLOSED STATE_CLOSING STATE_CONNECTING
        STATE_OPEN _perMessageCompress autoPingTimeout autoPingTimeoutCall current_frame current_frame_masker data
        failedByMe localCloseCode processData sendCloseFrame sendData sendPong state""",
    daphne.server.Server: """create_application listen_error listen_success protocol_disconnected application_checker
        timeout_checker connections endpoints http_factory ws_factory ready_callable listening_addresses""",
    tcp.Port: "_buildAddr doRead sessionno factory reactor",
    unix.Port: "doRead",
    Scheduler: "setup_schedule tick apply_entry update_from_dict producer connection",
}


@pytest.mark.parametrize("library_class", RELIED_ON, ids=lambda one: f"{one.__module__}.{one.__name__}")
def test_an_upgrade_keeps_what_is_relied_on(library_class: type) -> None:
    ours = [one for one in library_class.__mro__ if one is not object]
    source = "".join(inspect.getsource(one) for one in ours if one.__module__ != "builtins")
    missing = [
        name
        for name in RELIED_ON[library_class].split()
        if not any(hasattr(one, name) for one in ours) and f"self.{name}" not in source
    ]
    assert not missing


def test_the_reactor_tells_its_loop_and_daphne_its_clock() -> None:
    assert hasattr(reactor, "_asyncioEventloop")
    for module in (daphne.server, http_protocol, ws_protocol):
        assert "time.time" in inspect.getsource(module), module.__name__
