"""Whether port 25 is open outward: what doctor says of this machine and of each vantage point."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from mailposture import models
from mailposture.adapters import ports
from mailposture.adapters.targets import networks
from mailposture.services.doctor import Level, Line, port25
from tests import factories as make
from tests.factories import NOW
from tests.mailservers import free_port, scripted

pytestmark = pytest.mark.django_db
PUBLIC = "52.101.10.1"


@contextmanager
def deaf() -> Iterator[tuple[str, int]]:
    """A port whose queue of connections is full, so that a further one waits without an answer."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(address)
            waiting.append(one)
        yield address
        for one in waiting:
            one.close()


def door(tenant: models.Tenant, address: str, port: int = 25, host: str = "") -> models.Endpoint:
    """A stored door of a tenant."""
    name = host or f"{tenant.slug}-com.mail.protection.outlook.com"
    row: models.Endpoint = tenant.endpoints.create(
        domain=f"{tenant.slug}.com", host=name, port=port, found_by="mx", addresses=[address],
        first_seen_at=NOW,
    )  # fmt: skip
    return row


@pytest.fixture
def lab(settings: Any) -> None:
    """Loopback is the lab's."""
    settings.LAB_NETWORKS = networks("127.0.0.0/8")


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Connections are only written down, and wait in vain."""
    found: list[tuple[str, int]] = []

    def silent(address: str, port: int, _seconds: float) -> ports.Tried:
        found.append((address, port))
        return ports.Tried("", "no answer within 5 s", silent=True)

    monkeypatch.setattr(ports, "greeting", silent)
    return found


# ---- one connection ------------------------------------------------------------------------


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_a_door_is_left_politely_after_its_greeting_and_nothing_is_named_to_it() -> None:
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220-one\r\n220 mail.example.com ESMTP\r\n")
        reader = connection.makefile("rb")
        heard.append(reader.readline())
        connection.sendall(b"221 2.0.0 bye\r\n")
        heard.append(reader.readline())

    with scripted(talk) as url:
        found = ports.greeting("127.0.0.1", port_of(url), 5)
    assert found == ports.Tried("220-one", "")
    assert heard == [b"QUIT\r\n", b""]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "a connection was made, and no greeting came"),
        (b"554 5.7.1 \x1b[2J not you\r\n",
         r"a connection was made, and what came was no greeting: 554 5.7.1 \x1b[2J not you"),
        (b"HTTP/1.1 400\r\n", "a connection was made, and what came was no greeting: HTTP/1.1 400"),
    ],
)  # fmt: skip
def test_what_is_no_greeting_is_told_apart_from_silence(said: bytes, why: str) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        connection.makefile("rb").read()  # closed with something unread, it would be a reset

    with scripted(talk) as url:
        found = ports.greeting("127.0.0.1", port_of(url), 5)
    assert found == ports.Tried("", why)


def test_a_refused_connection_is_no_silence() -> None:
    found = ports.greeting("127.0.0.1", free_port(), 5)
    assert (found.why, found.silent) == ("connection refused", False)


def test_a_connection_that_nobody_answers_is_silence() -> None:
    with deaf() as (address, port):
        found = ports.greeting(address, port, 0.2)
    assert (found.greeting, found.silent) == ("", True)
    assert found.why.startswith("no answer within")


# ---- from this machine -----------------------------------------------------------------------


def test_where_no_door_is_known_nothing_is_tried(tried: list[Any]) -> None:
    door(make.tenant("fabrikam", paused_at=NOW), PUBLIC)
    door(make.tenant("northwind", setup_step=3), PUBLIC)
    line = port25.from_here()
    assert line.level is Level.WARNING
    assert "nothing to try yet" in line.says
    assert tried == []


@pytest.mark.parametrize(
    ("host", "address", "port"),
    [
        ("mail.example.com", PUBLIC, 25),
        ("", "10.0.0.1", 25),
        ("", "127.0.0.1", 25),
        ("", PUBLIC, 587),
        ("", "2603:1026::1", 25),
    ],
)
def test_only_what_a_probe_may_meet_is_tried(
    tried: list[Any], host: str, address: str, port: int
) -> None:
    door(make.tenant(), address, port, host)
    assert "nothing to try yet" in port25.from_here().says
    assert tried == []


def test_where_every_door_is_silent_the_port_is_blocked_and_the_cure_is_named(
    tried: list[Any],
) -> None:
    for n in range(5):
        door(make.tenant(f"tenant{n}"), f"52.101.10.{n // 2}")
    line = port25.from_here()
    assert tried == [("52.101.10.0", 25), ("52.101.10.1", 25), ("52.101.10.2", 25)]
    assert line.level is Level.PROBLEM
    assert line.says.startswith("Blocked, it seems: within 5 s no door answers here: tenant0-com")
    assert line.mend.startswith("Ask the provider of this machine to unblock outgoing port 25:")


def test_one_door_that_greets_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(2):
        door(make.tenant(f"tenant{n}"), f"52.101.10.{n}")
    silent = ports.Tried("", "no answer within 5 s", silent=True)
    monkeypatch.setattr(
        ports, "greeting", lambda address, *_: silent if address.endswith("0") else
        ports.Tried("220 AM0 Microsoft ESMTP MAIL Service ready", "")
    )  # fmt: skip
    line = port25.from_here()
    assert (line.level, line.mend) == (Level.OK, "")
    assert line.says.startswith("Open from here: tenant1-com.mail.protection.outlook.com at 52.")


def test_a_refusal_or_a_stranger_in_between_establishes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door(make.tenant(), PUBLIC)
    monkeypatch.setattr(ports, "greeting", lambda *_: ports.Tried("", "connection refused"))
    line = port25.from_here()
    assert line.level is Level.WARNING
    assert line.says.startswith("Not established from here:")
    assert line.says.endswith("port 25: connection refused.")


@pytest.mark.usefixtures("lab")
def test_the_labs_door_answers_and_says_nothing_of_port_25() -> None:
    with scripted(lambda connection: connection.sendall(b"220 lab ESMTP\r\n")) as url:
        door(make.tenant(cloud="lab"), "127.0.0.1", port_of(url), "contoso.lab.example")
        line = port25.from_here()
    assert line.level is Level.OK
    assert line.says.startswith("Of the lab: contoso.lab.example answers on port")
    assert line.says.endswith("Of port 25 this says nothing.")


@pytest.mark.usefixtures("lab")
def test_a_real_door_goes_before_the_labs(tried: list[Any]) -> None:
    door(make.tenant(cloud="lab"), "127.0.0.1", 2525, "contoso.lab.example")
    line = port25.from_here()
    assert (line.level, line.mend) == (Level.WARNING, "Start the lab, or heal its doors.")
    door(make.tenant("fabrikam"), PUBLIC)
    assert port25.from_here().level is Level.PROBLEM
    assert tried == [("127.0.0.1", 2525), (PUBLIC, 25)]


# ---- from each vantage point -----------------------------------------------------------------


def tries(*ends: str) -> list[dict[str, Any]]:
    """One try a front end, each with its end."""
    return [
        {"host": "x", "address": f"52.101.10.{n}", "transcript": {"ended": end}}
        for n, end in enumerate(ends)
    ]


def place(*answers: tuple[str, list[dict[str, Any]]], cloud: str = "worldwide") -> Line:
    """What is said of a place that was answered like this on its paths."""
    tenant, stranger = make.tenant(cloud=cloud), make.stranger()
    domains = [f"d{n}.example" for n in range(len(answers))]
    rows = make.paths(tenant, stranger, domains, ("foreign",))
    for path, (verdict, found) in zip(rows, answers, strict=True):
        make.answered(path, verdict, NOW, tries=found)
    (line,) = port25.from_places()
    assert line.what == "port 25 from frankfurt"
    return line


IN_VAIN = ("unknown", tries("connect timeout", "connect timeout"))
HALF = ("unknown", tries("connect timeout", "connection refused"))


def test_a_place_that_waits_in_vain_everywhere_is_behind_a_blocked_port() -> None:
    line = place(IN_VAIN, IN_VAIN)
    assert line.level is Level.PROBLEM
    assert "each of the last 2 waited in vain for a connection to every front end" in line.says
    assert line.mend.startswith("Ask the provider of the vantage point frankfurt to unblock")


def test_a_door_that_answers_proves_that_the_way_is_open() -> None:
    line = place(("closed", []), ("open", []), IN_VAIN, HALF)
    assert line.level is Level.OK
    assert line.says.startswith("Open: 2 of its 4 last answers came from a door;")
    assert line.says.endswith("of the last 2 silent ones 1 waited in vain.")


@pytest.mark.parametrize("answers", [[IN_VAIN, HALF], [HALF], [("unknown", [])]])
def test_other_silence_establishes_nothing(answers: list[Any]) -> None:
    line = place(*answers)
    assert (line.level, line.says[:16]) == (Level.WARNING, "Not established:")


def test_a_place_that_has_probed_nothing_yet_establishes_nothing() -> None:
    line = place()
    assert (line.level, line.mend) == (Level.WARNING, "Let it finish a round, then ask again.")


def test_of_the_lab_it_is_said_that_it_is_the_labs() -> None:
    line = place(("closed", []), cloud="lab")
    assert line.says == "Of the lab: Open: 1 of its 1 last answers came from a door."
