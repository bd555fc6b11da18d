"""How a vantage point and its centre come to know each other's keys.

On this machine the centre writes them into the worker's own file. Elsewhere a place joins by a line
that its operator gives out (core/joining.py): its private key never travels, the token is good
once, and what is answered is signed by the key that the line named.
"""

import hashlib
import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from mailposture import keys, models, seals
from mailposture.core import codec
from mailposture.core import joining as words
from mailposture.core.joining import Line, Welcome, Wish
from mailposture.services import audit, planning, queue_accounts, sealing
from mailposture.services.audit import User
from mailposture.services.queue_accounts import NoQueueError

GOOD_FOR: Final = timedelta(hours=24)
WITHIN: Final = timedelta(minutes=10)
MOST_FAILURES: Final = 20
FAILED: Final = "joining failed"


class JoinError(Exception):
    """A place that does not join; the sentence says why and what to do, `status` says it in
    HTTP's numbers.
    """

    def __init__(self, says: str, status: int = 403) -> None:
        super().__init__(says)
        self.status = status


@transaction.atomic
def invite(
    place: models.VantagePoint, now: datetime, *, queue: str | None = None, user: User = None
) -> Line:
    """Give out a join line; one that was given out before is good no more. Raises NoQueueError
    where nothing could be answered to it.

    `queue` is an address of the queue for this place alone, from now on; it is taken as the
    operator's word that it may be used.
    """
    if queue is not None:
        place.queue_url = queue
    queue_accounts.address(place)
    token = secrets.token_urlsafe(32)
    models.VantagePoint.objects.filter(pk=place.pk).update(
        join_digest=words.digest(token), join_until=now + GOOD_FOR, queue_url=place.queue_url
    )
    audit.record("gave out a join line", place.slug, now, user=user)
    return Line(
        url=f"{settings.PUBLIC_URL}/join/",
        slug=place.slug,
        token=token,
        centre=sealing.centre_key(),
    )


def accept(message: object, address: str, now: datetime) -> Mapping[str, str]:
    """Let a place in that shows a token which stands; answer what it needs, signed. Raises
    JoinError.
    """
    wish = _wish(message)
    _slow(address, now)
    digest = words.digest(wish.token)
    place = _invited(digest, now)
    if place is None:
        _keep(FAILED, "someone", "", now, {"from": address})
        raise JoinError(
            "This join line is not good: it was used, is older than a day, or another was given"
            " out since. Make a new one on the vantage point's page."
        )
    password = secrets.token_urlsafe(32)
    try:
        queue = queue_accounts.address(place, password)
        authority = queue_accounts.authority()
    except NoQueueError as error:
        raise JoinError(f"{error} This join line stays good.", 409) from None
    _let_in(place, wish, password, address, now)
    place.refresh_from_db()
    queue_accounts.renew(place)
    welcome = Welcome(
        digest=digest,
        public_key=wish.public_key,
        vantage_point=place.slug,
        queue=queue,
        authority=authority,
    )
    return seals.seal(words.JOINED, codec.dump(welcome), keys.orders(settings.KEYS_DIR))


def _wish(message: object) -> Wish:
    """What was asked, if whoever asks holds the key that it names."""
    try:
        named = codec.load(Wish, seals.unproved(words.JOIN, message))
        return codec.load(Wish, seals.unseal(words.JOIN, message, named.public_key))
    except (seals.SealError, codec.CodecError):
        raise JoinError("This is not how a vantage point joins.", 400) from None


def _slow(address: str, now: datetime) -> None:
    """Bear so many failures of one address; a token is too long to guess, but asking costs us."""
    failed = models.AuditEvent.objects.filter(
        action=FAILED, at__gt=now - WITHIN, detail__from=address
    )
    if failed.count() >= MOST_FAILURES:
        raise JoinError("Too many join lines that are not good. Wait ten minutes.", 429)


def _invited(digest: str, now: datetime) -> models.VantagePoint | None:
    place = models.VantagePoint.objects.filter(join_digest=digest, join_until__gt=now).first()
    return place if place and secrets.compare_digest(place.join_digest, digest) else None


