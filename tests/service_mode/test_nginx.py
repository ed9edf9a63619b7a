"""Traffic through nginx and TLS, as a deployment has it: two web processes behind the site of deploy/nginx.conf."""

from __future__ import annotations

import gzip
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path

import pytest

from tests.followers import EventFollower, Follower, following
from tests.nginx import BEHIND, HOST, PROXIED, Nginx
from tests.processes import PATIENCE_SECONDS, ROOT, Live, wait_until
from tests.service_mode.conftest import Deployment
from tests.services import program

pytestmark = [pytest.mark.redis, pytest.mark.postgres]

#: A market that was recorded and has ended: its answers are long, and the same each time.
ENDED = "ENDED"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def behind(deployment: Deployment, markets: object) -> list[Live]:
    """Two web processes that are told that nginx is in front."""
    deployment.run("runmarket", "--symbol", ENDED, "--ticks", "1000", "--speed", "0")
    webs = [deployment.serve("--proxy-headers", **BEHIND) for _ in range(2)]
    for web in webs:
        wait_until(lambda web=web: _newest_t(web) > 10, "ticks")  # type: ignore[misc]
    return webs


def _newest_t(web: Live) -> int:
    answer = web.ask("/incremental?limit=1", headers=PROXIED)
    return (answer.json()["latest_t"] or 0) if answer.status == 200 else 0


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory, behind: list[Live]) -> Iterator[Nginx]:
    server = Nginx(tmp_path_factory.mktemp("nginx"), [web.port for web in behind])
    try:
        server.start()
        yield server
    finally:
        server.end()


def test_nginx_takes_the_site_and_the_one_made_for_containers(tmp_path: Path) -> None:
    for number, made in enumerate((False, True)):
        directory = tmp_path / str(number)
        directory.mkdir()
        site = _site_of_containers(tmp_path) if made else None
        assert "test is successful" in Nginx(directory, [1, 2], site).check()


def _site_of_containers(directory: Path) -> str:
    """Where its names of hosts, which only containers know, are this machine's."""
    target, script, around = directory / "default.conf", ROOT / "deploy" / "nginx-compose.sh", directory / "around.conf"
    around.touch()
    command = ["sh", str(script), str(target), str(ROOT / "deploy" / "nginx.conf"), str(around)]
    subprocess.run(command, check=True, env={"SITE_HOST": HOST, "PATH": "/usr/bin:/bin"})
    site = target.read_text().replace("/etc/ssl/market-camera/certificate.pem", f"/etc/ssl/{HOST}.pem")
    site = site.replace("/etc/ssl/market-camera/key.pem", f"/etc/ssl/{HOST}.key")
    assert "http2 on;" in site
    if _version() < (1, 25):  # Debian 12 has one that knows HTTP/2 by the other name alone
        site = site.replace("http2 on;", "")
    return site.replace("web1:", "127.0.0.1:").replace("web2:", "127.0.0.1:")


def _version() -> tuple[int, ...]:
    said = subprocess.run([program("nginx"), "-v"], capture_output=True, text=True).stderr
    return tuple(int(part) for part in re.findall(r"\d+", said)[:2])


def test_plain_http_is_sent_to_https(nginx: Nginx) -> None:
    connection = HTTPConnection("127.0.0.1", nginx.http_port, timeout=PATIENCE_SECONDS)
    connection.request("GET", "/live/?lang=en", headers={"Host": HOST})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{HOST}/live/?lang=en")


def test_sockets_and_events_live_and_resumed_get_each_tick_once(nginx: Nginx) -> None:
    each = [Follower(nginx), EventFollower(nginx), Follower(nginx, since=5)]
    with following(*each):
        for follower in each:
            follower.wait_for_more(30)
            follower.assert_heard_each_tick_once()
            assert follower.connections == 1
        for follower in each:  # the network of each breaks, and it comes again
            _cut(follower)
        for follower in each:
            follower.wait_for_more(60)
            follower.assert_heard_each_tick_once()
            assert follower.connections == 2


def _cut(follower: Follower) -> None:
    connection = follower._connection if isinstance(follower, EventFollower) else follower._client
    held = connection.sock if isinstance(connection, HTTPConnection) else connection.socket  # type: ignore[union-attr]
    held.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


def test_what_is_told_at_once_is_not_kept_in_a_buffer(nginx: Nginx) -> None:
    """The beginning of a stream of events is shorter than any buffer, and for long nothing follows."""
    connection = nginx.http()
    connection.request("GET", "/stream?types=tick&every=100000", headers={"Host": HOST})
    answer, heard = connection.getresponse(), b""
    while b"\nid: " not in heard:
        heard += answer.read1()
    assert heard.startswith(b"retry: 1000\n")
    connection.close()


