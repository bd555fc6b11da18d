"""`manage.py lab`: runs alone, steers the one that runs, and says so when none does."""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.door import client_certificate

MANAGE = Path(__file__).parents[2] / "manage.py"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder in which `manage.py lab` runs, until it is interrupted."""
    folder = tmp_path_factory.mktemp("data")
    with started(folder) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(6)]
        assert said[0].startswith("The lab is up: SMTP on port ")
        assert said[2] == "  MAILPOSTURE_LAB_NETWORKS=127.0.0.0/8\n"
        assert said[3].startswith("  MAILPOSTURE_RESOLVER=127.0.0.1:")
        assert said[5] == "Ctrl-C ends it.\n"
        yield folder
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == ("", "")
        assert process.returncode == 0


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(MANAGE), "lab", *arguments],
        env=os.environ | {"DATA_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lab(folder: Path, *arguments: str) -> tuple[int, str, str]:
    with started(folder, *arguments) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize(
    "arguments", [("state",), ("scene", "lock", "contoso"), ("fault", "contoso", "silent")]
)
def test_without_a_lab_it_says_so_in_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, out, err = lab(tmp_path, *arguments)
    assert (code, out) == (2, "")
    assert err == "No lab is running. Start one with `manage.py lab` or `make demo`.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_scene_says_what_changed_and_may_be_repeated(data: Path) -> None:
    code, out, err = lab(data, "scene", "unlock", "fabrikam")
    assert (code, err) == (0, "")
    assert out == 'Fabrikam\'s connector "Lock to gateway" is off: it keeps nobody out.\n'
    assert "off already" in lab(data, "scene", "unlock", "fabrikam")[1]
    assert lab(data, "scene", "reset", "fabrikam")[0] == 0


def test_a_fault_is_set_and_lifted(data: Path) -> None:
    arguments = ("fault", "contoso", "delay", "--front-end", "127.0.10.21", "--milliseconds", "40")
    assert lab(data, *arguments) == (0, "Every reply of 127.0.10.21 waits 40 ms.\n", "")
    told = json.loads(lab(data, "state")[1])
    contoso = next(tenant for tenant in told["tenants"] if tenant["slug"] == "contoso")
    assert [front["delay"] for front in contoso["front_ends"]] == [0, 40]
    assert lab(data, "fault", "contoso", "none")[0] == 0


def test_an_api_fault_and_a_record_are_set_too(data: Path) -> None:
    arguments = ("fault", "contoso", "429:2", "--api", "--times", "2")
    code, out, _ = lab(data, *arguments)
    assert (code, out) == (
        0,
        "Contoso's Admin API answers the next 2 calls of any cmdlet with 429:2.\n",
    )
    assert lab(data, "fault", "contoso", "none", "--api")[0] == 0
    code, out, _ = lab(data, "txt", "_mailposture.contoso.com", "mailposture=abc")
    assert (code, out) == (0, "_mailposture.contoso.com has a new TXT record.\n")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("scene", "dance", "contoso"), 'The lab refused: there is no scene "dance"'),
        (("scene", "lock", "nobody"), 'The lab refused: there is no tenant "nobody"'),
        (("fault", "contoso", "sulk"), 'The lab refused: there is no fault "sulk"'),
        (("txt", "a.example.net", "x"), 'The lab refused: "a.example.net" is no name'),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    data: Path, arguments: tuple[str, ...], why: str
) -> None:
    code, out, err = lab(data, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(why)
    assert err.count("\n") == 1


def test_a_second_lab_in_the_same_folder_is_refused(data: Path) -> None:
    code, out, err = lab(data)
    assert (code, out) == (2, "")
    assert err == f"The lab cannot start: another lab is running in {data / 'lab'}\n"


@pytest.mark.parametrize("form", ["cer", "pem"])
def test_a_certificate_is_registered_from_its_file(data: Path, tmp_path: Path, form: str) -> None:
    _, pem = client_certificate(f"Mailposture, as {form}")
    file = tmp_path / f"mailposture-contoso.{form}"
    file.write_bytes(ssl.PEM_cert_to_DER_cert(pem) if form == "cer" else pem.encode())
    code, out, err = lab(data, "register-certificate", "contoso", str(file))
    assert (code, err) == (0, "")
    assert out.startswith("Contoso's app knows the certificate ")
    assert "already" in lab(data, "register-certificate", "contoso", str(file))[1]


def test_a_file_that_is_no_certificate_is_refused_in_one_line(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a certificate")
    for given, why in ((file, "no certificate in PEM"), (tmp_path / "no", "cannot be read")):
        code, out, err = lab(data, "register-certificate", "contoso", str(given))
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert why in err
