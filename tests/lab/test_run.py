"""The lab as a process: what it leaves, what it keeps, and how it ends."""

import json
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from mailposture.lab import client, store
from mailposture.lab.certificates import names_in, public_part
from mailposture.lab.run import NoAddressError, has, lab, require_addresses
from mailposture.lab.stories import new_world
from mailposture.lab.world import ApiFault
from tests.lab.hosts import STRANGER, Stage, read, running, spawn


def test_it_says_where_everything_is_while_it_runs(tmp_path: Path) -> None:
    with running(tmp_path) as facts:
        assert store.running(tmp_path) == facts
        assert facts["networks"] == "127.0.0.0/8"
        assert facts["stranger"] == STRANGER
        slugs = [tenant["slug"] for tenant in facts["tenants"]]
        assert slugs[:4] == ["contoso", "fabrikam", "tailspin", "proseware"]
        assert slugs[4:] == ["northwind", "adatum", "litware", "wingtip"]
        fabrikam = facts["tenants"][1]
        assert "client_secret" not in fabrikam
        assert Path(fabrikam["certificate"]).exists()
        kinds = {source["kind"]: source for source in fabrikam["sources"]}
        assert kinds["hybrid"]["certificate_name"] == "mail.fabrikam.com"
        assert Path(kinds["hybrid"]["certificate"]).exists()
        assert kinds["gateway"]["certificate"] is None
    assert store.running(tmp_path) is None
    assert not (tmp_path / "lab.json").exists()


def test_a_restart_keeps_scenes_faults_records_ports_token_and_keys(tmp_path: Path) -> None:
    # A port of its own, which no other lab on this machine would take in between.
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        store.save(tmp_path, new_world(), {"smtp": chosen.getsockname()[1]})
    with running(tmp_path) as before:
        stage = Stage(before)
        stage.scene("lock", "contoso")
        stage.scene("renew-certificate", "fabrikam")
        stage.scene("expire", "adatum")
        stage.fault("tailspin", "throttle", front_end="127.0.12.20")
        stage.fault("contoso", "503", on="api", times=3)
        client.ask(before, "/txt", {"name": "_mailposture.contoso.com", "value": "proof"})
        told = client.ask(before, "/state")
        keys = {path: path.read_bytes() for path in tmp_path.rglob("*.pem")}
    with running(tmp_path) as after:
        assert client.ask(after, "/state") == told
        assert {k: v for k, v in after.items() if k != "pid"} == {
            k: v for k, v in before.items() if k != "pid"
        }
        assert {path: path.read_bytes() for path in tmp_path.rglob("*.pem")} == keys
        stage = Stage(after)
        answer = stage.try_delivery("contoso", STRANGER, "a@probe.example")
        assert answer.startswith("550 5.7.51")
        assert names_in(tmp_path / "certs" / "fabrikam-hybrid.pem") == {"mail.fabrikam.example"}
        assert stage.state("adatum")["secret_expired"]


async def test_what_changed_without_a_command_is_kept_at_the_end_too(tmp_path: Path) -> None:
    async with lab(tmp_path) as held:
        held.world.api_faults.append(ApiFault(tenant="contoso", kind="429", times=2))
        assert held.world.take_api_fault("contoso", "Get-AcceptedDomain") == "429"
    assert store.load(tmp_path)[0].api_faults == [ApiFault(tenant="contoso", kind="429", times=1)]


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    with running(tmp_path) as before:
        pass
    port = int(before["resolver"].rpartition(":")[2])
    control = int(before["control"].rpartition(":")[2])
    https = int(before["api"].rpartition(":")[2])
    taken = [socket.create_server(("127.0.0.1", each)) for each in (port, control, https)]
    with running(tmp_path) as after:
        assert after["resolver"] != before["resolver"]
        assert after["control"] != before["control"]
        assert after["api"] != before["api"]
    for each in taken:
        each.close()


def test_a_state_of_other_stories_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(json.dumps({"revision": 0, "tenants": "nonsense"}))
    world, ports = store.load(tmp_path)
    assert (len(world.tenants), ports) == (8, {})


