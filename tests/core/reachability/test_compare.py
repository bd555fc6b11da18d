"""A change gains and loses exact sets."""

import pytest
from hypothesis import given, settings

from mailposture.core.addresses import EVERYWHERE, NOWHERE, parse
from mailposture.core.configuration import Configuration, InboundConnector, Part, PartStatus
from mailposture.core.reachability import (
    Comparison,
    Moved,
    compare,
    reachability,
    smallest,
    witness,
)
from tests.core.configurations import configuration, domain, hybrid, lock
from tests.core.strategies import configurations

OPEN = configuration(hybrid(tls_sender_certificate_name="*.contoso.com"))
LOCKED = configuration(lock(), hybrid(tls_sender_certificate_name="*.contoso.com"))
GATEWAY = parse(["203.0.113.10"])


def test_the_lock_leaves_one_address_of_all_and_the_hybrid_server_stays_in() -> None:
    moved = compare(OPEN, LOCKED).of("contoso.com", "foreign")
    assert moved.before.addresses == EVERYWHERE
    assert sum(last - first + 1 for first, last in moved.before.addresses.v4) == 4_294_967_296
    assert moved.after.addresses == GATEWAY
    assert moved.lost == EVERYWHERE - GATEWAY
    assert moved.gained == NOWHERE
    assert moved.before.certificates == moved.after.certificates == ("*.contoso.com",)


def test_a_domain_that_goes_is_reached_by_nobody() -> None:
    both = configuration(accepted_domains=(domain("contoso.com"), domain("fabrikam.com")))
    moved = compare(both, configuration()).of("fabrikam.com", "foreign")
    assert moved.lost == EVERYWHERE
    assert moved.after.addresses == NOWHERE


def test_the_classes_of_either_side_are_asked_of_both() -> None:
    scoped = configuration(lock(sender_domains=("fabrikam.com",)))
    comparison = compare(configuration(), scoped)
    assert comparison.classes == ("foreign", "own", "null", "fabrikam.com")
    assert not comparison.of("contoso.com", "foreign")
    assert comparison.of("contoso.com", "fabrikam.com").lost == EVERYWHERE - GATEWAY
    assert comparison.lost == EVERYWHERE - GATEWAY
    assert comparison.gained == NOWHERE


def test_a_certificate_name_is_gained_and_lost() -> None:
    new = configuration(lock(), hybrid(tls_sender_certificate_name="*.contoso.com"))
    moved = compare(configuration(lock()), new).of("contoso.com", "foreign")
    assert moved.certificates_gained == ("*.contoso.com",)
    assert compare(new, configuration(lock())).of("contoso.com", "foreign").certificates_lost == (
        "*.contoso.com",
    )


def test_a_name_that_a_wildcard_still_means_is_not_lost() -> None:
    one = configuration(lock(), hybrid(tls_sender_certificate_name="contoso.com"))
    other = configuration(lock(), hybrid(tls_sender_certificate_name="*.contoso.com"))
    assert compare(one, other).of("contoso.com", "foreign").certificates_lost == ()
    assert compare(other, one).of("contoso.com", "foreign").certificates_lost == ("*.contoso.com",)


@settings(max_examples=60, deadline=None)
@given(configurations(), configurations())
def test_what_is_gained_one_way_is_lost_the_other(one: Configuration, other: Configuration) -> None:
    there, back = compare(one, other), compare(other, one)
    for name, sender_class, moved in there.all():
        returned = back.of(name, sender_class)
        assert moved.gained == returned.lost
        assert moved.certificates_gained == returned.certificates_lost
        assert moved.before.addresses - moved.lost | moved.gained == moved.after.addresses


def test_the_witness_is_a_host_that_could_be_on_the_internet() -> None:
    found = witness(reachability(configuration()))
    assert found is not None
    assert (found.address, found.domain, found.sender_class) == (
        "1.0.0.0",
        "contoso.com",
        "foreign",
    )


def test_there_is_no_witness_where_only_approved_addresses_get_in() -> None:
    assert witness(reachability(configuration(lock())), GATEWAY) is None


def test_the_witness_beside_the_gateway_is_named() -> None:
    wide = configuration(lock(sender_ip_addresses=("203.0.113.8/30",)))
    found = witness(reachability(wide), GATEWAY)
    assert found is not None
    assert found.address == "203.0.113.8"