@transaction.atomic
def _let_in(
    place: models.VantagePoint, wish: Wish, password: str, address: str, now: datetime
) -> None:
    """Spend the token. The older key and account of the place end with it."""
    fields: dict[str, Any] = {
        "public_key": wish.public_key, "joined_at": now, "revoked_at": None,
        "join_digest": "", "join_until": None,
        "queue_digest": hashlib.sha256(password.encode()).hexdigest(),
        "asked_at": None, "heard_at": None, "hello_nonce": "", "facts": {},
    }  # fmt: skip
    if not place.public_key:
        fields["enabled"] = True
    standing = models.VantagePoint.objects.filter(pk=place.pk, join_digest=place.join_digest)
    if not standing.update(**fields):
        raise JoinError("This join line was used a moment ago.")
    key = words.fingerprint(wish.public_key)
    detail = {"from": address, "key": key, "version": wish.version[:20]}
    _keep("vantage point joined", place.name, place.slug, now, detail)


def _keep(action: str, who: str, subject: str, now: datetime, detail: Mapping[str, str]) -> None:
    """An act of nobody who is signed in, nor at the command line."""
    models.AuditEvent.objects.create(
        at=now, who=who, action=action, subject=subject, detail=dict(detail)
    )


def revoke(place: models.VantagePoint, now: datetime, *, user: User = None) -> bool:
    """Put a place out: its key is forgotten, its account and what waits for it are deleted, what
    it has in hand is withdrawn, and it is asked no more. Say whether the queue knows.
    """
    with transaction.atomic():
        models.VantagePoint.objects.filter(pk=place.pk).update(
            public_key="", join_digest="", join_until=None, joined_at=None, revoked_at=now,
            queue_digest="", hello_nonce="", enabled=False,
        )  # fmt: skip
        audit.record("revoked vantage point", place.slug, now, user=user)
    planning.withdraw(place, "Its vantage point was revoked.", now)
    return queue_accounts.settle()


_TABLE: Final = re.compile(r"^\[points\.(?P<slug>[^\]]+)\]\s*$", re.MULTILINE)


def join_here(file: Path) -> None:
    """Join the places of a worker's file on this machine: the centre's key and a key for each
    place are written where they are missing, and what is public of them is kept.

    A place that the centre does not know is left alone; its worker says so when it starts.
    """
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    points = document.get("points", {})
    for slug in points:
        place = models.VantagePoint.objects.filter(slug=slug).first()
        if place is not None:
            _register(place, _key(file.parent / points[slug].get("key", f"{slug}.key")))
    _complete(file, document)


def _register(place: models.VantagePoint, private: str) -> None:
    """Know the key of a place on this machine, unless somebody put the place out, or it joined
    from elsewhere since.
    """
    public = seals.public_of(private)
    if place.public_key != public and not (place.joined_at or place.revoked_at):
        models.VantagePoint.objects.filter(pk=place.pk).update(public_key=public)


def _key(file: Path) -> str:
    """The private key of a file, made with it where there is none."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text(encoding="ascii").strip()
    private = seals.fresh_key()
    with os.fdopen(descriptor, "w", encoding="ascii") as fresh:
        fresh.write(private + "\n")
    return private


def _complete(file: Path, document: dict[str, object]) -> None:
    """Write the missing lines in; what somebody wrote into the file stays as it is."""
    text = file.read_text(encoding="utf-8")
    points = document.get("points", {})

    def with_key(table: re.Match[str]) -> str:
        slug = table["slug"].strip("\"'")
        has_one = isinstance(points, dict) and "key" in points.get(slug, {})
        return table[0] if has_one else f'{table[0].rstrip()}\nkey = "{slug}.key"\n'

    fresh = _TABLE.sub(with_key, text)
    if document.get("centre") != sealing.centre_key():
        lines = [line for line in fresh.splitlines() if not line.startswith("centre")]
        fresh = "\n".join([f'centre = "{sealing.centre_key()}"', *lines]) + "\n"
    if fresh != text:
        beside = file.with_name(f".{file.name}.fresh")
        beside.write_text(fresh, encoding="utf-8")
        beside.replace(file)
