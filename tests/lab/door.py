"""The lab's HTTPS door for tests: a world of its own, on ports of its own, with a clock to move."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msal
import requests
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from mailposture.lab import https
from mailposture.lab.stories import new_world
from mailposture.lab.world import ApiFault, Tenant, World

ENVELOPES = Path(__file__).parent / "envelopes"


def envelope(name: str) -> Any:
    """A copied answer."""
    return json.loads((ENVELOPES / f"{name}.json").read_text())


def shape(value: Any) -> Any:
    """What a document is made of: its keys in order and the kinds of its values."""
    if isinstance(value, dict):
        return [(key, shape(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


def client_certificate(name: str) -> tuple[str, str]:
    """An RSA key and a self-signed certificate, both PEM, as an app registration has them."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


class Door:
    """A served world and a client session that trusts its authority and no proxy."""

    def __init__(self, served: https.Served, world: World, ca: Path) -> None:
        self.served = served
        self.world = world
        self.session = requests.Session()
        self.session.verify = str(ca)
        self.session.trust_env = False
        self.moved = 0.0

    def clock(self) -> float:
        return time.time() + self.moved

    def fresh(self) -> None:
        """Put the world, the clock and the tokens' life back to their beginnings."""
        self.world.tenants[:] = new_world().tenants
        self.world.api_faults.clear()
        self.moved = 0.0
        self.served.tokens.lifetime = 3600
        self.served.tokens.promised = None
        self.served.api.calls.clear()

    def tenant(self, slug: str) -> Tenant:
        tenant = self.world.by_slug(slug)
        assert tenant is not None
        return tenant

    def fault(self, kind: str, cmdlet: str | None = None, times: int | None = 1) -> None:
        fault = ApiFault(tenant="contoso", kind=kind, cmdlet=cmdlet, times=times)
        self.world.api_faults.append(fault)

    def application(
        self, slug: str = "contoso", credential: Any = None, *, client: str = "", tenant: str = ""
    ) -> msal.ConfidentialClientApplication:
        known = self.tenant(slug)
        return msal.ConfidentialClientApplication(
            client or known.registration.client_id,
            client_credential=credential or known.registration.client_secret,
            authority=f"{self.served.authority_url}/{tenant or known.tenant_id}",
            http_client=self.session,
            instance_discovery=False,
        )

    def acquire(self, application: msal.ConfidentialClientApplication, resource: str = "") -> Any:
        scope = f"{resource or self.served.api_url}/.default"
        return application.acquire_token_for_client([scope])

    def token(self, slug: str = "contoso") -> str:
        """A token straight from the mint, for tests that are not about signing in."""
        tenant = self.tenant(slug)
        app = tenant.registration
        return self.served.tokens.mint(
            tenant.tenant_id, app.client_id, self.served.api_url, app.roles, app.wids
        )[0]

    def invoke(self, cmdlet: str, parameters: Any = None, **how: Any) -> requests.Response:
        """POST InvokeCommand; `how`: slug, tenant, token, base, query, headers, timeout."""
        slug = how.get("slug", "contoso")
        name = how.get("tenant", self.tenant(slug).tenant_id)
        base = how.get("base", self.served.api_url)
        bearer = {"Authorization": f"Bearer {how.get('token') or self.token(slug)}"}
        call = {"CmdletName": cmdlet, "Parameters": {} if parameters is None else parameters}
        return self.session.post(
            f"{base}/adminapi/beta/{name}/InvokeCommand",
            params=how.get("query"),
            json={"CmdletInput": call},
            headers=bearer | how.get("headers", {}),
            timeout=how.get("timeout", 10),
            allow_redirects=False,
        )


@contextmanager
def running(folder: Path) -> Iterator[Door]:
    """Serve a world from a loop in a thread of its own until the block ends."""
    authority = trustme.CA()
    ca, certificate = folder / "ca.pem", folder / "https.pem"
    authority.cert_pem.write_to_path(str(ca))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    world = new_world()
    clock: list[Door] = []

    def run(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    try:
        served = run(
            https.serve(
                world, certificate, clock=lambda: clock[0].clock() if clock else time.time()
            )
        )
        door = Door(served, world, ca)
        clock.append(door)
        with door.session:
            yield door
        run(served.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
