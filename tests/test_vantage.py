"""The vantage worker stands alone: no Django, no database, no tenant secret, only its orders."""

import base64
import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery

from mailposture import VERSION, broker, seals
from mailposture.core import codec, work
from mailposture.core.work import Envelope, Hello, HelloBack, Result, SelfTest, Target
from tests.labs import Lab
from tests.servers import Guarded, ValkeyServer, until

ROOT = Path(__file__).parents[1]
# Made by `make test` from requirements-vantage.txt alone.
PYTHON = ROOT / ".venv-vantage" / "bin" / "python"
CENTRE, PLACE, NOBODY = seals.fresh_key(), seals.fresh_key(), seals.fresh_key()


def scrubbed(**more: str) -> dict[str, str]:
    """An environment with nothing in it but what a vantage point is given."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **more}


def test_it_imports_neither_django_nor_msal_nor_a_database() -> None:
    code = (
        "import sys, mailposture.vantage; unwanted = {'django', 'msal', 'psycopg', 'plotly'};"
        "print(sorted(unwanted & sys.modules.keys()))"
    )
    done = subprocess.run(
        [str(PYTHON), "-c", code], env=scrubbed(), capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_its_environment_has_no_django_at_all() -> None:
    done = subprocess.run(
        [str(PYTHON), "-c", "import django"],
        env=scrubbed(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No module named 'django'" in done.stderr


class Centre:
    """What the centre does with its queue, without the centre."""

    def __init__(self, url: str) -> None:
        self.app = Celery("centre", broker=url)
        self.app.conf.update(broker.COMMON)
        self.queue = redis.Redis.from_url(url)

    def order(self, slug: str, *, key: str = CENTRE, times: int = 1, **changes: Any) -> Envelope:
        """Send one order of one target to a vantage point's queue, so many copies of it."""
        now = datetime.now(tz=UTC)
        given: dict[str, Any] = {
            "vantage_point": slug,
            "shard": 7,
            "attempt": 2,
            "ehlo": "probe.example",
            "targets": (self.target,),
            "issued": now,
            "expires": now + timedelta(seconds=20),
            "nonce": secrets.token_hex(16),
        }
        envelope = Envelope(**{**given, **changes})
        message = seals.seal(work.ORDER, codec.dump(envelope), key)
        for _ in range(times):
            self.send(slug, message)
        return envelope

    def send(self, slug: str, message: Any, task: str = broker.RUN_SHARD) -> None:
        """Put any message into a vantage point's queue, as whoever holds the broker may."""
        broker.send(self.app, task, message, broker.vantage_queue(slug))

    target: Target

    def message(self, task: str) -> Any:
        """The argument of the task that came in."""
        until(lambda: self.queue.llen(broker.CENTRAL), 30)
        message = json.loads(self.queue.rpop(broker.CENTRAL))  # type: ignore[arg-type]
        assert message["headers"]["task"] == task
        return json.loads(_body(message))[0][0]

    def result(self) -> Result:
        """The result that came in, as the place signed it."""
        message = self.message(broker.TAKE_RESULT)
        public = seals.public_of(PLACE)
        return codec.load(Result, seals.unseal(work.RESULT, message, public))


def _body(message: dict[str, Any]) -> str:
    return base64.b64decode(message["body"]).decode()


