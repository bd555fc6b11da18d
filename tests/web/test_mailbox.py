"""The lab's mailbox: what was mailed is shown, and none of it acts."""

import re
from pathlib import Path

import pytest
from django.test import Client

from mailposture.services import mailbox
from tests.web.fleet_rows import page, signed_in, words

pytestmark = pytest.mark.django_db

NAME = "20261125T080200000000-0001.eml"
MAIL = b"""\
From: Mailposture <mailposture@probe.example>\r
To: security@example.com\r
Subject: [Critical] tailspin takes mail from any host\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary="x"\r
\r
--x\r
Content-Type: text/plain; charset=utf-8\r
\r
tailspin takes mail <b>from any host</b>.\r
--x\r
Content-Type: text/html; charset=utf-8\r
\r
<p>tailspin</p><script>alert(1)</script>\r
--x--\r
"""


@pytest.fixture
def box(settings: pytest.FixtureRequest, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    settings.LAB = {"mailbox": "smtp://127.0.0.1:1"}  # type: ignore[attr-defined]
    folder = tmp_path / "lab" / "mailbox"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(MAIL)
    return folder


@pytest.fixture
def viewer() -> Client:
    return signed_in(staff=False)


def test_mails_are_listed_newest_first(box: Path, viewer: Client) -> None:
    (box / "20261125T090000000000-0002.eml").write_bytes(b"Subject: later\r\n\r\n")
    (box / "notes.txt").write_text("no mail")
    (box / ".20261125T100000000000-0003.eml").write_text("half written")
    said = words(page(viewer, "/lab/mailbox/"))
    assert said.index("later") < said.index("[Critical] tailspin")
    assert len(mailbox.mails()) == 2


@pytest.mark.parametrize(
    ("number", "first", "listed"),
    [("1", 119, 50), ("3", 19, 20), ("99", 19, 20), ("x", 119, 50), ("-1", 19, 20)],
)
def test_a_full_box_is_shown_page_by_page(
    box: Path, viewer: Client, number: str, first: int, listed: int
) -> None:
    (box / NAME).unlink()
    for n in range(120):
        name = f"20261125T080200{n:06}-{n + 1:04}.eml"
        (box / name).write_bytes(b"Subject: mail %d.\r\n\r\n" % n)
    said = words(page(viewer, f"/lab/mailbox/?page={number}"))
    assert re.findall(r"mail (\d+)\.", said)[0] == str(first)
    assert said.count("mail ") >= listed
    assert len(mailbox.mails(number)) == listed
    assert "of 3" in said


def test_a_mail_shows_its_text_as_text_and_its_html_in_a_frame(box: Path, viewer: Client) -> None:
    answer = viewer.get(f"/lab/mailbox/{NAME}/")
    markup = answer.content.decode()
    assert "tailspin takes mail &lt;b&gt;from any host&lt;/b&gt;." in markup
    assert "alert(1)" not in markup
    assert f'<iframe class="letter" sandbox src="/lab/mailbox/{NAME}/html"' in markup
    assert "frame-src 'self'" in answer["Content-Security-Policy"]


def test_the_frame_may_run_nothing_and_ask_for_nothing(box: Path, viewer: Client) -> None:
    answer = viewer.get(f"/lab/mailbox/{NAME}/html")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    "name", ["..%2f..%2fkeys", "nothing.eml", "20261125T080200000000-0009.eml", "..", NAME + "x"]
)
def test_no_other_file_is_served(box: Path, viewer: Client, name: str) -> None:
    for address in (f"/lab/mailbox/{name}/", f"/lab/mailbox/{name}/html"):
        assert viewer.get(address).status_code == 404


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x00\xff\xfe", b"Subject: =?utf-8?b?////?=\r\n\r\n", b"Content-Type: a/b/c\r\n\r\nx",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\nwords",
        b"Content-Transfer-Encoding: base64\r\nContent-Type: text/html\r\n\r\n!!!!",
        b"To: " + b"a@b.example, " * 20_000 + b"\r\n\r\n", b"X" * 3_000_000,
        b"Subject: a\rb\x0bc\r\n\r\n", b"To: <<<>>>,,;:\r\nFrom: @\r\n\r\n",
    ],
)  # fmt: skip
def test_an_odd_mail_breaks_no_page(box: Path, viewer: Client, content: bytes) -> None:
    (box / NAME).write_bytes(content)
    for address in ("/lab/mailbox/", f"/lab/mailbox/{NAME}/", f"/lab/mailbox/{NAME}/html"):
        assert viewer.get(address).status_code == 200


def test_an_empty_box_says_what_to_do(box: Path, viewer: Client) -> None:
    (box / NAME).unlink()
    assert "No mail yet." in words(page(viewer, "/lab/mailbox/"))


def test_without_a_lab_there_is_no_mailbox(viewer: Client, settings: pytest.FixtureRequest) -> None:
    settings.LAB = None  # type: ignore[attr-defined]
    for address in ("/lab/mailbox/", f"/lab/mailbox/{NAME}/", f"/lab/mailbox/{NAME}/html"):
        assert viewer.get(address).status_code == 404
