"""Uploading a certificate to an app of the lab: what is taken, what is refused, what is kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from mailposture.lab import client, registering, store
from mailposture.lab.scenes import SceneError, play
from mailposture.lab.stories import new_world
from mailposture.lab.world import World
from tests.lab.door import client_certificate
from tests.lab.hosts import Facts, Stage

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def pair() -> tuple[str, str]:
    return client_certificate("Mailposture")


@pytest.fixture
def world() -> World:
    return new_world()


def give(world: World, certificate: str, tenant: str = "contoso", now: datetime = NOW) -> str:
    return registering.register(world, {"tenant": tenant, "certificate": certificate}, now)


def kept(world: World) -> tuple[str, ...]:
    tenant = world.by_slug("contoso")
    assert tenant is not None
    return tenant.registration.certificates


def elliptic() -> str:
    return trustme.CA().issue_cert("app.example.com").cert_chain_pems[0].bytes().decode()


def test_it_is_named_as_entra_names_it_and_known_once(world: World, pair: tuple[str, str]) -> None:
    read = x509.load_pem_x509_certificate(pair[1].encode())
    name = read.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303
    assert give(world, pair[1]) == f"Contoso's app knows the certificate {name}."
    assert give(world, pair[1]) == f"Contoso's app knows the certificate {name} already."
    assert kept(world) == (pair[1],)


def test_what_is_no_public_part_is_refused_by_name(world: World, pair: tuple[str, str]) -> None:
    for given, why in (
        ("", "no certificate in PEM"),
        ("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----", "no certificate"),
        (pair[0] + pair[1], "a private key; give the public part alone"),
        (pair[1] * 2, "2 certificates in it"),
        (elliptic(), "must be RSA, of 2048 bits or more"),
    ):
        with pytest.raises(SceneError, match=why):
            give(world, given)
    with pytest.raises(SceneError, match='no tenant "nobody"'):
        give(world, pair[1], "nobody")
    with pytest.raises(SceneError, match="expired on"):
        give(world, pair[1], now=NOW + timedelta(days=31))
    assert kept(world) == ()


def test_the_oldest_gives_way_where_there_are_many(
    world: World, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registering, "MOST", 2)
    others = [client_certificate(f"number {n}")[1] for n in range(2)]
    for one in (pair[1], *others):
        give(world, one)
    assert kept(world) == tuple(others)


def test_it_outlives_a_restart_and_the_reset_of_the_story(
    world: World, pair: tuple[str, str], tmp_path: Path
) -> None:
    give(world, pair[1])
    play(world, "reset", "contoso", NOW)
    store.save(tmp_path, world, {})
    assert kept(store.load(tmp_path)[0]) == (pair[1],)


def test_the_control_takes_it_and_says_what_is_wrong(
    facts: Facts, stage: Stage, pair: tuple[str, str]
) -> None:
    del stage
    said = client.ask(facts, "/certificate", {"tenant": "tailspin", "certificate": pair[1]})
    assert said["changed"].startswith("Tailspin's app knows the certificate ")
    with pytest.raises(client.ControlError, match="no certificate in PEM"):
        client.ask(facts, "/certificate", {"tenant": "tailspin", "certificate": "x"})
    with pytest.raises(client.ControlError, match="takes POST"):
        client.ask(facts, "/certificate")
