"""TLS over memory BIOs with pyOpenSSL: a channel, cached contexts, and what a handshake showed.

Nothing is refused here: the certificate is judged after the handshake and the finding is
recorded, for a server that cannot prove its name is evidence, too.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL, crypto

from mailposture.adapters.targets import NAMES
from mailposture.core.smtp.reply import printable
from mailposture.core.smtp.transcript import (
    MOST_CERTIFICATES,
    NONE_SHOWN,
    NOT_ASKED,
    REFUSED,
    REQUIRED,
    SHOWN,
    Certificate,
    TlsFacts,
)

_CHUNK: Final = 8 * 1024
# pyOpenSSL has no names for some of what OpenSSL can do.
_lib: Any = SSL._lib  # type: ignore[attr-defined] # noqa: SLF001 - as said
_ffi: Any = SSL._ffi  # type: ignore[attr-defined] # noqa: SLF001 - likewise
_MOST_NAMES: Final = 100
# An authority's certificate has a name or none.
_MOST_NAMES_ABOVE: Final = 10
_LONGEST_NAME: Final = 300
# Freed buffers between reads are worth 30 MB per thousand conversations in flight.
# (SSL_MODE_RELEASE_BUFFERS; pyOpenSSL has no name for it.)
_RELEASE_BUFFERS: Final = 0x10
_GROUPS: Final = b"X25519:P-256:P-384:P-521"
# The step of OpenSSL's state machine in which a client certificate was shown: it proves the
# possession of its key only for a certificate that it sent.
_PROVED: Final = b"SSLv3/TLS write certificate verify"

# Alerts by which a server says what it holds of our certificate (RFC 8446 section 6.2):
# handshake_failure (RFC 5246 section 7.4.6: so says TLS 1.2 that it wants one), no_certificate,
# bad, unsupported, revoked, expired, unknown, unknown_ca, access_denied, certificate_required.
# They count only where it asked for one, and then nothing else is left to agree on.
_OF_CERTIFICATE: Final = frozenset({40, 41, 42, 43, 44, 45, 46, 48, 49, 116})
_READ_ALERT: Final = SSL.SSL_CB_READ_ALERT

_JUDGED_FOR: Final = 600.0
_MOST_JUDGED: Final = 512
UNREADABLE: Final = (
    ValueError,
    crypto.Error,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class Shake(NamedTuple):
    """How a handshake went."""

    version: str
    cipher: str
    client_certificate: str
    group: str = ""


class TlsError(Exception):
    """The handshake or the channel broke, on either side."""


def client_context(certificate: Path | None = None) -> SSL.Context:
    """The context for a client certificate, or for none; made once for each file's content.

    OSError or SSL.Error if the file cannot be used.
    """
    if certificate is None:
        return _context("", 0, 0)
    about = certificate.stat()
    return _context(str(certificate), about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=64)
def _context(certificate: str, _modified: int, _size: int) -> SSL.Context:
    made = SSL.Context(SSL.TLS_CLIENT_METHOD)
    made.set_min_proto_version(SSL.TLS1_2_VERSION)
    made.set_mode(_RELEASE_BUFFERS)
    # Resumption would neither show the server's chain nor prove our certificate again.
    made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    made.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    made.set_verify(SSL.VERIFY_NONE)
    # Without a hybrid group's key share, which costs a third of a handshake's CPU and makes
    # the ClientHello two segments: nothing that is said here is worth keeping for decades.
    _lib.SSL_CTX_set1_curves_list(made._context, _GROUPS)  # noqa: SLF001 - as said
    _lib.SSL_CTX_set_cert_cb(made._context, _asked, _ffi.NULL)  # noqa: SLF001 - likewise
    if certificate:
        made.use_certificate_chain_file(certificate)
        made.use_privatekey_file(certificate)
        made.check_privatekey()
    return made


# OpenSSL asks for our certificate where the server has asked for one, and only there. From then
# on, and for such a handshake alone, we listen to its steps: each costs a way into Python and
# back, and a handshake has sixteen.
@_ffi.callback("int (*)(SSL *, void *)")  # type: ignore[untyped-decorator] # cffi has no types
def _asked(ssl: Any, _argument: Any) -> int:
    if asked := _asked_of(ssl):
        asked.answer = NONE_SHOWN
        _lib.SSL_set_info_callback(ssl, _step)
    return 1  # go on


@_ffi.callback("void (*)(const SSL *, int, int)")  # type: ignore[untyped-decorator] # cffi has no types
def _step(ssl: Any, where: int, value: int) -> None:
    if where == _READ_ALERT:
        asked = _asked_of(ssl)
        if asked and value & 0xFF in _OF_CERTIFICATE:
            asked.answer = REFUSED if asked.answer == SHOWN else REQUIRED
    elif where & SSL.SSL_CB_LOOP and _ffi.string(_lib.SSL_state_string_long(ssl)) == _PROVED:
        asked = _asked_of(ssl)
        if asked:
            asked.answer = SHOWN


def _asked_of(ssl: Any) -> "_Asked | None":
    connection = SSL.Connection._reverse_mapping.get(ssl)  # noqa: SLF001 - as its own callbacks do
    found = connection.get_app_data() if connection else None
    return found if isinstance(found, _Asked) else None


@dataclass(slots=True)
class _Asked:
    """What became of the server's question for our certificate."""

    answer: str = NOT_ASKED