@pytest.fixture
def centre(
    valkey: ValkeyServer, lab: Lab, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Centre]:
    """A vantage worker in its own environment, and a centre that gives it orders."""
    networks = json.dumps(getattr(request, "param", ["127.0.0.0/8"]))
    file = tmp_path / "vantage.toml"
    (tmp_path / "stranger.key").write_text(PLACE)
    file.write_text(
        f'centre = "{seals.public_of(CENTRE)}"\n'
        f'resolver = "{lab.facts["resolver"]}"\nlab_networks = {networks}\n'
        f'[points.stranger]\nsource = "{lab.facts["stranger"]}"\nkey = "stranger.key"\n'
    )
    worker = Guarded(
        [str(PYTHON), "-m", "celery", "-A", "mailposture.vantage", "worker", "--without-mingle",
         "--without-gossip", "-n", "vantage@test"],
        scrubbed(
            BROKER_URL=valkey.url,
            MAILPOSTURE_VANTAGE=str(file),
            DJANGO_SETTINGS_MODULE="mailposture.settings",
        ),
    )  # fmt: skip
    worker.start()
    found = Centre(valkey.url)
    found.target = Target(
        path=1,
        domain="contoso.com",
        sender_class="null",
        mail_from="",
        rcpt_to="postmaster@contoso.com",
        endpoints=("contoso-com.mail.protection.outlook.com",),
        port=lab.facts["smtp_port"],
    )
    yield found
    worker.stop()
    found.queue.close()


def test_it_does_its_order_and_names_shard_and_attempt(centre: Centre) -> None:
    order = centre.order("stranger")
    result = centre.result()
    assert (result.shard, result.attempt, result.nonce) == (7, 2, order.nonce)
    (answer,) = result.answers
    assert [t.host for t in answer.tries] == ["contoso-com.mail.protection.outlook.com"] * 2
    assert order.issued <= result.began <= result.ended


def test_a_late_order_is_dropped_and_the_next_one_done(centre: Centre) -> None:
    past = datetime.now(tz=UTC) - timedelta(seconds=1)
    centre.order("stranger", shard=8, expires=past)
    centre.order("stranger", shard=9, vantage_point="frankfurt")
    centre.order("stranger", shard=10)
    assert centre.result().shard == 10
    assert centre.queue.llen(broker.CENTRAL) == 0


def test_an_order_that_the_centre_did_not_sign_is_dropped(centre: Centre) -> None:
    centre.order("stranger", shard=8, key=NOBODY)
    order = centre.order("stranger", shard=9)
    changed = seals.seal(work.ORDER, codec.dump(order), CENTRE)
    changed["body"] = changed["body"].replace('"shard":9', '"shard":12')
    greeting = Hello(vantage_point="stranger", nonce="0c", expires=order.expires)
    for forged in (
        changed,
        {**changed, "purpose": work.HELLO},
        seals.seal(work.HELLO, codec.dump(greeting), CENTRE),
        codec.dump(order),
        None,
    ):
        centre.send("stranger", forged)
    centre.order("stranger", shard=10)
    assert [centre.result().shard, centre.result().shard] == [9, 10]
    assert centre.queue.llen(broker.CENTRAL) == 0


def test_a_copy_of_an_order_is_done_once(centre: Centre) -> None:
    centre.order("stranger", shard=8, times=3)
    centre.order("stranger", shard=9)
    assert [centre.result().shard, centre.result().shard] == [8, 9]
    assert centre.queue.llen(broker.CENTRAL) == 0


def test_an_order_good_for_longer_than_an_hour_is_dropped(centre: Centre) -> None:
    centre.order("stranger", shard=8, expires=datetime.now(tz=UTC) + timedelta(hours=2))
    centre.order("stranger", shard=9)
    assert centre.result().shard == 9


def test_it_answers_a_hello_of_the_centre_and_of_nobody_else(centre: Centre) -> None:
    soon = datetime.now(tz=UTC) + timedelta(seconds=20)
    for key, nonce in ((NOBODY, "0a"), (CENTRE, "0b")):
        hello = Hello(vantage_point="stranger", nonce=nonce, expires=soon)
        centre.send("stranger", seals.seal(work.HELLO, codec.dump(hello), key), broker.SAY_HELLO)
    message = centre.message(broker.TAKE_HELLO)
    said = seals.unseal(work.HELLO_BACK, message, seals.public_of(PLACE))
    back = codec.load(HelloBack, said)
    assert (back.vantage_point, back.nonce, back.version) == ("stranger", "0b", VERSION)
    assert (back.certificate, back.selftest) == (None, None)


