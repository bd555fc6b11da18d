"""The catalogue names only controls that were read in a source, and says how far each bears."""

from typing import Any

import pytest

from mailposture.adapters.documents.catalogue import newest
from mailposture.core import codec
from mailposture.core.compliance import Catalogue, CatalogueError, read


def test_every_entry_of_the_catalogue_is_judged_and_bears_on_something() -> None:
    catalogue: Catalogue = newest()
    assert [e.id for e in catalogue.entries] == [
        "MP-01", "MP-02", "MP-03", "MP-04", "MP-05", "MP-08", "MP-11",
        "MP-13",
    ]  # fmt: skip
    assert all(e.references for e in catalogue.entries)


CIS, SCUBA = "CIS Microsoft 365 Foundations Benchmark", "CISA SCuBA, Exchange Online"
NIST, ISO = "NIST SP 800-53", "ISO/IEC 27001 Annex A"
UNDATED = "publication date not established"
# The only frameworks, versions, dates and controls that a report may print (domain/controls.md).
ALLOWED = {
    (CIS, "7.0.0", UNDATED): {"6.5.5"},
    (CIS, "6.0.0", UNDATED): {"6.5.5"},
    (SCUBA, "proposed in ScubaGear issue 2360", "2026-08-25"): {"MS.EXO.15.1v1 (proposed)"},
    (NIST, "rev 5 (5.1.1)", "2023-11"): {
        "SC-7", "SC-7(3)", "SC-7(4)", "SC-7(5)", "SC-7(11)", "AC-4", "SI-8", "SI-4", "CA-7",
        "CA-7(4)", "CA-8", "CM-6", "CM-7",
    },
    (ISO, "2022", "2022-10"): {"A.8.20", "A.8.21", "A.5.14", "A.8.9", "A.8.16", "A.5.28"},
}  # fmt: skip


def test_every_reference_is_one_that_was_read_in_a_source() -> None:
    printed = [r for e in newest().entries for r in e.references]
    assert {(r.framework, r.version, r.date) for r in printed} == set(ALLOWED)
    assert all(r.control in ALLOWED[r.framework, r.version, r.date] for r in printed)
    proposed = {r.relation for r in printed if r.framework == SCUBA}
    assert proposed == {"evidence only"}


def test_no_reference_stands_twice_in_an_entry() -> None:
    for entry in newest().entries:
        named = [(r.framework, r.version, r.control) for r in entry.references]
        assert len(named) == len(set(named))


ENTRY = {"id": "MP-01", "title": "A lock", "references": []}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"entries": [ENTRY | {"id": "MP-99"}]}, "nothing judges MP-99"),
        ({"entries": [ENTRY, ENTRY]}, "stands in it twice"),
        ({"version": None}, "cannot be read: Catalogue.version"),
        ({"entries": [ENTRY | {"references": [{"control": "A.8.20"}]}]}, "is missing"),
    ],
)
def test_a_catalogue_that_does_not_fit_says_where(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(CatalogueError, match=why):
        read(codec.dump(newest()) | changes)


def test_no_relation_but_the_three_is_read() -> None:
    document = codec.dump(newest())
    document["entries"][0]["references"][0]["relation"] = "compliant"
    with pytest.raises(CatalogueError, match="relation"):
        read(document)
    assert "compliant" not in str(codec.dump(newest())).casefold()