def test_a_witness_that_leans_on_less_is_preferred() -> None:
    scoped = configuration(
        lock(associated_accepted_domains=("contoso.com",)),
        accepted_domains=(
            domain("contoso.com"),
            domain("fabrikam.com"),
        ),
    )
    found = witness(reachability(scoped), GATEWAY)
    assert found is not None
    assert found.domain == "fabrikam.com"


def test_an_empty_set_has_no_smallest() -> None:
    assert smallest(NOWHERE) is None
    assert smallest(parse(["10.0.0.1", "2001:db8::1"])) == "10.0.0.1"
    assert smallest(parse(["10.0.0.1", "2600::1"])) == "2600::1"


def test_domains_that_were_not_read_are_whatever_they_are() -> None:
    unread = Configuration(
        parts=(Part(name="accepted_domains", status=PartStatus.FORBIDDEN),),
        inbound_connectors=(lock(),),
        organization=configuration().organization,
    )
    reach = reachability(unread)
    assert reach.domains == ("*",)
    found = reach.of("*", "foreign")
    assert found.addresses == GATEWAY
    assert found.assumptions == ("ipv6_never_listed", "accepted_domains_unknown")


def test_a_name_is_neither_gained_nor_lost_where_everybody_gets_in() -> None:
    by_name = lock(
        restrict_domains_to_ip_addresses=False,
        restrict_domains_to_certificate=True,
        sender_ip_addresses=(),
        tls_sender_certificate_name="mail.gateway.example",
        require_tls=True,
    )
    closes = compare(configuration(), configuration(by_name)).of("contoso.com", "foreign")
    assert closes.after.certificates == ("mail.gateway.example",)
    assert closes.certificates_gained == ()
    opens = compare(configuration(by_name), configuration()).of("contoso.com", "foreign")
    assert opens.certificates_lost == ()


# ---- a large tenant ------------------------------------------------------------------------


def large(*connectors: InboundConnector) -> Configuration:
    """A hundred domains; one connector speaks for ten of them, others for senders of their own."""
    names = [f"d{n}.contoso.com" for n in range(100)]
    named = [
        lock(guid=f"g{n}", name=f"Partner {n}", sender_domains=(f"partner{n}.example",))
        for n in range(10)
    ]
    few = lock(guid="few", name="Few", associated_accepted_domains=tuple(names[:10]))
    accepted = tuple(domain(name) for name in names)
    return configuration(*named, few, *connectors, accepted_domains=accepted)


@given(before=configurations(), after=configurations())
@settings(max_examples=40)
def test_what_moves_together_is_what_moves_one_by_one(
    before: Configuration, after: Configuration
) -> None:
    comparison = compare(before, after)
    pairs = [(d, c) for d in comparison.domains for c in comparison.classes]
    assert [(d, c, m) for d, c, m in comparison.all()] == [
        (d, c, comparison.of(d, c)) for d, c in pairs
    ]
    moving = {(d, c) for d, c in pairs if comparison.of(d, c)}
    told = [(d, one.sender_class) for one in comparison.together for d in one.domains]
    assert set(told) == moving
    assert len(told) == len(moving)
    assert comparison.still == len(pairs) - len(moving)
    lost = {name for d, c in moving for name in comparison.of(d, c).certificates_lost}
    assert comparison.certificates_lost == lost


def test_each_way_of_moving_is_weighed_once_however_many_domains_share_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weighed: list[int] = []
    truth = Moved.__bool__

    def weigh(moved: Moved) -> bool:
        weighed.append(id(moved))
        return truth(moved)

    monkeypatch.setattr(Moved, "__bool__", weigh)
    comparison = compare(large(), large(lock(guid="new", name="New")))
    assert len(comparison.domains) * len(comparison.classes) == 1_300
    assert comparison.together
    # Two kinds of domain with each class of sender, and no more.
    assert len(weighed) == len(set(weighed)) <= 2 * 13
    assert comparison.still < 1_300


def test_a_comparison_of_many_domains_asks_for_few_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    of = Comparison.of

    def ask(self: Comparison, domain: str, sender_class: str) -> Moved:
        asked.append((domain, sender_class))
        return of(self, domain, sender_class)

    monkeypatch.setattr(Comparison, "of", ask)
    comparison = compare(large(), large(lock(guid="new", name="New")))
    assert sum(1 for _ in comparison.all()) == 1_300
    # The own sender of each domain, and each other sender to a domain of either kind.
    assert len(asked) == comparison.questions == 100 + 2 * 12
