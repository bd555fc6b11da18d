"""Published addresses: every list is dated, sourced, readable, and of public networks alone."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from mailposture.adapters import published
from mailposture.core import posture
from mailposture.core.addresses import parse
from mailposture.core.published import Kind, Provider, holding, including, provider, touching
from mailposture.core.reachability import PUBLIC
from tests.core.configurations import lock
from tests.core.posture.tenants import facts

FILES = sorted(published.FOLDER.glob("*.json"))
REAL = published.providers()


def by_name(name: str) -> Provider:
    return next(one for one in published.providers(lab=True) if one.name == name)


@pytest.mark.parametrize("one", REAL, ids=lambda one: one.name)
def test_every_list_is_dated_sourced_and_of_public_addresses_alone(one: Provider) -> None:
    assert date(2020, 1, 1) < one.dated <= date(2026, 11, 25)
    assert re.match(r"(https://|dns:)\S+$", one.url)
    assert one.how.endswith(".")
    assert one.addresses <= PUBLIC
    assert one.addresses.size < 1 << 100


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_is_written_as_few_networks_and_has_its_row(file: Path) -> None:
    document = json.loads(file.read_text())
    read = provider(document)
    assert document["addresses"] == list(read.addresses.cidrs())
    rows = (published.FOLDER / "MANIFEST.md").read_text().splitlines()
    part = "whole" if read.whole else "a part"
    row = f"| {file.name} | {read.name} | {read.dated} | {part} | {read.how} |"
    assert row in rows


def test_the_manifest_names_no_file_that_is_not_there() -> None:
    named = re.findall(
        r"^\| (\S+\.json) \|", (published.FOLDER / "MANIFEST.md").read_text(), re.MULTILINE
    )
    assert named == [file.name for file in FILES]


def test_the_made_up_provider_is_for_the_lab_alone() -> None:
    made_up = {one.name for one in published.providers(lab=True)} - {one.name for one in REAL}
    assert made_up == {"Lab Mail Gateway"}
    assert by_name("Lab Mail Gateway").addresses <= parse(["203.0.113.0/24"])


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("40.107.55.105", "Microsoft 365"),
        ("52.103.0.1", "Microsoft 365"),
        ("2a01:111:f403:c000::1", "Microsoft 365"),
        ("209.85.220.41", "Google Workspace"),
        ("54.240.65.34", "Amazon SES"),
        ("149.72.173.189", "SendGrid"),
        ("198.2.128.1", "Mailchimp"),
        ("188.172.138.9", "Zendesk"),
        ("207.211.31.5", "Mimecast"),
        ("69.72.36.213", "Mailgun"),
        ("94.100.136.17", "Hornetsecurity"),
        ("67.231.152.4", "Proofpoint Essentials"),
        ("52.40.203.205", "Amazon EC2"),
        ("88.99.1.1", "Hetzner"),
        ("20.97.34.221", "Microsoft Azure"),
        ("54.174.60.9", "HubSpot"),  # housed in Amazon EC2
    ],
)
def test_an_address_that_was_seen_to_send_is_its_providers(address: str, name: str) -> None:
    found = holding(REAL, parse([address]))
    assert found
    assert found.name == name


def test_nobody_holds_an_address_of_no_list_or_a_set_that_goes_beyond_one() -> None:
    assert holding(REAL, parse(["198.51.100.7"])) is None
    assert holding(REAL, parse([])) is None
    wide = parse(["40.107.0.0/15"])
    assert holding(REAL, wide) is None
    assert [one.name for one in touching(REAL, wide)] == ["Microsoft 365"]


@pytest.mark.parametrize(
    ("include", "name"),
    [
        ("_spf.google.com", "Google Workspace"),
        ("SendGrid.net.", "SendGrid"),
        ("7593890.spf10.hubspotemail.net", "HubSpot"),
        ("spf.protection.outlook.com", "Microsoft 365"),
        ("eu-west-1.amazonses.com", "Amazon SES"),
        ("us._netblocks.mimecast.com", "Mimecast"),
        ("_spf.eu.mailgun.org", "Mailgun"),
        ("notamazonses.com", None),
        ("contoso.com", None),
    ],
)
def test_an_include_is_known_by_its_name_or_one_above_it(include: str, name: str | None) -> None:
    found = including(REAL, include)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    "odd",
    [
        {"dated": "yesterday"},
        {"kind": "shop"},
        {"addresses": []},
        {"addresses": ["300.1.1.1"]},
        {"more": 1},
    ],
)
def test_a_list_that_is_odd_is_refused(odd: dict[str, object]) -> None:
    document = json.loads(FILES[0].read_text()) | odd
    with pytest.raises(ValueError, match=r"."):
        provider(document)


def test_the_rules_of_posture_are_given_all_of_them() -> None:
    given = published.published()
    assert [one.name for one in given] == [one.name for one in REAL]
    assert {one.name for one in given if one.microsoft} == {"Microsoft 365"}
    assert {one.kind for one in given} == {str(kind) for kind in Kind}
    assert published.published() is given


def test_a_restriction_to_a_rented_range_is_found_with_its_witness() -> None:
    gate = lock(sender_ip_addresses=("88.99.0.0/24", "94.100.128.0/24"))
    found = posture.assess(facts(gate, published=published.published()))
    said = {f.rule: f.sentence for f in found if f.result is posture.Result.NOT_SATISFIED}
    assert said["MP-33"] == "Anyone with an account at Hetzner can send from 88.99.0.0."
    assert "Hornetsecurity" in said["MP-31"]
    assert "MP-34" not in said


def test_the_rules_are_told_which_lists_are_partial() -> None:
    told = {one.name: one.whole for one in published.published()}
    assert told == {one.name: one.whole for one in published.providers()}
    assert set(told.values()) == {True, False}
