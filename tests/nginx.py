"""nginx with the site of deploy/nginx.conf, a certificate of its own, and the web processes of a test behind it."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
from contextlib import suppress
from http.client import HTTPSConnection
from pathlib import Path

import psutil
from websockets.sync.client import ClientConnection, connect

from tests.network import CALM
from tests.processes import PATIENCE_SECONDS, ROOT, Answer, Process, free_port, wait_until
from tests.services import program

HOST = "market.example.org"
SITE = ROOT / "deploy" / "nginx.conf"
#: Behind it web processes have these settings.
BEHIND = {"IG_TLS": 1, "IG_TRUSTED_PROXIES": "127.0.0.1", "IG_ALLOWED_HOSTS": f"{HOST},127.0.0.1"}
#: What nginx tells them of a request.
PROXIED = {"Host": HOST, "X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}

#: What is around the site: the usual nginx.conf, with every path in a folder of the test.
_AROUND = """\
worker_processes 2;
error_log {home}/error.log warn;
pid {home}/nginx.pid;
daemon off;
events {{ worker_connections 8192; }}
http {{
    include /etc/nginx/mime.types;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/other;
    uwsgi_temp_path {home}/other;
    scgi_temp_path {home}/other;
    include {site};
}}
"""


def make_certificate(directory: Path) -> Path:
    """A self-signed certificate of HOST and this machine; its key lies beside it."""
    certificate = directory / f"{HOST}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST},IP:127.0.0.1"]
    command += ["-keyout", str(directory / f"{HOST}.key"), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    return certificate


class Nginx:
    """Speaks TLS at a port of its own; `connect`, `http` and `ask` are those of a `Live` behind it."""

    def __init__(self, directory: Path, web_ports: list[int], site: str | None = None) -> None:
        self.program = program("nginx")
        program("openssl")
        self.directory, self.port, self.http_port = directory, free_port(), free_port()
        self.certificate = make_certificate(directory)
        self.configuration = directory / "nginx.conf"
        (directory / "site.conf").write_text(self._placed(SITE.read_text() if site is None else site, web_ports))
        self.configuration.write_text(_AROUND.format(home=directory, site=directory / "site.conf"))
        self.process: Process | None = None

    def _placed(self, site: str, web_ports: list[int]) -> str:
        """The site with the paths and ports of this machine, and nothing else changed."""
        for place, port in zip((8001, 8002), web_ports, strict=True):
            site = site.replace(f"127.0.0.1:{place}", f"127.0.0.1:{port}")
        site = site.replace("listen 80;", f"listen 127.0.0.1:{self.http_port};")
        site = re.sub(r"listen 443\b", f"listen {self.port}", site)
        return site.replace("/etc/ssl/", f"{self.directory}/").replace("/var/log/nginx/", f"{self.directory}/")

    def command(self, *arguments: str) -> list[str]:
        user = ["-g", "user root;"] if os.geteuid() == 0 else []
        return [self.program, "-c", str(self.configuration), *user, *arguments]

    def check(self) -> str:
        """What `nginx -t` says of it."""
        done = subprocess.run(self.command("-t"), capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def start(self) -> None:
        nginx = self.process = Process(self.command(), dict(os.environ), self.directory / "out.log")

        def answers() -> bool:
            assert nginx.running, nginx.log() + self.log("error.log")
            return (self.directory / "nginx.pid").exists()

        wait_until(answers, "nginx")

    def end(self) -> None:
        if self.process is not None:
            self.process.stop()

    def log(self, name: str) -> str:
        return (self.directory / name).read_text()

    def temporary_files(self) -> list[str]:
        """Files in which its processes hold answers that a client has not taken."""
        assert self.process is not None
        workers = psutil.Process(self.process.process.pid).children()
        found = []
        for link in (link for worker in workers for link in Path(f"/proc/{worker.pid}/fd").iterdir()):
            with suppress(FileNotFoundError):  # closed meanwhile
                found.append(os.readlink(link))
        return [path for path in found if path.startswith(f"{self.directory}/proxy")]

    # -- as a client

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def http(self) -> HTTPSConnection:
        return HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS, context=self.tls())

    def connect(self, path: str) -> ClientConnection:
        url = f"wss://127.0.0.1:{self.port}{path}"
        return connect(url, max_size=None, compression=None, ssl=self.tls(), **CALM)

    def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: str = "") -> Answer:
        connection = self.http()
        try:
            connection.request(method, path, body or None, {"Host": HOST, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
