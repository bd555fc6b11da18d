"""A vantage point joins from its own side: whom it believes, what it keeps, and what it says."""

import json
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from mailposture import models, seals, vantage_point
from mailposture.adapters import vantage_file
from mailposture.core import codec, joining
from mailposture.core.joining import Line, Welcome, Wish
from mailposture.services import joining as service
from tests import factories
from tests.labs import Lab

ROOT = Path(__file__).parents[1]
CENTRE = seals.fresh_key()
TOKEN = "t" * 43


class Site(HTTPServer):
    """The centre's own address, answered by the thread that has the database."""

    timeout = 0.05

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def join(self, line: str, folder: Path, *more: str) -> int:
        """Join from another thread, and answer it from this one."""
        done: list[int] = []
        place = threading.Thread(target=lambda: done.append(join(line, folder, *more)))
        place.start()
        while place.is_alive():
            self.handle_request()
        return done[0]


class _Asked(BaseHTTPRequestHandler):
    """One wish, passed on to the site."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        found = Client().post(self.path, body, content_type=self.headers["Content-Type"])
        self.send_response(found.status_code)
        self.end_headers()
        self.wfile.write(found.content)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def site(db: None, settings: Any, tmp_path: Path) -> Iterator[Site]:
    """The centre, answering on loopback."""
    del db
    with Site() as found:
        settings.KEYS_DIR = tmp_path / "keys"
        settings.PUBLIC_URL = found.url
        settings.BROKER_URL = "redis://:secret@127.0.0.1:1/0"
        settings.QUEUE_ELSEWHERE = settings.QUEUE_AUTHORITY = None
        yield found


def invited(slug: str = "frankfurt") -> str:
    place = models.VantagePoint.objects.filter(slug=slug).first() or factories.stranger(slug)
    return str(service.invite(place, timezone.now()))


def join(line: str, folder: Path, *more: str) -> int:
    return vantage_point.main(["join", line, "--folder", str(folder), *more])


def test_one_command_joins_and_keeps_what_the_worker_needs_for_its_user_alone(
    site: Site, tmp_path: Path, capsys: Any
) -> None:
    line, folder = invited(), tmp_path / "place"
    told = ("--source", "127.0.0.5", "--resolver", "127.0.0.1:53", "--lab-network", "127.0.0.0/8")
    assert site.join(line, folder, *told) == 0
    said = capsys.readouterr().out
    assert "Joined as frankfurt" in said
    assert f"run --folder {folder}" in said
    place = vantage_file.joined(folder / "vantage.toml")["frankfurt"]
    assert (place.source, place.resolver) == ("127.0.0.5", "127.0.0.1:53")
    assert place.centre == Line.read(line).centre
    row = models.VantagePoint.objects.get()
    assert row.public_key == seals.public_of(place.key)
    queue = vantage_file.queue(folder / "vantage.toml")
    assert queue
    assert queue.startswith("redis://vantage.frankfurt:")
    assert queue.endswith("@127.0.0.1:1/0")
    assert "secret" not in queue
    assert sorted(file.name for file in folder.iterdir()) == [
        "frankfurt.key", "queue.url", "vantage.toml",
    ]  # fmt: skip
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_line_that_was_used_is_refused_elsewhere_and_does_no_harm_where_it_was(
    site: Site, tmp_path: Path, capsys: Any
) -> None:
    line = invited()
    assert site.join(line, tmp_path / "one") == 0
    before = (tmp_path / "one" / "vantage.toml").read_text()
    assert site.join(line, tmp_path / "two") == 2
    assert "Make a new one on the vantage point's page." in capsys.readouterr().err
    assert list((tmp_path / "two").iterdir()) == []
    # A service that is started anew gives the same command again.
    assert site.join(line, tmp_path / "one") == 0
    assert (tmp_path / "one" / "vantage.toml").read_text() == before


def test_joining_anew_keeps_what_only_this_machine_knows(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "place"
    assert (
        site.join(invited(), folder, "--source", "127.0.0.5", "--lab-network", "127.0.0.0/8") == 0
    )
    first = vantage_file.joined(folder / "vantage.toml")["frankfurt"]
    assert site.join(invited(), folder, "--resolver", "127.0.0.1:53") == 0
    second = vantage_file.joined(folder / "vantage.toml")["frankfurt"]
    assert (second.source, second.resolver) == ("127.0.0.5", "127.0.0.1:53")
    assert second.lab_networks == first.lab_networks != ()
    assert second.key != first.key
    assert models.VantagePoint.objects.get().public_key == seals.public_of(second.key)


def test_a_folder_of_another_place_is_left_alone(site: Site, tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "place"
    assert site.join(invited(), folder) == 0
    before = (folder / "vantage.toml").read_text()
    line = invited("singapore")
    assert site.join(line, folder) == 2
    assert "holds other places: frankfurt" in capsys.readouterr().err
    assert (folder / "vantage.toml").read_text() == before
    assert site.join(line, tmp_path / "other") == 0


def test_a_folder_that_cannot_be_written_spends_no_token(site: Site, tmp_path: Path) -> None:
    line = invited()
    (tmp_path / "file").write_text("")
    assert site.join(line, tmp_path / "file" / "place") == 2
    assert site.join(line, tmp_path / "place") == 0


@contextmanager
def between(answer: Any) -> Iterator[str]:
    """A server that answers so; its address. A function is given the wish."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers, body = answer(asked) if callable(answer) else answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/join/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def line_to(url: str) -> str:
    return str(Line(url=url, slug="frankfurt", token=TOKEN, centre=seals.public_of(CENTRE)))


