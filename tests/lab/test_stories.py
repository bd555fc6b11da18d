"""Every story answers as its table says: by the lab's rules, and on the wire as the core judges."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from mailposture.adapters import smtp
from mailposture.adapters.dns import Endpoint, Resolver, endpoints
from mailposture.core.verdict import Cause, Judgement, SenderClass, Trust, Verdict, agree, judge
from mailposture.lab import client
from mailposture.lab.decide import Session, decide
from mailposture.lab.reading import read
from mailposture.lab.replies import RECIPIENT
from mailposture.lab.scenes import SCENES
from mailposture.lab.stories import new_world
from mailposture.lab.world import STRANGER
from tests.lab.hosts import Facts, Stage, said
from tests.lab.storybook import DEFAULTS, DIRECT, IN, LOCKED, NOBODY, ROWS, Row

PROVES = {
    IN: Verdict.OPEN,
    LOCKED: Verdict.CLOSED,
    DIRECT: Verdict.CLOSED,
    NOBODY: Verdict.UNKNOWN,
}


class Asked(NamedTuple):
    """One question to a story's doors."""

    tenant: str
    source: str
    domain: str
    sender_class: str


def asked_by(row: Row) -> list[Asked]:
    return [
        Asked(row.tenant, row.source, domain, sender_class)
        for domain in row.domains
        for sender_class in row.classes
    ]


def sender(asked: Asked) -> str:
    names = {"foreign": "postmaster@probe.example", "own": f"postmaster@{asked.domain}"}
    return names.get(asked.sender_class, "")


type Answers = dict[Asked, Judgement]

QUESTIONS = sorted({asked for row in ROWS for asked in asked_by(row)})


def test_the_table_asks_every_host_for_every_domain_with_every_class_of_sender() -> None:
    wanted = {
        Asked(tenant.slug, source, domain, sender_class)
        for tenant in new_world().tenants
        for source in ["stranger", *(source.kind for source in tenant.sources)]
        for domain in tenant.domains
        for sender_class in ("foreign", "own", "null")
    }
    assert set(QUESTIONS) == wanted


def test_the_table_says_one_thing_only_and_rests_on_known_defaults() -> None:
    answers = defaultdict(set)
    for row in ROWS:
        for asked in asked_by(row):
            answers[asked].add(row.answer)
    assert [asked for asked, said in answers.items() if len(said) != 1] == []
    assert {row.rests_on for row in ROWS} - DEFAULTS == {""}


def session(asked: Asked) -> Session:
    tenant = new_world().by_slug(asked.tenant)
    assert tenant is not None
    host = next((source for source in tenant.sources if source.kind == asked.source), None)
    shown = host.certificate_name if host else None
    return Session(
        address=host.address if host else STRANGER,
        tls=True,
        mail_from=sender(asked),
        rcpt_to=f"postmaster@{asked.domain}",
        certificate=frozenset({shown} if shown else ()),
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.tenant}-{row.source}-{row.rests_on}")
def test_the_rules_decide_as_the_story_says_and_name_what_that_rests_on(row: Row) -> None:
    everyone = [read(tenant) for tenant in new_world().tenants]
    for asked in asked_by(row):
        answer = decide(everyone, session(asked))
        assert RECIPIENT[answer.outcome].startswith(f"{row.answer} ")
        assert row.rests_on in {*answer.assumes, ""}


@pytest.fixture(scope="module")
def doors(facts: Facts) -> dict[str, Endpoint]:
    """The first door of every domain, as the product finds it in the lab's DNS."""
    resolver = Resolver(facts["resolver"])
    return {domain: endpoints(domain, resolver)[0] for domain in {q.domain for q in QUESTIONS}}


def orders(facts: Facts, asked: Asked, door: Endpoint) -> list[smtp.Order]:
    """One conversation for each front end."""
    tenant = next(t for t in facts["tenants"] if t["slug"] == asked.tenant)
    host: Facts = next((s for s in tenant["sources"] if s["kind"] == asked.source), {})
    certificate = host.get("certificate")
    return [
        smtp.Order(
            address=address,
            port=facts["smtp_port"],
            host=door.host,
            ehlo="probe.example",
            mail_from=sender(asked),
            rcpt_to=f"postmaster@{asked.domain}",
            source=host.get("address", facts["stranger"]),
            certificate=Path(certificate) if certificate else None,
        )
        for address in door.addresses
    ]


def knock(facts: Facts, questions: Sequence[Asked], doors: Mapping[str, Endpoint]) -> Answers:
    """Ask the doors, all at once, and give what the core makes of each answer."""
    planned = [
        (asked, one) for asked in questions for one in orders(facts, asked, doors[asked.domain])
    ]
    heard = smtp.run(smtp.converse_all([order for _, order in planned], at_once=32))
    found: dict[Asked, list[Judgement]] = defaultdict(list)
    for (asked, _), transcript in zip(planned, heard, strict=True):
        found[asked].append(judge(SenderClass(asked.sender_class), transcript, Trust(lab=True)))
    return {asked: agree(each, addresses=len(each)) for asked, each in found.items()}


@pytest.fixture(scope="module")
def answers(facts: Facts, doors: dict[str, Endpoint]) -> Answers:
    """What every story answers every host, before any scene."""
    return knock(facts, QUESTIONS, doors)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.tenant}-{row.source}-{row.rests_on}")
