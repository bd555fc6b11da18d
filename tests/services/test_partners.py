"""Partners, whom a connector names as senders: each is asked by itself, at every domain."""

from dataclasses import replace
from typing import Any

import pytest

from mailposture import models
from mailposture.core import inpart
from mailposture.core.alerting import Level, severed
from mailposture.core.configuration import Configuration, PartStatus
from mailposture.core.states import State
from mailposture.services import judging, paths, planning, predicting
from mailposture.services.pages import answers, fleet_words, matrix
from tests import factories as make
from tests.factories import NOW
from tests.services.results import CLOSED, LOCKED, TAKEN, result
from tests.services.rounds import claim

pytestmark = pytest.mark.django_db

# Turned on, for one partner, without a proof to show.
LOOSE = {
    "guid": "6d0b3f5e-0000-4000-8000-000000000001",
    "name": "From Fabrikam",
    "sender_domains": ("fabrikam.com",),
    "sender_ip_addresses": (),
    "restrict_domains_to_ip_addresses": False,
}
DIRECT_SEND = b"550 5.7.68 TenantInboundAttribution; Direct Send not allowed here\r\n"


def loose(**fields: Any) -> Any:
    return make.lock(**{**LOOSE, **fields})


@pytest.fixture
def tenant(settings: Any) -> models.Tenant:
    """A tenant with a stranger and two domains, not yet read."""
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.contoso.com"
    found = make.tenant(probe_due_at=NOW, probe_every=3600)
    make.stranger()
    found.endpoints.create(
        domain="contoso.com",
        host="contoso-com.mail.protection.outlook.com",
        found_by="dash",
        first_seen_at=NOW,
    )
    return found


def read(of: models.Tenant, *connectors: Any, domains: Any = ("contoso.com",)) -> Configuration:
    seen = make.configuration(*connectors, domains=domains)
    make.snapshot(of, seen, make.ago(days=1))
    return seen


def asked(of: models.Tenant) -> set[tuple[str, str]]:
    """Domain and partner of each path that is asked."""
    rows = of.paths.filter(sender_class="partner", retired_at=None)
    return set(rows.values_list("domain", "sender_domain"))


@pytest.mark.parametrize(
    ("names", "partners"),
    [
        (("*",), set()),
        (("fabrikam.com",), {"fabrikam.com"}),
        (("Fabrikam.COM", "fabrikam.com"), {"fabrikam.com"}),
        (("*.fabrikam.com",), {"fabrikam.com"}),
        (("fabrikam.com", "northwind.com", "*"), {"fabrikam.com", "northwind.com"}),
        # In these names no envelope can be written.
        (("fabrikam.com>\r\nDATA", "fab rikam.com", "", "-.-"), set()),
    ],
)
def test_each_domain_that_a_connector_names_is_asked_for(
    tenant: models.Tenant, names: tuple[str, ...], partners: set[str]
) -> None:
    read(tenant, loose(sender_domains=names))
    paths.ensure(tenant, NOW)
    assert asked(tenant) == {("contoso.com", name) for name in partners}
    assert tenant.paths.count() == 3 + len(partners)


def test_every_accepted_domain_is_asked_and_none_as_a_partner_of_itself(
    tenant: models.Tenant,
) -> None:
    domains = ("contoso.com", "contoso.onmicrosoft.com", "contoso.mail.onmicrosoft.com")
    read(tenant, loose(sender_domains=("contoso.com",)), domains=domains)
    paths.ensure(tenant, NOW)
    assert asked(tenant) == {(name, "contoso.com") for name in domains[1:]}


def test_a_connector_that_is_turned_off_names_nobody(tenant: models.Tenant) -> None:
    read(tenant, loose(enabled=False))
    paths.ensure(tenant, NOW)
    assert asked(tenant) == set()


def test_a_partner_is_asked_for_as_postmaster_and_to_one_recipient(tenant: models.Tenant) -> None:
    read(tenant, loose())
    (found,) = paths.ensure(tenant, NOW).values()
    (target,) = (t for t in found if t["sender_class"] == "partner")
    assert (target["mail_from"], target["rcpt_to"]) == (
        "postmaster@fabrikam.com",
        "postmaster@contoso.com",
    )


def test_connectors_that_cannot_be_read_for_a_while_name_whom_they_named(
    tenant: models.Tenant,
) -> None:
    seen = read(tenant, loose())
    paths.ensure(tenant, NOW)
    forbidden = make.without(seen, "inbound_connectors", PartStatus.FORBIDDEN, "403")
    make.snapshot(tenant, forbidden, NOW, NOW)
    paths.ensure(tenant, NOW)
    assert asked(tenant) == {("contoso.com", "fabrikam.com")}


def test_a_partner_that_is_named_no_more_is_asked_for_no_more_and_again_when_it_is_back(
    tenant: models.Tenant,
) -> None:
    read(tenant, loose())
    paths.ensure(tenant, NOW)
    path = tenant.paths.get(sender_class="partner")
    later = make.snapshot(tenant, make.configuration(make.lock()), NOW, make.ago(hours=-1))
    paths.ensure(tenant, NOW)
    assert asked(tenant) == set()
    later.delete()
    paths.ensure(tenant, NOW)
    assert tenant.paths.get(sender_class="partner", retired_at=None) == path


