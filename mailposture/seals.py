"""Signed messages between the centre and its vantage points: Ed25519 over a purpose and its bytes.

A broker alone must neither order a probe nor forge a result (docs/safety.md). Celery's own signing
covers the body only, and a copy of a message passes for the message; here the purpose is signed
with it, and what is in it (place, shard, attempt, expiry, nonce) makes a copy worthless.

What is signed is the text that travels, so that nobody needs to agree on how JSON is written.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

# A shard of 200 paths answers with some 2 MB; what is larger is not read at all.
MOST_CHARACTERS: Final = 32 * 1024 * 1024
# No message of another program, nor of another purpose, may pass for one of these.
_CONTEXT: Final = "mailposture message 1"


class SealError(ValueError):
    """A message that is not what it must be to be believed; the sentence says why."""


def fresh_key() -> str:
    """A new private key, as the key files hold it: 32 bytes in base64 (RFC 8032)."""
    return _text(Ed25519PrivateKey.generate().private_bytes_raw())


def public_of(private: str) -> str:
    """The public half of a private key, 32 bytes in base64; SealError for what is no key."""
    return _text(_private(private).public_key().public_bytes_raw())


def is_public(text: str) -> bool:
    """Whether this can be a public key."""
    try:
        _public(text)
    except SealError:
        return False
    return True


def seal(purpose: str, document: Mapping[str, Any], private: str) -> dict[str, str]:
    """Sign a document for one purpose. The message holds JSON's own kinds alone."""
    body = json.dumps(document, separators=(",", ":"))
    signature = _private(private).sign(_signed(purpose, body))
    return {"purpose": purpose, "body": body, "signature": _text(signature)}


def unseal(purpose: str, message: object, public: str) -> dict[str, Any]:
    """The document of a message that this key signed for this purpose; else SealError."""
    body, signature = _parts(purpose, message)
    try:
        _public(public).verify(signature, _signed(purpose, body))
    except InvalidSignature:
        raise SealError(f"a {purpose} that its sender did not sign") from None
    return _document(purpose, body)


def said_by(purpose: str, message: object) -> str:
    """Which vantage point a message claims to come from, so that its key can be found.

    Nothing of it is believed before `unseal` was given that key.
    """
    name = unproved(purpose, message).get("vantage_point")
    if not isinstance(name, str):
        raise SealError(f"a {purpose} of nobody")
    return name


def unproved(purpose: str, message: object) -> dict[str, Any]:
    """What a message holds, whoever wrote it: for whoever learns from it which key to ask."""
    body, _ = _parts(purpose, message)
    return _document(purpose, body)


def _parts(purpose: str, message: object) -> tuple[str, bytes]:
    if not isinstance(message, Mapping):
        raise SealError(f"a {purpose} that is no message")
    body, signature = message.get("body"), message.get("signature")
    if not isinstance(body, str) or not isinstance(signature, str):
        raise SealError(f"a {purpose} without a signature")
    if message.get("purpose") != purpose:
        raise SealError(f"a message for another purpose than {purpose}")
    if len(body) > MOST_CHARACTERS:
        raise SealError(f"a {purpose} of {len(body):,} characters: {MOST_CHARACTERS:,} at most")
    return body, _bytes(signature)


def _document(purpose: str, body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SealError(f"a {purpose} that holds no document")
    return found


def _signed(purpose: str, body: str) -> bytes:
    # A body may hold half a character, which is no UTF-8 and must not end the worker.
    return f"{_CONTEXT}\n{purpose}\n{body}".encode("utf-8", "surrogatepass")


def _private(text: str) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(_bytes(text))
    except ValueError:
        raise SealError("no private key of 32 bytes in base64") from None


def _public(text: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(_bytes(text))
    except ValueError:
        raise SealError("no public key of 32 bytes in base64") from None


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SealError("a key or signature that is not base64") from None