class Trust:
    """The system's authorities (OpenSSL's own paths), and one more where it is named."""

    def __init__(self, authority: Path | None = None) -> None:
        # The store belongs to its context, which must live as long: pyOpenSSL does not count.
        self._holder = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self._holder.set_default_verify_paths()
        if authority is not None:
            self._holder.load_verify_locations(str(authority))

    def error_of(self, leaf: crypto.X509, others: Sequence[crypto.X509]) -> str:
        """Why the chain does not lead to a trusted authority now; empty if it does."""
        store = self._holder.get_cert_store()
        if store is None:  # pragma: no cover - OpenSSL makes one with every context
            return "no trusted authorities"
        try:
            crypto.X509StoreContext(store, leaf, others).verify_certificate()
        except crypto.X509StoreContextError as failed:
            return str(failed)
        return ""


@lru_cache(maxsize=4)
def trust_of(authority: Path | None) -> Trust:
    """What the system trusts, and this authority where it is named; read once in a process."""
    return Trust(authority)


def system_trust() -> Trust:
    """What the system trusts."""
    return trust_of(None)


@lru_cache(maxsize=_MOST_JUDGED)
def judge(sent: tuple[bytes, ...], trust: Trust, shake: Shake, _period: int) -> TlsFacts:
    """The facts of a server's chain, as sent in DER: who it is, and what that proves.

    Front ends share their certificates, so a chain is judged once in a period only.
    """
    about = TlsFacts(
        version=shake.version,
        cipher=shake.cipher,
        group=shake.group,
        client_certificate=shake.client_certificate,
        fingerprint_sha256=hashlib.sha256(sent[0]).hexdigest() if sent else "",
        error="no certificate sent",
    )
    if not sent:
        return about
    try:
        chain = [x509.load_der_x509_certificate(der) for der in sent]
        return _judge(chain, trust, about)
    except UNREADABLE as odd:
        return replace(about, error=printable(f"unreadable certificate: {odd}")[:200])


def _judge(chain: Sequence[x509.Certificate], trust: Trust, about: TlsFacts) -> TlsFacts:
    leaf = chain[0]
    error = chain_error(chain, trust) or _usage_error(leaf) or _name_error(_names(leaf))
    return replace(
        about,
        **_about(leaf, _MOST_NAMES),
        above=tuple(
            Certificate(**_about(one, _MOST_NAMES_ABOVE)) for one in chain[1:MOST_CERTIFICATES]
        ),
        verified=not error,
        error=printable(error),
    )