def test_it_tests_itself_where_the_centre_asks_it_to(centre: Centre) -> None:
    door = centre.target
    test = SelfTest(address="192.0.2.7", canary=door.endpoints, port=door.port)
    soon = datetime.now(tz=UTC) + timedelta(seconds=20)
    hello = Hello(vantage_point="stranger", nonce="0c", expires=soon, test=test)
    centre.send("stranger", seals.seal(work.HELLO, codec.dump(hello), CENTRE), broker.SAY_HELLO)
    message = centre.message(broker.TAKE_HELLO)
    said = seals.unseal(work.HELLO_BACK, message, seals.public_of(PLACE))
    back = codec.load(HelloBack, said)
    assert back.selftest is not None
    assert back.selftest["port"] == {"says": "open", "host": door.endpoints[0], "why": ""}
    assert back.selftest["address"] == "192.0.2.7"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[points.stranger]\n", "names no public key of its centre"),
        ('centre = "c3Rhcg=="\n[points.stranger]\n', "names no public key of its centre"),
        (f'centre = "{seals.public_of(CENTRE)}"\n[points.stranger]\n', "no key of the place"),
        ('[points.stranger]\nkey = "none.key"\n', "holds no key that can be used"),
    ],
    ids=["no centre", "no key of the centre", "no key of its own", "a key that is not there"],
)
def test_without_its_keys_it_does_not_start_and_says_why(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "vantage.toml"
    file.write_text(text)
    done = subprocess.run(
        [str(PYTHON), "-c", "import mailposture.vantage"],
        env=scrubbed(MAILPOSTURE_VANTAGE=str(file)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


@pytest.mark.parametrize(
    ("centre", "host", "says"),
    [
        ([], "mail.contoso.com", "port"),
        ([], "contoso-com.mail.protection.outlook.com", "port"),
        (["127.0.0.0/8"], "no-such-name.mail.protection.outlook.com", "no IPv4 address"),
    ],
    indirect=["centre"],
)
def test_a_wrong_target_is_refused_and_said(centre: Centre, host: str, says: str) -> None:
    target = Target(**{**_fields(centre.target), "endpoints": (host,)})
    centre.order("stranger", targets=(target,))
    (answer,) = centre.result().answers
    assert answer.tries == ()
    assert says in answer.refused


def test_one_target_that_cannot_be_said_costs_no_other(centre: Centre) -> None:
    odd = Target(**{**_fields(centre.target), "path": 2, "rcpt_to": "post master@contoso.com"})
    centre.order("stranger", targets=(odd, centre.target))
    refused, answered = centre.result().answers
    assert (refused.path, refused.tries) == (2, ())
    assert refused.refused
    assert len(answered.tries) == 2


ODD: list[tuple[dict[str, Any], Any]] = [
    ({}, {"not": "a list"}),
    ({}, [[1], {}]),
    ({"timelimit": "x"}, [[1], {}, {}]),
    ({"id": [1]}, [[1], {}, {}]),
    ({"eta": 7, "expires": "never"}, [[1], {}, {}]),
]


def test_a_message_that_is_no_task_ends_no_worker(centre: Centre) -> None:
    centre.order("stranger")
    assert centre.result().shard == 7
    for headers, body in ODD:
        centre.queue.lpush("vantage.stranger", _raw(headers, body))
    centre.order("stranger", shard=11)
    assert centre.result().shard == 11


def _raw(headers: dict[str, Any], body: Any) -> str:
    """A message as kombu writes it, with a header or a body of our own."""
    task = {"lang": "py", "task": broker.RUN_SHARD, "id": "odd", "timelimit": [None, None]}
    return json.dumps(
        {
            "body": base64.b64encode(json.dumps(body).encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {**task, **headers},
            "properties": {
                "body_encoding": "base64",
                "delivery_tag": "odd",
                "delivery_info": {"exchange": "", "routing_key": "vantage.stranger"},
            },
        }
    )


def _fields(target: Target) -> dict[str, Any]:
    return {name: getattr(target, name) for name in target.__slots__}
