"""The MX that Exchange Online expects: asked domain by domain, believed only for a mail name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailposture.adapters.exchange import expected
from mailposture.adapters.exchange.envelope import Page
from mailposture.adapters.exchange.reader import expected_mx
from tests.adapters.exchange.scripted import CREDENTIAL, Clock, Numbered, Reply, Script, scripted
from tests.adapters.exchange.scripted import rows as answered
from tests.adapters.exchange.test_against_lab import Reading
from tests.lab.door import running

SUFFIXES = ("mail.protection.outlook.com", "mx.microsoft")
SIGNED = "contoso-com.e-v1.mx.microsoft"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Script]:
    with scripted(tmp_path_factory.mktemp("https")) as script:
        yield script


@pytest.fixture
def script(served: Script) -> Script:
    served.replies, served.asked = [], []
    return served


def record(text: object) -> dict[str, Any]:
    return {"ExpectedMxRecord": {"Record": text}}


def asked(script: Script, *domains: str) -> dict[str, str]:
    return expected_mx(script.cloud, CREDENTIAL, domains, waits=Clock().waits(), tokens=Numbered())


@pytest.mark.parametrize(
    ("row", "host"),
    [
        (record(f"@ 60 IN MX 10 {SIGNED}"), SIGNED),
        (record(f"contoso.com. 3600 IN MX 0 {SIGNED.upper()}."), SIGNED),
        ({"ExpectedMxRecord": f"@ 60 IN MX 10 {SIGNED}"}, SIGNED),
        # No mail name of this cloud, or no record at all.
        (record("@ 60 IN MX 10 mx.example.com"), None),
        (record("@ 60 IN MX 10 mx.microsoft"), None),
        (record("@ 60 IN MX 10 127.0.0.1"), None),
        (record("@ 60 IN MX 10 evil.example\r\nmx.microsoft"), None),
        (record(SIGNED), None),
        (record(None), None),
        ({"ExpectedMxRecord": [SIGNED]}, None),
        ({}, None),
    ],
)
def test_a_host_is_read_where_it_is_a_mail_name(row: dict[str, Any], host: str | None) -> None:
    assert expected.expected(Page(rows=(row,)), SUFFIXES) == host


def test_each_domain_is_a_call_and_only_so_many_are_asked(script: Script) -> None:
    script.replies = [answered(record(f"@ 60 IN MX 10 {SIGNED}"))]
    names = [f"d{n}.example" for n in range(100)]
    found = asked(script, *names)
    assert found == dict.fromkeys(names[: expected.MOST_DOMAINS], SIGNED)
    assert len(script.asked) == expected.MOST_DOMAINS
    assert b'"DomainName": "d0.example"' in script.asked[0].body


@pytest.mark.parametrize("status", [400, 403, 404])
def test_where_it_may_not_be_asked_nothing_is_said_and_nobody_asks_on(
    script: Script, status: int
) -> None:
    script.replies = [Reply(status=status, body={"error": {"message": "No."}})]
    assert asked(script, "contoso.com", "contoso.net") == {}
    assert len(script.asked) <= 2  # a role may be newer than the token: once, a new one


def test_the_lab_names_the_entrance_in_the_signed_zone(tmp_path: Path) -> None:
    with running(tmp_path) as door:
        reading = Reading(door, "northwind")
        domains = ("nowhere.example", "northwindtraders.com", "northwind.onmicrosoft.com")
        found = expected_mx(
            reading.cloud,
            reading.credential,
            domains,
            waits=reading.clock.waits(),
            tokens=reading.tokens,
        )
    assert found == {
        "northwindtraders.com": "northwindtraders-com.o-v1.mx.microsoft",
        "northwind.onmicrosoft.com": "northwind-onmicrosoft-com.mail.protection.outlook.com",
    }