def test_many_streams_of_events_share_one_connection(nginx: Nginx, tmp_path: Path) -> None:
    curl = program("curl")
    address = f"https://127.0.0.1:{nginx.port}/stream?types=tick&symbol={ENDED}&replay=0..40&speed=0"
    files = [tmp_path / str(number) for number in range(20)]  # of its own each, since pieces of lines come in between
    asked = [part for file in files for part in (address, "--output", str(file))]
    command = [curl, "--silent", "--http2", "--parallel", "--parallel-max", "20", "--cacert", str(nginx.certificate)]
    done = subprocess.run(
        [*command, "--write-out", "%{http_version} %{num_connects}\n", *asked], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = re.findall(r"^(\S+) (\d)$", done.stdout, re.MULTILINE)
    assert [version for version, _ in told] == ["2"] * 20
    assert sum(int(opened) for _, opened in told) < 6
    for file in files:
        heard = file.read_text()
        assert (heard.count("event: tick"), heard.count("event: replay_end")) == (41, 1)


def test_parts_of_a_segment_come_as_they_lie_on_the_disk(nginx: Nginx, behind: list[Live]) -> None:
    (segment,) = nginx.ask(f"/segments?kind=ticks&symbol={ENDED}").json()
    path = f"/segment/{segment['path']}?symbol={ENDED}"
    whole = nginx.ask(path, headers={"Accept-Encoding": "gzip"})
    assert whole.status == 200
    assert "Content-Encoding" not in whole.headers
    assert whole.body == (behind[0].store / ENDED / segment["path"]).read_bytes()
    etag = whole.headers["ETag"]
    part = nginx.ask(path, headers={"Range": "bytes=100-299", "If-Range": etag, "Accept-Encoding": "gzip"})
    assert (part.status, part.body) == (206, whole.body[100:300])
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(whole.body)}"
    other = nginx.ask(path, headers={"Range": "bytes=100-299", "If-Range": '"another"'})
    assert (other.status, other.body) == (200, whole.body)
    beyond = nginx.ask(path, headers={"Range": f"bytes={len(whole.body)}-"})
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(whole.body)}")
    assert nginx.ask(path, headers={"If-None-Match": etag}).status == 304


def test_json_is_compressed_and_tables_are_those_of_the_web_process(nginx: Nginx, behind: list[Live]) -> None:
    path = f"/range?kind=ticks&t0=0&t1=500&symbol={ENDED}"
    through = nginx.ask(path, headers={"Accept-Encoding": "gzip"})
    assert through.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(through.body) == behind[0].ask(path, headers=PROXIED).body
    table = f"/export?kind=ticks&t0=0&t1=500&format=csv&symbol={ENDED}"
    assert nginx.ask(table).body == behind[1].ask(table, headers=PROXIED).body


def test_a_slow_download_waits_in_no_file_of_nginx(nginx: Nginx) -> None:
    path = f"/range?kind=ticks&symbol={ENDED}"
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", nginx.port))
        with nginx.tls().wrap_socket(slow, server_hostname=HOST) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            assert client.recv(12) == b"HTTP/1.1 200"
            assert len(nginx.ask(path).body) > 400_000  # by then nginx had the time to fetch all of the other
            assert nginx.temporary_files() == []
    assert "buffered to a temporary file" not in nginx.log("error.log")


def test_a_user_logs_in_by_secure_cookies(deployment: Deployment, nginx: Nginx) -> None:
    deployment.run("shell", "-c", _MAKE_USER)
    form = nginx.ask("/admin/login/")
    assert form.headers["Strict-Transport-Security"] == "max-age=31536000"
    cookies = _cookies(form.headers.get_all("Set-Cookie", []))
    (field,) = re.findall(rb'name="csrfmiddlewaretoken" value="(\w+)"', form.body)
    fields = f"csrfmiddlewaretoken={field.decode()}&username=keeper&password={PASSWORD.replace(' ', '+')}&next=/admin/"
    headers = {"Cookie": cookies, "Origin": f"https://{HOST}", "Content-Type": "application/x-www-form-urlencoded"}
    done = nginx.ask("/admin/login/", "POST", headers, fields)
    assert (done.status, done.headers["Location"]) == (302, "/admin/")
    session = _cookies(done.headers.get_all("Set-Cookie", []))
    for _ in range(4):  # whichever web process is asked
        assert nginx.ask("/admin/", headers={"Cookie": session}).status == 200
    foreign = nginx.ask("/admin/login/", "POST", {**headers, "Origin": "https://elsewhere.example.org"}, fields)
    assert foreign.status == 403


_MAKE_USER = (
    "from django.contrib.auth.models import User;"
    f"User.objects.filter(username='keeper').exists() or User.objects.create_superuser('keeper', password='{PASSWORD}')"
)


def _cookies(told: list[str]) -> str:
    assert told
    assert all("; Secure" in one for one in told), told
    return "; ".join(one.partition(";")[0] for one in told)


def test_a_crowd_goes_on_where_it_was_when_web_processes_are_restarted_in_turn(
    deployment: Deployment, nginx: Nginx, behind: list[Live]
) -> None:
    address = f"wss://127.0.0.1:{nginx.port}/ws/stream"
    command = [sys.executable, "-u", str(ROOT / "deploy" / "watch.py"), address, "--clients", "60", "--loopback"]
    watch = subprocess.Popen([*command, "--ca", str(nginx.certificate)], stdout=subprocess.PIPE, text=True)
    assert watch.stdout is not None
    try:
        comebacks = _until_all_are_there(watch.stdout, 0)
        for place, web in enumerate(list(behind)):
            web.stop()
            behind[place] = deployment.serve("--proxy-headers", PORT=web.port, **BEHIND)
            comebacks = _until_all_are_there(watch.stdout, comebacks + 1)
        watch.terminate()
        said = watch.stdout.read()
        assert watch.wait(PATIENCE_SECONDS) == 0, said
        assert " 0 lost, 0 repeated, 0 gaps told" in said
    finally:
        watch.kill()


def _until_all_are_there(lines: Iterator[str], least: int) -> int:
    """Until every client is connected, after so many reconnections at least; how many there were."""
    for line in islice(lines, 40):
        found = re.search(r"60 of 60 clients connected.* (\d+) reconnections", line)
        if found and int(found[1]) >= least:
            return int(found[1])
    raise AssertionError("not all clients came back")