@pytest.mark.parametrize(
    "spoiled",
    ["", "{", "[]", "\x00", '{"revision": 1}', '{"revision": 1, "tenants": {"contoso": 7}}'],
)
def test_a_spoiled_state_is_put_aside(tmp_path: Path, spoiled: str) -> None:
    (tmp_path / "state.json").write_text(spoiled)
    assert store.load(tmp_path) == (new_world(), {})


def test_two_labs_cannot_share_a_folder_but_may_run_side_by_side(tmp_path: Path) -> None:
    with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        assert one["smtp_port"] != two["smtp_port"]
        command = [sys.executable, "-m", "mailposture.lab", "--dir", str(tmp_path / "one")]
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert second.returncode == 2
    assert second.stderr == f"another lab is running in {tmp_path / 'one'}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_with_clients_still_connected(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = spawn(tmp_path)
    facts = read(tmp_path)
    with socket.create_connection(("127.0.10.20", facts["smtp_port"]), timeout=20) as client_side:
        assert client_side.recv(3) == b"220"
        process.send_signal(number)
        assert process.communicate(timeout=20)[0] == ""
    assert process.returncode == 0
    assert not (tmp_path / "lab.json").exists()


def test_a_killed_lab_is_not_believed_and_starts_again(tmp_path: Path) -> None:
    process = spawn(tmp_path)
    process.kill()
    process.communicate(timeout=20)
    assert (tmp_path / "lab.json").exists()
    assert store.running(tmp_path) is None
    with running(tmp_path) as facts:
        assert facts["pid"] != process.pid


PARENT = """
import subprocess, sys
command = [sys.executable, "-m", "mailposture.lab", "--with-parent", "--dir", sys.argv[1]]
subprocess.Popen(command).wait()
"""


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith("the lab is up")
        parent.kill()
        # The lab holds the other end of the pipe, so this ends when the lab does.
        assert parent.stdout.read() == ""
    assert store.running(tmp_path) is None


def test_keys_are_for_this_user_alone(tmp_path: Path) -> None:
    with running(tmp_path):
        pass
    kept = [*tmp_path.rglob("*.pem"), tmp_path / "state.json", tmp_path / "control-token"]
    assert len(kept) >= 9
    assert {path.stat().st_mode & 0o077 for path in kept} == {0}


def test_a_certificate_bears_its_name_first_and_chains_to_the_authority(tmp_path: Path) -> None:
    with running(tmp_path):
        pass
    authority = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
    for name, wanted in (("contoso-hybrid", "mail.contoso.com"), ("untrusted", "mail.contoso.com")):
        path = tmp_path / "certs" / f"{name}.pem"
        certificate = x509.load_pem_x509_certificate(public_part(path).encode())
        assert certificate.subject.rfc4514_string().startswith(f"CN={wanted}")
        assert names_in(path) == {wanted}
        chained = certificate.issuer == authority.subject
        assert chained is (name != "untrusted")
    fronts = names_in(tmp_path / "certs" / "front-end.pem")
    assert {"mail.protection.outlook.com", "*.mail.protection.outlook.com"} <= fronts
    assert {"127.0.10.20", "127.0.17.21", "*.o-v1.mx.microsoft"} <= fronts


def test_sign_in_and_admin_api_are_served_under_the_labs_authority(tmp_path: Path) -> None:
    with running(tmp_path) as facts:
        port = int(facts["authority"].rpartition(":")[2])
        context = ssl.create_default_context(cafile=facts["ca"])
        with (
            socket.create_connection(("127.0.0.1", port), timeout=20) as wire,
            context.wrap_socket(wire, server_hostname="127.0.0.1") as safe,
        ):
            assert safe.version() == "TLSv1.3"


def test_missing_loopback_addresses_are_named_with_the_command_that_adds_them() -> None:
    assert has("127.0.10.20")
    assert not has("203.0.113.1")
    require_addresses(["127.0.0.1", "127.0.10.20"])
    with pytest.raises(NoAddressError) as raised:
        require_addresses(["127.0.0.1", "203.0.113.1", "203.0.113.2"])
    assert "lacks; add them by: for a in 203.0.113.1 203.0.113.2; do sudo ifconfig lo0" in str(
        raised.value
    )
