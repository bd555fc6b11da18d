"""A check where the token cannot be read, or the roles cover only a part of what is asked."""

from collections.abc import Iterator

import pytest

from mailposture.adapters.exchange.checking import Grants, check
from mailposture.adapters.exchange.cmdlets import CMDLETS
from tests.adapters.exchange.samples import document
from tests.adapters.exchange.scripted import (
    CREDENTIAL,
    Clock,
    Numbered,
    Reply,
    Script,
    rows,
    scripted,
)

ALL = ",".join(cmdlet.name for cmdlet in CMDLETS)
TEXT = document("errors/403_role_not_supported_text")["body"].encode()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Script]:
    with scripted(tmp_path_factory.mktemp("https")) as script:
        yield script


def checked(script: Script, *replies: Reply) -> Grants:
    """A check with a token that nobody can read."""
    script.replies, script.asked = list(replies), []
    return check(script.cloud, CREDENTIAL, waits=Clock().waits(), tokens=Numbered())


def test_a_token_that_is_taken_is_proof_enough(served: Script) -> None:
    found = checked(served, rows({"exportedCmdlets": ALL}), rows())
    assert found.complete
    assert found.app_role.says == "Exchange Online takes the token."


def test_a_token_that_is_refused_says_that_consent_is_missing(served: Script) -> None:
    found = checked(served, Reply(401, headers={"WWW-Authenticate": "Bearer client_id"}))
    assert (found.app_role.ok, found.app_role.says) == (False, "Bearer client_id")
    assert found.directory_role.ok is None
    assert not found.complete


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(403, TEXT), "isn't supported in this scenario"),
        (Reply(403, b"\0" * 4096), "403: no words, which is how a missing role is answered"),
    ],
)
def test_a_missing_role_is_known_even_then(served: Script, reply: Reply, says: str) -> None:
    found = checked(served, reply)
    assert found.directory_role.ok is False
    assert says in found.directory_role.says
    assert found.app_role.ok is None


def test_cmdlets_that_may_not_be_called_are_named(served: Script) -> None:
    found = checked(served, rows({"exportedCmdlets": "Get-InboundConnector"}), rows())
    assert found.directory_role.ok is False
    assert "Get-TransportRule" in found.directory_role.says
    assert "Get-InboundConnector" not in found.directory_role.says


def test_a_preflight_that_lists_nothing_leaves_the_word_to_the_call(served: Script) -> None:
    assert checked(served, rows(), rows()).complete
    denied = document("errors/403_cmdlet_not_in_role_json")["body"]
    found = checked(served, rows(), Reply(403, denied))
    assert found.directory_role.ok is False


def test_every_step_that_is_not_granted_says_what_to_do(served: Script) -> None:
    for reply in (Reply(401), Reply(403), Reply(503)):
        found = checked(served, reply)
        for step in (found.app_role, found.directory_role):
            assert step.ok or step.fix
