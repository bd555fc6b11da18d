"""The whole reading against the lab: real HTTPS, real msal, every grant and every fault."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mailposture.adapters.exchange.checking import Grants, check
from mailposture.adapters.exchange.client import TRIES
from mailposture.adapters.exchange.clouds import Cloud, lab_cloud
from mailposture.adapters.exchange.credential import Certificate, Credential
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.reader import Fetched, fetch
from mailposture.adapters.exchange.tokens import Tokens
from mailposture.core import codec
from mailposture.core.configuration import (
    PARTS,
    Configuration,
    ConnectorType,
    PartStatus,
    RejectDirectSend,
)
from mailposture.core.diff import compare
from tests.adapters.exchange.scripted import Clock
from tests.lab.door import Door, client_certificate, running

READ = tuple(name for name in PARTS if name != "domain_facts")
SECURITY_READER = "5d6b6bb7-de71-4623-b4af-96380a352509"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with running(tmp_path_factory.mktemp("lab")) as door:
        yield door


@pytest.fixture
def door(served: Door) -> Door:
    served.fresh()
    return served


@pytest.fixture(scope="module")
def pair() -> Certificate:
    private_key, certificate = client_certificate("reader")
    return Certificate(private_key=private_key, certificate=certificate)


class Reading:
    """One tenant of the lab, read with tokens and a clock of its own."""

    def __init__(self, door: Door, slug: str = "contoso") -> None:
        self.tenant = door.tenant(slug)
        self.tokens, self.clock = Tokens(), Clock()
        self.cloud: Cloud = lab_cloud(
            {
                "authority": door.served.authority_url,
                "api": door.served.api_url,
                "ca": str(door.session.verify),
                "smtp_port": 2525,
            }
        )
        self.credential = Credential(
            tenant_id=self.tenant.tenant_id,
            client_id=self.tenant.registration.client_id,
            secret=self.tenant.registration.client_secret or "none",
        )

    def fetch(self, **waits: Any) -> Configuration:
        seen = self.again((), **waits).configuration
        assert seen is not None
        return seen

    def again(self, known: Sequence[str], **waits: Any) -> Fetched:
        patience = self.clock.waits(**waits)
        return fetch(self.cloud, self.credential, waits=patience, tokens=self.tokens, known=known)

    def check(self, **waits: Any) -> Grants:
        return check(
            self.cloud, self.credential, waits=self.clock.waits(**waits), tokens=self.tokens
        )

    def refused(self) -> ExchangeError:
        with pytest.raises(ExchangeError) as raised:
            self.fetch()
        return raised.value


def statuses(seen: Configuration) -> dict[str, PartStatus]:
    return {part.name: part.status for part in seen.parts}


# ---- a tenant that can be read -----------------------------------------------------------


def test_a_tenant_is_read_whole_with_a_secret(door: Door) -> None:
    seen = Reading(door).fetch()
    assert statuses(seen) == dict.fromkeys(READ, PartStatus.OK)
    assert seen.not_known == ("domain_facts",)
    assert "contoso.com" in seen.domains
    assert seen.inbound_connectors is not None
    (wizard,) = seen.inbound_connectors
    assert wizard.connector_type is ConnectorType.ON_PREMISES
    assert seen.organization is not None
    assert seen.organization.reject_direct_send is RejectDirectSend.NOT_CONFIGURED


def test_a_tenant_is_read_whole_with_a_certificate(door: Door, pair: Certificate) -> None:
    reading = Reading(door, "fabrikam")
    reading.tenant.registration.certificate = pair.certificate
    reading.credential = replace(reading.credential, secret="", certificate=pair)
    seen = reading.fetch()
    assert statuses(seen) == dict.fromkeys(READ, PartStatus.OK)
    assert seen.inbound_connectors is not None
    assert [c.demands_proof for c in seen.inbound_connectors].count(True) == 1


def test_a_second_fetch_sees_the_same_and_signs_in_no_more(door: Door) -> None:
    reading = Reading(door)
    first = reading.fetch()
    token = reading.tokens.token(reading.cloud, reading.credential)
    second = reading.fetch()
    assert compare(first, second) == []
    assert codec.digest(first) == codec.digest(second)
    assert reading.tokens.token(reading.cloud, reading.credential) == token


def test_a_connector_that_is_turned_off_is_a_change_with_its_sentence(door: Door) -> None:
    reading = Reading(door, "proseware")
    reading.tenant.registration.wids = door.tenant("contoso").registration.wids
    before = reading.fetch()
    row = reading.tenant.connectors[0]
    row["Enabled"] = False
    (found,) = compare(before, reading.fetch())
    assert found.sentence == f"{row['Name']} was turned off"


def test_answers_that_are_known_are_not_read_again_until_one_of_them_moves(door: Door) -> None:
    reading = Reading(door)
    first = reading.again(())
    assert len(first.marks) == len(READ) + 1  # outbound connectors are asked for twice
    assert reading.again(first.marks) == Fetched(configuration=None, marks=first.marks)
    reading.tenant.connectors[0]["Comment"] = "moved"
    moved = reading.again(first.marks)
    assert moved.configuration is not None
    assert moved.configuration.inbound_connectors is not None
    assert moved.configuration.inbound_connectors[0].comment == "moved"
    assert moved.configuration.accepted_domains == reading.fetch().accepted_domains
    assert len(set(first.marks) - set(moved.marks)) == 1


def test_what_was_refused_is_never_known_again(door: Door) -> None:
    reading = Reading(door, "proseware")
    refused = reading.again(())
    assert refused.marks == ()
    again = reading.again(refused.marks).configuration
    assert again is not None
    assert statuses(again) == dict.fromkeys(READ, PartStatus.FORBIDDEN)


# ---- what may be missing of the grant ----------------------------------------------------


def test_a_good_credential_has_both_halves(door: Door) -> None:
    found = Reading(door).check()
    assert found.complete
    assert [found.token.ok, found.app_role.ok, found.directory_role.ok] == [True, True, True]


def test_without_the_directory_role_every_part_is_forbidden_and_none_is_empty(door: Door) -> None:
    reading = Reading(door, "proseware")
    seen = reading.fetch()
    assert statuses(seen) == dict.fromkeys(READ, PartStatus.FORBIDDEN)
    assert [getattr(seen, name) for name in READ] == [None] * len(READ)


def test_a_check_says_that_the_directory_role_is_missing(door: Door) -> None:
    found = Reading(door, "proseware").check()
    assert (found.token.ok, found.app_role.ok) == (True, True)
    assert found.directory_role.ok is False
    assert "isn't supported in this scenario" in found.directory_role.says
    assert "View-Only Configuration" in found.directory_role.fix


def test_a_check_says_that_security_reader_is_not_enough(door: Door) -> None:
    reading = Reading(door)
    reading.tenant.registration.wids = (SECURITY_READER,)
    found = reading.check()
    assert found.directory_role.ok is False
    assert found.directory_role.fix.startswith("Security Reader may not read connectors.")
    seen = reading.fetch()
    assert statuses(seen)["inbound_connectors"] is PartStatus.FORBIDDEN
    assert statuses(seen)["transport_rules"] is PartStatus.OK
    assert seen.inbound_connectors is None
    assert seen.transport_rules


def test_a_check_says_that_the_app_role_is_missing(door: Door) -> None:
    reading = Reading(door)
    reading.tenant.registration.roles = ()
    found = reading.check()
    assert (found.token.ok, found.app_role.ok) == (True, False)
    assert found.app_role.says == "The token carries no role."
    assert "Exchange.ManageAsApp" in found.app_role.fix
    assert found.directory_role.ok is None
    assert reading.refused().cause == "token-refused"


def test_a_check_sees_a_grant_that_was_made_since_the_last_token(door: Door) -> None:
    reading = Reading(door, "proseware")
    assert not reading.check().complete
    reading.tenant.registration.wids = door.tenant("contoso").registration.wids
    assert reading.check().complete


def test_a_fetch_sees_a_grant_that_was_made_since_its_token(door: Door) -> None:
    reading = Reading(door, "proseware")
    assert reading.fetch().inbound_connectors is None
    reading.tenant.registration.wids = door.tenant("contoso").registration.wids
    assert reading.fetch().inbound_connectors is not None


def wrong_secret(reading: Reading, pair: Certificate) -> None:
    reading.credential = replace(reading.credential, secret="another")


def expired_secret(reading: Reading, pair: Certificate) -> None:
    reading.tenant.registration.secret_expired = True


def unknown_app(reading: Reading, pair: Certificate) -> None:
    unknown = "00000000-1111-2222-3333-444444444444"
    reading.credential = replace(reading.credential, client_id=unknown)


def unknown_tenant(reading: Reading, pair: Certificate) -> None:
    reading.credential = replace(reading.credential, tenant_id="nobody.onmicrosoft.com")


def wrong_cloud(reading: Reading, pair: Certificate) -> None:
    reading.cloud = replace(reading.cloud, resource="https://outlook.office365.us")


def wrong_certificate(reading: Reading, pair: Certificate) -> None:
    reading.credential = replace(reading.credential, secret="", certificate=pair)


@pytest.mark.parametrize(
    ("spoil", "cause", "code"),
    [
        (wrong_secret, "secret-wrong", "AADSTS7000215"),
        (expired_secret, "secret-expired", "AADSTS7000222"),
        (unknown_app, "app-not-consented", "AADSTS700016"),
        (unknown_tenant, "tenant-not-found", "AADSTS90002"),
        (wrong_cloud, "resource-not-found", "AADSTS500011"),
        (wrong_certificate, "certificate-wrong", "AADSTS700027"),
    ],
)
def test_a_refused_sign_in_has_its_cause_and_its_fix(
    door: Door, pair: Certificate, spoil: Any, cause: str, code: str
) -> None:
    reading = Reading(door)
    spoil(reading, pair)
    error = reading.refused()
    assert (error.cause, error.permanent) == (cause, True)
    assert error.says.startswith(code)
    assert str(reading.credential.secret or "----") not in str(error)
    step = reading.check().token
    assert (step.ok, step.cause) == (False, cause)
    assert step.fix


def test_a_secret_put_right_counts_at_once(door: Door, pair: Certificate) -> None:
    # msal remembers a refusal for a minute: forgetting must reach that too.
    reading = Reading(door)
    expired_secret(reading, pair)
    assert reading.check().token.ok is False
    reading.tenant.registration.secret_expired = False
    assert reading.check().complete


def test_neither_secret_nor_token_is_logged(
    door: Door, pair: Certificate, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    reading = Reading(door)
    reading.fetch()
    token = reading.tokens.token(reading.cloud, reading.credential)
    reading.check()
    wrong_certificate(reading, pair)
    reading.refused()
    assert caplog.text
    secret = reading.tenant.registration.client_secret
    assert secret is not None
    key = pair.private_key.splitlines()[1]
    assert [hidden for hidden in (secret, token, key) if hidden in caplog.text] == []


# ---- faults ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "slept"),
    [
        ("429:2", [2.0]),
        ("503:1", [1.0]),
        ("500", [1.0]),
        ("concurrency:400", [1.0]),
        ("html", [1.0]),
        ("redirect", []),
        ("401", []),
    ],
)
def test_a_fault_that_passes_leaves_no_trace(door: Door, fault: str, slept: list[float]) -> None:
    door.fault(fault, "Get-InboundConnector")
    reading = Reading(door)
    assert statuses(reading.fetch()) == dict.fromkeys(READ, PartStatus.OK)
    assert reading.clock.slept == slept


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("403", PartStatus.FORBIDDEN, "role-missing (403)"),
        ("403-text", PartStatus.FORBIDDEN, "isn't supported in this scenario"),
        ("403-json", PartStatus.FORBIDDEN, "is not present in the role definition"),
        ("401", PartStatus.FORBIDDEN, "token-refused (401)"),
        ("503:1", PartStatus.FAILED, "unavailable (503)"),
        ("429:3600", PartStatus.FAILED, "throttled (429)"),
        ("500", PartStatus.FAILED, "transient (500)"),
        ("concurrency:503", PartStatus.FAILED, "maximum number of concurrent"),
        ("html", PartStatus.FAILED, "not-json (200)"),
        ("no-value", PartStatus.FAILED, "value-absent (200)"),
        ("truncated", PartStatus.TRUNCATED, "further pages"),
        ("redirect:https://evil.example/x", None, "redirect-refused"),
    ],
)
def test_a_fault_that_stays_is_said_by_its_part_and_spares_the_others(
    door: Door, fault: str, status: PartStatus | None, words: str
) -> None:
    door.fault(fault, "Get-AcceptedDomain", times=None)
    seen = Reading(door).fetch()
    part = seen.part("accepted_domains")
    assert part is not None
    assert part.status is (status or PartStatus.FAILED)
    assert words in part.error
    assert seen.accepted_domains is None
    others = [name for name in READ if name != "accepted_domains"]
    assert all(seen.knows(name) for name in others)


def test_a_tenant_where_nothing_answers_is_an_error_of_the_whole_fetch(door: Door) -> None:
    door.fault("503:1", times=None)
    error = Reading(door).refused()
    assert (error.cause, error.permanent) == ("unavailable", False)


def test_a_server_that_hangs_does_not_hold_the_fetch(door: Door) -> None:
    door.fault("hang", "Get-InboundConnector", times=None)
    reading = Reading(door)
    with pytest.raises(ExchangeError) as raised:
        reading.fetch(silence=0.1)
    assert (raised.value.cause, raised.value.permanent) == ("timeout", False)
    assert len(reading.clock.slept) == TRIES - 1


def test_a_preflight_that_fails_leaves_the_word_to_the_call(door: Door) -> None:
    door.fault("503:1", "EXOModuleFile", times=None)
    assert Reading(door).check().complete


def test_a_check_of_a_service_that_is_down_blames_no_grant(door: Door) -> None:
    door.fault("503:1", times=None)
    found = Reading(door).check()
    assert (found.token.ok, found.app_role.ok) == (True, True)
    assert found.directory_role.ok is None
    assert found.directory_role.fix == "Try again in some minutes."
