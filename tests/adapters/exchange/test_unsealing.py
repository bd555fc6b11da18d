"""Uploaded files are opened apart: what would take for ever is ended, the rest comes through."""

import base64
import threading
import time
from pathlib import Path

import psutil
import pytest

from mailposture.adapters.exchange import pfx, unsealing
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.unsealing import open_certificate
from tests.adapters.exchange.test_pfx import MINE, RSA, SESAME, pem, pem_key
from tests.adapters.exchange.test_pfx import pfx as made
from tests.servers import until


def der(tag: int, content: bytes) -> bytes:
    """One value of ASN.1 in its distinguished encoding (X.690)."""
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x81" + bytes([size])
    return bytes([tag]) + length + content


def identifier(digits: str) -> bytes:
    return der(6, bytes.fromhex(digits))


def sealed_in(rounds: int) -> bytes:
    """A PEM whose key is sealed with PBES2 (RFC 8018), PBKDF2 of so many rounds, and nothing."""
    count = der(2, rounds.to_bytes(rounds.bit_length() // 8 + 1))
    sha256 = der(0x30, identifier("2a864886f70d0209") + b"\x05\x00")
    derived = der(0x30, der(4, b"saltsalt") + count + sha256)
    pbkdf2 = der(0x30, identifier("2a864886f70d01050c") + derived)
    aes = der(0x30, identifier("60864801650304012a") + der(4, b"i" * 16))
    pbes2 = der(0x30, identifier("2a864886f70d01050d") + der(0x30, pbkdf2 + aes))
    text = base64.encodebytes(der(0x30, pbes2 + der(4, b"x" * 64)))
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n%b-----END ENCRYPTED PRIVATE KEY-----\n" % text


@pytest.mark.parametrize(
    ("data", "passphrase"),
    [
        (pem_key(RSA) + pem(MINE), ""),
        (pem_key(RSA, "pässwörd") + pem(MINE), "pässwörd"),
        (made(RSA, MINE), SESAME),
    ],
)
def test_what_serves_comes_through_as_if_opened_here(data: bytes, passphrase: str) -> None:
    here = pfx.open_pem if unsealing.PEM in data else pfx.open_pfx
    assert open_certificate(data, passphrase) == here(data, passphrase)


@pytest.mark.parametrize(
    ("data", "passphrase", "cause"),
    [
        (made(RSA, MINE), "wrong", "passphrase-wrong"),
        (b"not a pfx", "", "certificate-unreadable"),
        (b"x" * (pfx.BIGGEST + 1), "", "certificate-unreadable"),
        (b"x", "x" * (unsealing.LONGEST_PASSPHRASE + 1), "certificate-unreadable"),
        (pem(MINE), "", "certificate-incomplete"),
        (sealed_in(2048) + pem(MINE), "a", "passphrase-wrong"),
    ],
)
def test_what_does_not_serve_is_refused_for_its_own_reason(
    data: bytes, passphrase: str, cause: str
) -> None:
    with pytest.raises(ExchangeError) as refused:
        open_certificate(data, passphrase)
    assert (refused.value.cause, refused.value.permanent) == (cause, True)


def test_a_key_sealed_in_endless_rounds_is_ended_and_holds_up_nobody() -> None:
    caught: list[ExchangeError] = []

    def opening() -> None:
        try:
            open_certificate(sealed_in(2**31 - 1) + pem(MINE), "a", seconds=1.5)
        except ExchangeError as refused:
            caught.append(refused)

    thread = threading.Thread(target=opening)
    thread.start()
    counted = 0
    while thread.is_alive():
        counted += 1
        time.sleep(0.001)
    assert counted > 100
    assert "took longer than 1.5 s" in caught[0].says
    until(lambda: not running(), 5)


def running() -> list[psutil.Process]:
    """Processes of ours that open something."""
    below = psutil.Process().children(recursive=True)
    return [one for one in below if unsealing.__name__ in one.cmdline()]


def test_what_kills_its_opener_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(unsealing, "ROOT", tmp_path)
    with pytest.raises(ExchangeError, match="cannot be opened"):
        open_certificate(pem_key(RSA) + pem(MINE), "")