def test_the_wire_answers_as_the_story_says_and_the_core_judges_it_so(
    answers: Answers, row: Row
) -> None:
    for asked in asked_by(row):
        judgement = answers[asked]
        assert (judgement.code, judgement.verdict) == (row.answer, PROVES[row.answer])
        assert judgement.front_ends == 2


def test_a_door_of_the_signed_zone_is_found_without_a_credential(
    doors: dict[str, Endpoint],
) -> None:
    found = doors["northwindtraders.com"]
    assert (found.host, found.found_by) == ("northwindtraders-com.o-v1.mx.microsoft", "dnssec")
    assert {door.found_by for door in doors.values()} == {"dash", "mx", "dnssec"}


def test_a_named_recipient_ends_what_a_missing_postmaster_left_unknown(stage: Stage) -> None:
    with stage.secure("127.0.17.20") as host:
        host.mail("a@probe.example")
        assert said(host.rcpt("postmaster@wingtiptoys.com")).startswith(NOBODY)
        assert said(host.rcpt("info@wingtiptoys.com")).startswith(IN)
    told = stage.state("wingtip")
    assert told["instead_of_postmaster"] == {"wingtiptoys.com": "info@wingtiptoys.com"}


# ---- what scenes and faults make of a story ------------------------------------------------

STRANGE = Asked("tailspin", "stranger", "tailspin.com", "foreign")


@pytest.mark.parametrize("slug", ["fabrikam", "northwind"])
def test_a_renewed_certificate_cuts_the_hybrid_server_off_until_the_old_one_is_back(
    stage: Stage, doors: dict[str, Endpoint], slug: str
) -> None:
    asked = Asked(slug, "hybrid", f"{slug}.com", "foreign")

    def fares() -> tuple[str | None, Verdict]:
        found = knock(stage.facts, [asked], doors)[asked]
        return found.code, found.verdict

    before = fares()
    assert "mail." in stage.scene("renew-certificate", slug)
    assert stage.state(slug)["shows"] == f"mail.{slug}.example"
    assert (before, fares()) == ((IN, Verdict.OPEN), (LOCKED, Verdict.CLOSED))
    assert "already" in stage.scene("renew-certificate", slug)
    assert "again" in stage.scene("restore-certificate", slug)
    assert fares() == before


def test_a_renewal_leaves_a_tenant_without_a_lock_as_open_as_it_was(
    stage: Stage, doors: dict[str, Endpoint]
) -> None:
    stage.scene("renew-certificate", "contoso")
    asked = Asked("contoso", "hybrid", "contoso.com", "foreign")
    assert knock(stage.facts, [asked], doors)[asked].verdict is Verdict.OPEN


@pytest.mark.parametrize(
    ("trouble", "cause", "code"),
    [
        ("throttle", Cause.THROTTLED, "451 4.7.500"),
        ("break-front-end", Cause.FRONT_ENDS_DISAGREE, "250 2.1.5"),
        ("wrong-region", Cause.WRONG_ENTRANCE, "451 4.4.62"),
        ("second-tenant", Cause.TEMPORARY, "452 4.5.3"),
    ],
)
def test_trouble_proves_nothing_and_a_reset_ends_it(
    stage: Stage, doors: dict[str, Endpoint], trouble: str, cause: Cause, code: str
) -> None:
    play = stage.scene if trouble in SCENES else lambda name, slug: stage.fault(slug, name)
    assert play(trouble, "tailspin")
    found = knock(stage.facts, [STRANGE], doors)[STRANGE]
    assert (found.verdict, found.cause, found.code) == (Verdict.UNKNOWN, cause, code)
    stage.scene("reset", "tailspin")
    assert knock(stage.facts, [STRANGE], doors)[STRANGE].verdict is Verdict.OPEN


def test_a_lock_by_name_is_widened_to_every_customer_of_the_vendor(stage: Stage) -> None:
    assert "*.gateway.example" in stage.scene("widen", "northwind")
    assert "already" in stage.scene("widen", "northwind")
    lock = next(c for c in stage.state("northwind")["connectors"] if "Lock" in c["name"])
    assert (lock["certificate"], lock["addresses"]) == ("*.gateway.example", [])


@pytest.mark.parametrize(
    ("scene", "tenant", "why"),
    [
        ("renew-certificate", "adatum", "has no hybrid server"),
        ("restore-certificate", "wingtip", "has no hybrid server"),
        ("expire", "fabrikam", "is read with a certificate"),
        ("widen", "wingtip", "has no lock-down connector"),
    ],
)
def test_a_scene_that_does_not_fit_says_why(
    stage: Stage, scene: str, tenant: str, why: str
) -> None:
    assert scene not in stage.state(tenant)["scenes"]
    with pytest.raises(client.ControlError, match=why):
        stage.scene(scene, tenant)


@pytest.mark.parametrize(
    ("scene", "tenant", "wire"),
    [
        ("reset", "contoso", "open"),
        ("reset", "fabrikam", "closed"),
        ("reset", "litware", "partly"),
        ("reset", "adatum", "open"),
        ("reset", "wingtip", "open"),
        ("unlock", "northwind", "open"),
        ("contradict", "fabrikam", "open"),
        ("lock", "wingtip", "closed"),
        ("lock", "adatum", "closed"),
        ("unlock", "litware", "open"),
    ],
)
def test_the_lab_reckons_what_a_stranger_must_find(
    stage: Stage, scene: str, tenant: str, wire: str
) -> None:
    stage.scene(scene, tenant)
    assert stage.state(tenant)["wire"] == wire
