"""Who can be told: what a mail can be written to, and a column can hold on every database."""

import pytest

from mailposture import models
from mailposture.services import subscribing
from mailposture.services.subscribing import NotAnAddressError
from tests.factories import NOW

LABELS = ".".join(["y" * 60] * 3)
LONGEST = f"{'x' * 60}@{LABELS}.example.net"[-254:]


@pytest.mark.parametrize(
    "address",
    [
        "security@example.com",
        " security@example.com ",
        "o'brien+alerts@example.com",
        '"a,b"@example.com',
        "security@[192.0.2.1]",
        "security@xn--bcher-kva.example",
        LONGEST,
    ],
)
def test_what_a_mail_can_be_written_to_is_taken(address: str) -> None:
    assert subscribing.valid_address(address) == address.strip()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "not a mail address"),
        ("nobody", "not a mail address"),
        ("x@example.com\r\nBcc: y@example.com", "not a mail address"),
        ("security@bücher.example", "needs SMTPUTF8"),
        (f"x{LONGEST}", "at most 254 characters"),
        (f"{'x' * 300}@example.com", "at most 254 characters"),
        ('"\x0b"@example.com', r'"\\x0b"@example.com cannot be written'),
        ('"\x01"@example.com', r'"\\x01"@example.com cannot be written'),
        ("=?utf-8?q?x?=@example.com", "cannot be written"),
    ],
)
@pytest.mark.django_db
def test_what_none_can_be_written_to_is_refused_in_words(address: str, says: str) -> None:
    with pytest.raises(NotAnAddressError, match=says) as refused:
        subscribing.subscribe(address, None, NOW)
    assert str(refused.value).isprintable() or "Bcc" in address
    assert not models.Subscription.objects.exists()
