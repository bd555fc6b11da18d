"""Whose a domain is: the ID in the issuer and nothing else, within bounds, from one host alone."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from mailposture.adapters.exchange import discovery
from mailposture.adapters.exchange.clouds import lab_cloud
from mailposture.adapters.exchange.errors import ExchangeError
from tests.adapters.exchange.samples import document
from tests.adapters.exchange.scripted import DRIPS, TENANT, Reply, Script, scripted
from tests.labs import Lab

OTHER = "https://login.microsoftonline.us"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Script]:
    with scripted(tmp_path_factory.mktemp("https")) as script:
        yield script


@pytest.fixture
def script(served: Script) -> Script:
    served.replies, served.asked = [], []
    return served


def refused(script: Script, reply: Reply) -> ExchangeError:
    script.replies = [reply]
    with pytest.raises(ExchangeError) as raised:
        discovery.tenant_id(script.cloud, "contoso.com")
    assert raised.value.__cause__ is None
    return raised.value


def issued(issuer: object) -> Reply:
    return Reply(body={"issuer": issuer, "token_endpoint": "https://elsewhere.example/token"})


def test_the_id_is_taken_from_the_issuer_by_one_question(script: Script) -> None:
    script.replies = [issued(f"{script.base}/{TENANT}/v2.0")]
    assert discovery.tenant_id(script.cloud, "contoso.com") == uuid.UUID(TENANT)
    (asked,) = script.asked
    assert (asked.method, asked.path) == (
        "GET",
        "/contoso.com/v2.0/.well-known/openid-configuration",
    )
    assert "authorization" not in asked.headers
    assert "cookie" not in asked.headers


@pytest.mark.parametrize(
    ("issuer", "cause"),
    [
        ("{base}/{{tenantid}}/v2.0", "no-tenant-id"),
        ("{base}/contoso.com/v2.0", "no-tenant-id"),
        ("{base}/common/v2.0", "no-tenant-id"),
        ("{base}/11111111222233334444555555555555/v2.0", "no-tenant-id"),
        (f"{{base}}/{{{{{TENANT}}}}}/v2.0", "no-tenant-id"),
        (f"{{base}}/urn:uuid:{TENANT}/v2.0", "no-tenant-id"),
        (f"{{base}}/{TENANT}/v2.0/", "no-tenant-id"),
        (TENANT, "no-tenant-id"),
        ("", "no-tenant-id"),
        (f"{{base}}/x/{TENANT}/v2.0", "other-cloud"),
        (f"https://evil.example/{TENANT}/v2.0", "other-cloud"),
        (f"{OTHER}/{TENANT}/v2.0", "other-cloud"),
        (f"http://[/{TENANT}/v2.0", "other-cloud"),
        (f"{{base}}/{discovery.PERSONAL}/v2.0", "personal"),
    ],
)
def test_an_issuer_that_is_not_exactly_the_authority_and_an_id_is_refused(
    script: Script, issuer: str, cause: str
) -> None:
    error = refused(script, issued(issuer.format(base=script.base)))
    assert (error.cause, error.permanent) == (cause, True)


@pytest.mark.parametrize("issuer", [None, 7, [], {"x": TENANT}])
def test_an_issuer_that_is_no_text_names_no_tenant(script: Script, issuer: Any) -> None:
    assert refused(script, issued(issuer)).cause == "no-tenant-id"


@pytest.mark.parametrize(
    ("reply", "cause", "permanent"),
    [
        (Reply(400, document("errors/token/tenant_not_found")), "tenant-not-found", True),
        (Reply(404, b"nothing here"), "sign-in-refused", True),
        (Reply(400, [1]), "sign-in-refused", True),
        (Reply(429, b""), "authority-busy", False),
        (Reply(503, b"<html>"), "authority-busy", False),
        (Reply(200, b"<html>"), "no-tenant-id", True),
        (Reply(200, [1]), "no-tenant-id", True),
        (Reply(200, b"[" * 100_000), "no-tenant-id", True),
        (Reply(302, headers={"Location": f"{OTHER}/x"}), "redirect-refused", True),
        (Reply(200, b" " * (discovery.BIGGEST_BODY + 1)), "too-big", True),
        (Reply(200, b"x", headers={"Content-Encoding": "gzip"}), "encoding-refused", True),
    ],
)
def test_an_answer_that_is_no_discovery_has_its_name_and_is_asked_for_once(
    script: Script, reply: Reply, cause: str, permanent: bool
) -> None:
    error = refused(script, reply)
    assert (error.cause, error.permanent) == (cause, permanent)
    assert len(script.asked) == 1


@pytest.mark.parametrize("begin", DRIPS)
def test_an_authority_that_drips_for_ever_is_left(
    script: Script, monkeypatch: pytest.MonkeyPatch, begin: bytes
) -> None:
    monkeypatch.setattr(discovery, "WHOLE_ANSWER", 0.3)
    began = time.monotonic()
    error = refused(script, Reply(dripping=begin))
    assert (error.cause, error.says) == ("authority-unreachable", "No answer in time.")
    assert time.monotonic() - began < 3


def test_nobody_there_is_said_without_the_address(script: Script) -> None:
    nobody = lab_cloud(
        {
            "authority": "https://127.0.0.1:1",
            "api": "https://127.0.0.1:1",
            "ca": script.cloud.ca,
            "smtp_port": 25,
        }
    )
    with pytest.raises(ExchangeError) as raised:
        discovery.tenant_id(nobody, "contoso.com")
    assert (raised.value.cause, raised.value.says) == (
        "authority-unreachable",
        "The connection failed.",
    )


def test_every_domain_of_every_tenant_of_the_lab_leads_to_its_id(lab: Lab) -> None:
    cloud = lab_cloud(lab.facts)
    found = {
        (story["slug"], domain): str(discovery.tenant_id(cloud, domain))
        for story in lab.facts["tenants"]
        for domain in story["domains"]
    }
    assert len(found) >= len(lab.facts["tenants"]) > 5
    assert found == {(slug, domain): lab.tenant(slug)["tenant_id"] for slug, domain in found}


def test_a_domain_of_nobody_is_refused_with_the_authority_s_own_words(lab: Lab) -> None:
    with pytest.raises(ExchangeError) as raised:
        discovery.tenant_id(lab_cloud(lab.facts), "nobody.example")
    assert raised.value.cause == "tenant-not-found"
    assert raised.value.says.startswith("AADSTS90002")