def _about(one: x509.Certificate, most_names: int) -> dict[str, Any]:
    return {
        "subject": printable(one.subject.rfc4514_string())[:_LONGEST_NAME],
        "names": tuple(printable(name)[:_LONGEST_NAME] for name in _names(one)[:most_names]),
        "issuer": printable(one.issuer.rfc4514_string())[:_LONGEST_NAME],
        "not_before": one.not_valid_before_utc.isoformat(),
        "not_after": one.not_valid_after_utc.isoformat(),
        "fingerprint_sha256": one.fingerprint(hashes.SHA256()).hex(),
    }


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [name.lower() for name in found.value.get_values_for_type(x509.DNSName)]


def chain_error(chain: Sequence[x509.Certificate], trust: Trust) -> str:
    """Why a chain, the leaf first, leads to nobody who is trusted; empty if it does."""
    leaf, *others = [crypto.X509.from_cryptography(certificate) for certificate in chain]
    return trust.error_of(leaf, others)


def _usage_error(leaf: x509.Certificate) -> str:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ""
    good = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    return "" if good & set(usage) else "not a server's certificate"


def _name_error(names: Sequence[str]) -> str:
    """Any name of the table will do: every front end answers for every tenant."""
    plain = [name.removeprefix("*.") for name in names]
    proved = any(
        name == suffix or name.endswith(f".{suffix}") for name in plain for suffix in NAMES
    )
    return "" if proved else "no Microsoft mail name in the certificate"


class Channel:
    """The client's end of one TLS connection; bytes in, bytes out."""

    def __init__(self, context: SSL.Context, host: str) -> None:
        self.established = False
        self._asked = _Asked()
        self._connection = SSL.Connection(context, None)
        self._connection.set_app_data(self._asked)
        self._connection.set_connect_state()
        if not _is_address(host):
            self._connection.set_tlsext_host_name(host.encode("ascii", "replace"))

    def shake(self, received: bytes = b"") -> bool:
        """Carry the handshake on and say if it is done; TlsError when it fails."""
        if received:
            self._connection.bio_write(received)
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as failed:
            raise TlsError(_why(failed)) from failed
        self.established = True
        return True

    def decrypt(self, received: bytes = b"") -> tuple[bytes, str | None]:
        """The clear bytes, and what ended the channel behind them, if anything has.

        None: it goes on. Empty: the server closed it in good order. Else why it broke.
        """
        if received:
            self._connection.bio_write(received)
        pieces: list[bytes] = []
        try:
            while True:
                pieces.append(self._connection.recv(_CHUNK))
        except SSL.WantReadError:
            return b"".join(pieces), None
        except SSL.ZeroReturnError:
            return b"".join(pieces), ""
        except SSL.Error as failed:
            return b"".join(pieces), _why(failed)

    def encrypt(self, data: bytes) -> None:
        """Put clear bytes into the channel; ``outgoing`` has them then."""
        try:
            self._connection.sendall(data)
        except SSL.Error as failed:
            raise TlsError(_why(failed)) from failed

    def outgoing(self) -> bytes:
        """What must go out on the wire now."""
        try:
            return self._connection.bio_read(_CHUNK)
        except SSL.WantReadError:
            return b""

    def facts(self, trust: Trust) -> TlsFacts:
        """What the handshake showed, and whether it proves a Microsoft mail name."""
        connection = self._connection
        sent = [
            crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
            for certificate in connection.get_peer_cert_chain() or ()
        ]
        version, cipher = connection.get_protocol_version_name(), connection.get_cipher_name()
        group = connection.get_group_name() if self.established else None
        shake = Shake(version, cipher or "", self._asked.answer, group or "")
        return judge(tuple(sent), trust, shake, int(time.monotonic() / _JUDGED_FOR))


@lru_cache(maxsize=1024)
def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _why(failed: SSL.Error) -> str:
    """OpenSSL's reasons in words; a bare end of the stream has none."""
    reasons = failed.args[0] if failed.args and isinstance(failed.args[0], list) else []
    words = "; ".join(str(entry[-1]) for entry in reasons if entry)
    return printable(words or str(failed) or type(failed).__name__)[:200]
