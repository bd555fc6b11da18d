"""Who meant a change, or that nobody here did, is written down, and MP-12 goes by it."""

from typing import Any

import pytest

from mailposture import models
from mailposture.core import posture
from mailposture.core.posture import Result
from mailposture.services import assessing, explaining
from tests import factories as make
from tests.factories import NOW, ago
from tests.web.setup_rows import EVIL, acts, staff, viewer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_identity")]


@pytest.fixture
def _identity(settings: Any) -> None:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"


@pytest.fixture
def changes() -> list[models.Change]:
    """Two changes of one reading, both verified by probes."""
    of = make.tenant("contoso")
    before = make.snapshot(of, make.configuration(), ago(days=3))
    after = make.snapshot(of, make.configuration(make.lock()), ago(days=2))
    return [
        models.Change.objects.create(
            tenant=of, before=before, after=after, at=ago(days=2), part="inbound_connectors",
            subject="Lock", kind="added", sentence=f"Lock {n} was added.", effect="closes",
            effect_seen_at=ago(days=2),
        )
        for n in (1, 2)
    ]  # fmt: skip


def judged() -> tuple[Result, str]:
    of = models.Tenant.objects.get()
    (found,) = posture.judged(assessing.facts(of, NOW), "MP-12")
    return found.result, found.sentence


def say(change: models.Change, **given: str) -> Any:
    return staff().post(change.get_absolute_url(), {"said": "meant", "why": "CHG-17", **given})


def test_changes_that_all_were_meant_and_verified_satisfy_the_rule(
    changes: list[models.Change],
) -> None:
    assert judged()[0] is Result.UNKNOWN
    assert say(changes[0]).status_code == 302
    assert judged()[0] is Result.UNKNOWN
    say(changes[1])
    assert judged()[0] is Result.SATISFIED


def test_one_word_may_stand_for_all_of_a_reading_and_overwrites_nobodys(
    changes: list[models.Change],
) -> None:
    say(changes[0], said="not_ours", why="asked everybody")
    say(changes[1], beside="on")
    assert list(models.Change.objects.order_by("pk").values_list("said", "why")) == [
        ("not_ours", "asked everybody"), ("meant", "CHG-17"),
    ]  # fmt: skip


def test_a_change_that_nobody_meant_is_a_finding_with_what_was_found_out(
    changes: list[models.Change],
) -> None:
    say(changes[0], said="not_ours", why="asked everybody")
    result, sentence = judged()
    assert result is Result.NOT_SATISFIED
    assert "It is not explained" in sentence
    kept = models.Finding.objects.get(rule="MP-12", closed_at=None)
    assert "asked everybody" in str(kept.document)


def test_the_page_shows_who_said_what_and_the_trail_keeps_it(
    changes: list[models.Change],
) -> None:
    say(changes[0], why=EVIL)
    page = viewer().get(changes[0].get_absolute_url()).content.decode()
    assert "Somebody here meant it." in page
    assert "<script>alert" not in page
    assert "Say something else" not in page
    assert "Say something else" in staff().get(changes[0].get_absolute_url()).content.decode()
    assert [action for _, action, _ in acts()] == ["explained change"]


@pytest.mark.parametrize(
    "given", [{"why": ""}, {"why": "x" * (explaining.LONGEST + 1)}, {"said": "perhaps"}]
)
def test_half_a_word_is_refused_where_it_was_typed(
    changes: list[models.Change], given: dict[str, str]
) -> None:
    assert say(changes[0], **given).status_code == 422
    assert models.Change.objects.exclude(said="").count() == 0


def test_a_viewer_says_nothing(changes: list[models.Change]) -> None:
    answer = viewer().post(changes[0].get_absolute_url(), {"said": "meant", "why": "x"})
    assert answer.status_code == 404
    assert (
        "Say whether it was meant"
        not in viewer().get(changes[0].get_absolute_url()).content.decode()
    )