def signed(key: str, **changes: Any) -> Any:
    """Answer a wish as the centre does, or not quite."""

    def answer(asked: Any) -> tuple[int, dict[str, str], bytes]:
        wish = codec.load(Wish, json.loads(asked["body"]))
        said = {
            "digest": joining.digest(wish.token), "public_key": wish.public_key,
            "vantage_point": "frankfurt", "queue": "redis://127.0.0.1:1/0", **changes,
        }  # fmt: skip
        message = seals.seal(joining.JOINED, codec.dump(Welcome(**said)), key)
        return 200, {}, json.dumps(message).encode()

    return answer


NOBODY = seals.fresh_key()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (signed(NOBODY), "somebody stands in between"),
        ((200, {}, b"{}"), "somebody stands in between"),
        ((200, {}, b"<html>"), "somebody stands in between"),
        ((200, {}, b"[" * 100_000), "somebody stands in between"),
        (signed(CENTRE, public_key=seals.public_of(NOBODY)), "let somebody else in"),
        (signed(CENTRE, digest=joining.digest("another")), "let somebody else in"),
        (signed(CENTRE, vantage_point="singapore"), "let somebody else in"),
        ((403, {}, b'{"error": "Wait\\u001b[31m ten minutes."}'), "Wait[31m ten minutes."),
        ((502, {}, b"<html>"), "answered with 502 and no reason"),
        ((307, {"Location": "http://127.0.0.1:9/"}, b""), "answered with 307 and no reason"),
    ],
)
def test_whoever_is_not_the_centre_of_the_line_is_not_believed(
    tmp_path: Path, capsys: Any, answer: Any, says: str
) -> None:
    with between(answer) as url:
        assert join(line_to(url), tmp_path / "place") == 2
    said = capsys.readouterr()
    assert says in said.err
    assert "\x1b" not in said.err
    assert list((tmp_path / "place").iterdir()) == []


def test_what_the_centre_signed_is_taken(tmp_path: Path) -> None:
    with between(signed(CENTRE, authority="PEM\n", queue="rediss://a:b@h:1/0?x=1")) as url:
        assert join(line_to(url), tmp_path / "place") == 0
    authority = tmp_path / "place" / "queue-authority.pem"
    assert authority.read_text() == "PEM\n"
    queue = vantage_file.queue(tmp_path / "place" / "vantage.toml")
    assert queue == f"rediss://a:b@h:1/0?x=1&ssl_ca_certs={authority}"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("https://127.0.0.1:1/", "This is no join line."),
        (line_to("http://192.0.2.1/join/"), "needs https"),
        (line_to("http://127.0.0.1:1/join/"), "127.0.0.1:1 was not reached"),
    ],
)
def test_a_line_that_leads_nowhere_is_said_in_one_sentence(
    tmp_path: Path, capsys: Any, line: str, says: str
) -> None:
    assert join(line, tmp_path / "place") == 2
    said = capsys.readouterr().err
    assert says in said
    assert len(said.strip().splitlines()) == 1


def test_it_needs_what_a_vantage_point_installs_and_no_more() -> None:
    done = subprocess.run(
        [ROOT / ".venv-vantage" / "bin" / "python", "-m", "mailposture.vantage_point", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "join a centre by its line" in done.stdout


def test_nothing_is_run_where_nobody_joined(tmp_path: Path, capsys: Any) -> None:
    assert vantage_point.main(["run", "--folder", str(tmp_path)]) == 2
    assert "There is no place to run in" in capsys.readouterr().err


def test_a_centre_whose_certificate_nobody_vouches_for_gets_no_token(
    tmp_path: Path, capsys: Any, lab: Lab
) -> None:
    assert join(line_to(f"{lab.facts['authority']}/join/"), tmp_path / "place") == 2
    assert "certificate verify failed" in capsys.readouterr().err
