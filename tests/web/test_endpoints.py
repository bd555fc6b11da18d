"""The page of an observation says how its endpoint was found and what proves that it is one."""

from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import time_machine

from mailposture import models
from tests import factories
from tests.factories import NOW, ago
from tests.web import fleet_rows as rows
from tests.web.fleet_rows import page, words

pytestmark = pytest.mark.django_db
DASH = "contoso-com.mail.protection.outlook.com"
PROOF = {"banner": "ams.outlook.com", "hello": "203.0.113.9", "certificate": "mx.outlook.com"}


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def observed(**fields: Any) -> models.Observation:
    (path, *_) = factories.paths(factories.tenant("contoso"), factories.stranger())
    return factories.answered(path, "open", ago(hours=1), **fields)


def shown(row: models.Observation) -> str:
    return unescape(words(page(rows.signed_in(staff=False), f"/observations/{row.pk}/")))


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        (
            {"found_by": "mx", "proof": PROOF, "proved_at": ago(minutes=5)},
            ("Found by the domain's MX Proved 25 Nov 07:57 UTC, by certificate mx.outlook.com, "
             "banner ams.outlook.com and Hello [203.0.113.9]"),
        ),
        (
            {"found_by": "expected", "elsewhere_at": ago(minutes=5)},
            ("Found by Exchange Online: the MX that it expects Proved not yet "
             "Leads elsewhere since 25 Nov 07:57 UTC (4.4.62)"),
        ),
        (
            {"found_by": "dash", "proof": {"banner": "x<b>"}, "proved_at": ago(minutes=5),
             "missing_since": ago(minutes=4)},
            ("the domain with dashes Proved 25 Nov 07:57 UTC, by banner x<b> "
             "Name missing since 25 Nov 07:58 UTC"),
        ),
    ],
)  # fmt: skip
def test_an_endpoint_is_shown_with_its_proof(endpoint: dict[str, Any], says: str) -> None:
    row = observed()
    row.path.tenant.endpoints.create(
        domain="contoso.com", host=DASH, first_seen_at=ago(days=1), **endpoint
    )
    assert says in shown(row)


def test_an_endpoint_that_is_no_more_is_named_alone() -> None:
    found = shown(observed())
    assert DASH in found
    assert "Found by" not in found


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("203.0.113.9", "Source seen 203.0.113.9, declared 198.51.100.7"),
        ("198.51.100.7", "Source seen 198.51.100.7"),
    ],
)
def test_the_address_that_the_server_saw_is_the_one_that_was_tested(source: str, says: str) -> None:
    found = shown(observed(source=source))
    assert says in found
    assert ("declared" in found) is ("declared" in says)
