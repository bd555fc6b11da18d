"""What the service knows of a client when it names a recipient."""

from dataclasses import dataclass
from ipaddress import ip_address

from mailposture.core.attribution.mailboxes import MailboxError, domain_of, mailbox
from mailposture.core.hosts import plain


class SessionError(ValueError):
    """A session that cannot be: what is wrong with it, in words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """A client certificate by what attribution reads of it (attribution.md 3.2).

    `trusted` is false where its chain leads to no authority that the service trusts, and then its
    names prove nothing. `client_auth` is false where it lacks the clientAuth usage.
    """

    common_name: str
    alternative_names: tuple[str, ...] = ()
    trusted: bool = True
    client_auth: bool = True

    @classmethod
    def of(cls, name: str) -> "Certificate":
        """A trusted one that bears this name as common name and alternative name."""
        return cls(common_name=name, alternative_names=(name,))

    @property
    def names(self) -> tuple[str, ...]:
        """All that it is called, in one spelling."""
        return tuple(dict.fromkeys(plain(n) for n in (self.common_name, *self.alternative_names)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """One RCPT TO of one SMTP session. An empty `mail_from` is the null sender.

    `recipient_exists` is None where the directory is not known, which is the rule.
    """

    source: str
    mail_from: str
    recipient: str
    tls: bool = False
    certificate: Certificate | None = None
    recipient_exists: bool | None = None

    @property
    def is_ipv6(self) -> bool:
        """Whether the client came over IPv6; a mapped IPv4 address counts as IPv4."""
        return ":" in plain_source(self.source)

    @property
    def sender_domain(self) -> str:
        """Domain of the envelope sender; empty for the null sender."""
        return domain_of(self.mail_from)

    @property
    def recipient_domain(self) -> str:
        """Domain of the recipient."""
        return domain_of(self.recipient)


def session(
    *,
    source: str,
    mail_from: str,
    recipient: str,
    tls: bool = False,
    cert_name: str | None = None,
) -> Session:
    """Check what a person or a file says of a session.

    Raises SessionError where the source is no address, an address has no domain, or a certificate
    is shown without TLS.
    """
    try:
        source = str(ip_address(source.strip()))
    except ValueError:
        raise SessionError(f"{source!r} is not an IP address") from None
    if "%" in source:
        raise SessionError(f"{source!r} names a zone of this machine: write the address alone")
    try:
        mail_from, recipient = mailbox(mail_from), mailbox(recipient)
    except MailboxError as problem:
        raise SessionError(str(problem)) from None
    if not recipient:
        raise SessionError("the recipient has no domain: write name@domain")
    if cert_name and not tls:
        raise SessionError("a client certificate is shown over TLS only")
    certificate = Certificate.of(cert_name) if cert_name else None
    # Nobody sends from ::ffff:192.0.2.1: it is how a host with both families writes 192.0.2.1.
    source = plain_source(source)
    return Session(
        source=source, mail_from=mail_from, recipient=recipient, tls=tls, certificate=certificate
    )


def plain_source(text: str) -> str:
    """The address as the service sees it: ::ffff:192.0.2.1 is 192.0.2.1."""
    if ":" not in text:
        return text
    address = ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
