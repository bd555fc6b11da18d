"""What a person or a file says of a session is checked before it is asked."""

import pytest

from mailposture.core.attribution import SessionError, session


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"source": "mail.contoso.com"}, "is not an IP address"),
        ({"source": "203.0.113.0/24"}, "is not an IP address"),
        ({"source": "fe80::1%eth0"}, "names a zone of this machine"),
        ({"recipient": "postmaster"}, "has no domain"),
        ({"recipient": ""}, "has no domain"),
        ({"mail_from": "postmaster"}, "has no domain"),
        ({"mail_from": "a@b\r\nRCPT TO:<x>"}, "is not a mail address"),
        ({"mail_from": "a b@fabrikam.com"}, "is not a mail address"),
        ({"mail_from": "a(comment)@fabrikam.com"}, "comments are of headers"),
        ({"mail_from": "a@fabrikam.com (comment)"}, "is not a mail address"),
        ({"mail_from": '"a@fabrikam.com'}, "is not a mail address"),
        ({"mail_from": "@fabrikam.com"}, "is not a mail address"),
        ({"mail_from": "a@fabrikam..com"}, "'fabrikam..com' is no domain"),
        ({"mail_from": "a@."}, "has no domain"),
        ({"recipient": "b@con toso.com"}, "is no domain"),
        ({"recipient": "<>"}, "the recipient has no domain"),
        ({"recipient": "b@" + "d" * 64 + ".example"}, "is no domain"),
        ({"cert_name": "mail.contoso.com", "tls": False}, "over TLS only"),
    ],
)
def test_a_session_that_cannot_be_is_refused_in_words(said: dict[str, object], why: str) -> None:
    good: dict[str, object] = {
        "source": "192.0.2.1",
        "mail_from": "a@fabrikam.com",
        "recipient": "b@contoso.com",
        "tls": True,
    }
    with pytest.raises(SessionError, match=why):
        session(**{**good, **said})  # type: ignore[arg-type]  # a table of one wrong value each


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ('"a b"@fabrikam.com', "fabrikam.com"),
        ('"a@b"@fabrikam.com', "fabrikam.com"),
        (r'"a\"b"@fabrikam.com', "fabrikam.com"),
        ('""@fabrikam.com', "fabrikam.com"),
        ('<"very.(),:;<>[] odd"@Fabrikam.com>', "fabrikam.com"),
        ("!#$%&'*+-/=?^_`{|}~@fabrikam.com", "fabrikam.com"),
        ("prvs=1234=a+b@fabrikam.com", "fabrikam.com"),
        ("a..b.@fabrikam.com", "fabrikam.com"),
        ("<@gate.example,@hop.example:a@fabrikam.com>", "fabrikam.com"),
        ("a@[192.0.2.1]", "[192.0.2.1]"),
        ("a@[IPv6:2001:db8::1]", "[ipv6:2001:db8::1]"),
        ("a@localhost", "localhost"),
        ("jörg@bücher.example", "xn--bcher-kva.example"),
        ("a@xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("a@_dmarc.fabrikam.com.", "_dmarc.fabrikam.com"),
    ],
)
def test_an_address_is_read_as_smtp_has_it(written: str, domain: str) -> None:
    asked = session(source="192.0.2.1", mail_from=written, recipient="b@contoso.com")
    assert asked.sender_domain == domain
    asked = session(source="192.0.2.1", mail_from="", recipient=written)
    assert asked.recipient_domain == domain


@pytest.mark.parametrize("written", ["", "<>", " <> "])
def test_the_null_sender_is_written_in_three_ways(written: str) -> None:
    asked = session(source="192.0.2.1", mail_from=written, recipient="<b@Contoso.com.>")
    assert asked.mail_from == ""
    assert asked.sender_domain == ""
    assert asked.recipient_domain == "contoso.com"


def test_an_address_has_one_spelling() -> None:
    asked = session(source=" 2001:DB8:0::1 ", mail_from="", recipient="b@contoso.com")
    assert asked.source == "2001:db8::1"
    assert asked.is_ipv6
    mapped = session(source="::FFFF:203.0.113.10", mail_from="", recipient="b@contoso.com")
    assert (mapped.source, mapped.is_ipv6) == ("203.0.113.10", False)
