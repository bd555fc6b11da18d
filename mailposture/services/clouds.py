"""Which cloud a tenant lives in, how its names resolve, and who we say we are there."""

from dataclasses import dataclass

from django.conf import settings

from mailposture.adapters.dns import Resolver
from mailposture.adapters.exchange import clouds
from mailposture.adapters.exchange.clouds import Cloud

LAB = "lab"
LAB_NAME = "probe.example"


class NotSetUpError(Exception):
    """Something the operator must set before this can be done; the text says what."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What a probe calls itself: fixed, honest, and the operator's own."""

    ehlo: str
    sender_domain: str


def known() -> dict[str, Cloud]:
    """Every cloud a tenant can be in; the lab's only while one is running."""
    rows = dict(clouds.CLOUDS)
    if settings.LAB:
        rows[LAB] = clouds.lab_cloud(settings.LAB)
    return rows


def of(name: str) -> Cloud:
    """The row of one cloud."""
    try:
        return known()[name]
    except KeyError:
        raise NotSetUpError(f"The cloud {name!r} is not known here. Is its lab running?") from None


def identity(*, lab: bool) -> Identity:
    """Who we say we are. In a lab both default to probe.example; elsewhere they must be set."""
    ehlo = settings.EHLO_NAME or (LAB_NAME if lab else "")
    sender_domain = settings.SENDER_DOMAIN or (LAB_NAME if lab else "")
    missing = [
        name
        for name, value in (
            ("MAILPOSTURE_EHLO_NAME", ehlo),
            ("MAILPOSTURE_SENDER_DOMAIN", sender_domain),
        )
        if not value
    ]
    if missing:
        raise NotSetUpError(
            f"Set {' and '.join(missing)} to names of yours that resolve: a probe says honestly"
            " who it is."
        )
    return Identity(ehlo=ehlo, sender_domain=sender_domain)


def resolver(name: str) -> Resolver:
    """The resolver for a cloud's names: the lab has its own, all others use the system's."""
    lab = settings.LAB if name == LAB else None
    return Resolver(lab["resolver"] if lab else settings.RESOLVER)