def test_of_thousands_the_first_are_asked_for_and_the_others_counted(
    tenant: models.Tenant,
) -> None:
    names = tuple(f"p{n:04}.example" for n in range(1000))
    seen = read(tenant, loose(sender_domains=names))
    paths.ensure(tenant, NOW)
    assert len(asked(tenant)) == paths.MOST_PARTNERS
    left_out = paths.partners_left_out(seen)
    assert left_out == 1000 - paths.MOST_PARTNERS
    assert (
        "980 more partners of its connectors are not asked for"
        in matrix.build([], {}, [], 1, left_out).counts
    )


# ---- what its answers mean ---------------------------------------------------------------


def answer(of: models.Tenant, by_sender: dict[str, bytes], otherwise: bytes = LOCKED) -> None:
    """One round in which senders are told different things."""
    envelope = claim(NOW)
    named = {p.pk: p.sender for p in of.paths.all()}
    whole = result(envelope, otherwise)
    parts = {s: result(envelope, reply).answers for s, reply in by_sender.items()}
    told = tuple(
        next(a for a in parts.get(named[one.path], whole.answers) if a.path == one.path)
        for one in whole.answers
    )
    judging.take(replace(whole, answers=told), NOW)
    of.refresh_from_db()


def test_a_door_that_opens_in_a_partners_name_alone_is_partly_open(tenant: models.Tenant) -> None:
    read(tenant, make.lock(), loose())
    answer(tenant, {"partner fabrikam.com": TAKEN})
    assert tenant.state == "partly"
    assert tenant.standing["classes"] == {
        "foreign": "closed", "own": "closed", "null": "closed", "partner": "open",
    }  # fmt: skip
    assert fleet_words.who(State(tenant.state), tenant.standing, "") == (
        "Any host, partner sender",
        "foreign, own and null senders are refused",
    )
    (incident,) = models.Incident.objects.all()
    assert incident.alerts.get().facts["subjects"] == [
        {"domain": "contoso.com", "classes": ["partner"]}
    ]


def test_what_one_partner_was_told_proves_nothing_for_another(tenant: models.Tenant) -> None:
    read(tenant, make.lock(), loose(sender_domains=("fabrikam.com", "northwind.com")))
    answer(tenant, {"partner northwind.com": b"451 4.7.500 Server busy\r\n"})
    assert tenant.state == "unknown"
    assert tenant.standing["domains"] == {"contoso.com": "unknown"}


def test_a_tenants_own_domain_that_a_connector_names_is_judged_as_its_own(
    tenant: models.Tenant,
) -> None:
    read(
        tenant,
        loose(sender_domains=("contoso.com", "fabrikam.com")),
        domains=("contoso.com", "contoso.net"),
    )
    answer(
        tenant,
        {"partner contoso.com": DIRECT_SEND, "partner fabrikam.com": DIRECT_SEND},
    )
    verdicts = tenant.paths.filter(sender_class="partner", domain="contoso.net")
    assert dict(verdicts.values_list("sender_domain", "verdict")) == {
        "contoso.com": "closed",
        "fabrikam.com": "unknown",
    }


def test_the_model_is_asked_about_the_partner_itself(tenant: models.Tenant) -> None:
    bound = {"sender_ip_addresses": ("203.0.113.40",), "restrict_domains_to_ip_addresses": True}
    seen = read(tenant, loose(**bound))
    paths.ensure(tenant, NOW)
    predicting.refresh(tenant, NOW, seen)
    predicted = dict(tenant.paths.values_list("sender_class", "predicted"))
    assert predicted == {"foreign": "open", "own": "open", "null": "open", "partner": "closed"}
    assert tenant.paths.get(sender_class="partner").predicted_by == "From Fabrikam"


def test_a_cell_tells_of_several_partners_the_worst_and_names_it(tenant: models.Tenant) -> None:
    read(tenant, make.lock(), loose(sender_domains=("fabrikam.com", "northwind.com")))
    answer(tenant, {"partner northwind.com": TAKEN})
    found = answers.load(tenant, answers.runs(tenant), make.ago(days=1), NOW).answers
    states = answers.domain_states(answers.by_domain(found))
    grid = matrix.build(found, states, [], 1)
    assert grid.classes == ("foreign", "own", "null", "partner")
    cell = grid.bands[0].rows[0].cells[0][3]
    assert (cell.state, cell.why[:45]) == ("open", "As northwind.com; 1 of 2 partners alike. 250 ")


def test_without_partners_the_matrix_has_no_column_for_them(tenant: models.Tenant) -> None:
    read(tenant, make.lock())
    planning.ask_round(tenant, NOW)
    answer(tenant, {}, CLOSED)
    found = answers.load(tenant, answers.runs(tenant), make.ago(days=1), NOW).answers
    assert matrix.build(found, {"contoso.com": State.CLOSED}, [], 1).classes == (
        "foreign",
        "own",
        "null",
    )


@pytest.mark.parametrize(
    ("refused", "inside", "level", "says"),
    [
        (["partner"], ["foreign"], Level.PARTLY,
         ("Gateway is refused by Contoso with partner senders at contoso.com; "
          "with foreign senders it gets in")),
        # Nothing is known of its other mail: it is not said to be cut off.
        (["partner"], [], Level.PARTLY,
         "Gateway is refused by Contoso with partner senders at contoso.com"),
        (["foreign", "partner"], [], Level.WHOLE, "Gateway is cut off from Contoso"),
    ],
)  # fmt: skip
def test_a_source_that_is_refused_in_a_partners_name_alone_is_not_cut_off(
    refused: list[str], inside: list[str], level: Level, says: str
) -> None:
    domain = "contoso.com"
    assert severed({domain: refused}, {domain: inside}) is level
    where = inpart.Where([domain], 1)
    assert inpart.refused("Gateway", "Contoso", where, refused, inside).sentence == says
