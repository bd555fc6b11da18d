"""What the lab's name server knows: records worked out from the world, and RFC 1034's two noes.

A name that does not exist is NXDOMAIN, one that exists without the asked type is NODATA, and
what belongs to nobody here is refused: the lab is no resolver.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from enum import Enum, auto

from mailposture.lab.world import MAIL_SUFFIX, SERVICE, SIGNED_SUFFIX, Tenant, World

PROBE_DOMAIN = "probe.example"
SERVICE_ZONES = (MAIL_SUFFIX, SIGNED_SUFFIX, "onmicrosoft.com", PROBE_DOMAIN)

type Records = dict[str, dict[str, list[str]]]


class Kind(Enum):
    """How a question ends."""

    FOUND = auto()
    NO_DATA = auto()
    NO_NAME = auto()
    NOT_OURS = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The records of an answer as (name, type, text), in order, and the zone they come from."""

    kind: Kind
    zone: str = ""
    records: list[tuple[str, str, str]] = field(default_factory=list)


def apexes(world: World) -> list[str]:
    """Every zone the lab answers for, its tenants' own domains among them."""
    own = [d for tenant in world.tenants for d in tenant.domains if not is_service_domain(d)]
    return [*SERVICE_ZONES, *own]


def is_service_domain(domain: str) -> bool:
    return domain.endswith(".onmicrosoft.com")


def records(world: World) -> Records:
    """Work out all records as they stand now."""
    found: Records = defaultdict(lambda: defaultdict(list))
    for tenant in world.tenants:
        add_tenant(found, tenant)
    found[PROBE_DOMAIN]["MX"].append(f"10 mx.{PROBE_DOMAIN}.")
    found[PROBE_DOMAIN]["TXT"].append('"v=spf1 ip4:127.0.0.0/8 -all"')
    found[f"mx.{PROBE_DOMAIN}"]["A"].append(SERVICE)
    found[f"mx.{PROBE_DOMAIN}"]["AAAA"].append("2001:db8::25")
    for zone in apexes(world):
        found[zone]["NS"].append(f"ns.{PROBE_DOMAIN}.")
        found[zone]["SOA"].append(start_of(zone))
    found[f"ns.{PROBE_DOMAIN}"]["A"].append(SERVICE)
    for name, values in world.txt.items():
        found[name.lower()]["TXT"] += [quoted(value) for value in values]
    return found


def start_of(zone: str) -> str:
    """Give a zone's SOA; the last number keeps noes for five seconds only."""
    return f"ns.{PROBE_DOMAIN}. hostmaster.{zone}. 1 900 300 86400 5"


def add_tenant(found: Records, tenant: Tenant) -> None:
    addresses = [front.address for front in tenant.front_ends]
    for domain in tenant.domains:
        found[tenant.door(domain)]["A"] += addresses
        if is_service_domain(domain):
            found[domain]["MX"].append(f"0 {tenant.door(domain)}.")
            found[domain]["TXT"].append('"v=spf1 include:spf.protection.outlook.com -all"')
            continue
        gate = tenant.gateway
        found[domain]["MX"].append(f"10 {gate.host}.")
        policy = f"v=spf1 ip4:{gate.address} include:spf.protection.outlook.com -all"
        found[domain]["TXT"].append(quoted(policy))
        found[f"autodiscover.{domain}"]["CNAME"].append("autodiscover.outlook.com.")
        found[f"smtp.{domain}"]["CNAME"].append(f"{gate.host}.")
    for source in tenant.sources:
        found[source.host]["A"].append(source.address)


def quoted(value: str) -> str:
    """Write one TXT value as master-file text, cut into strings of at most 255 bytes."""
    escaped = [
        f"\\{byte:03d}" if byte < 32 or byte > 126 or byte in b'"\\' else chr(byte)
        for byte in value.encode()
    ]
    pieces = [escaped[start : start + 255] for start in range(0, len(escaped), 255)] or [[]]
    return " ".join('"' + "".join(piece) + '"' for piece in pieces)


def look_up(world: World, name: str, kind: str) -> Finding:
    """Answer one question, following a CNAME as far as it stays here."""
    known = records(world)
    zone = zone_of(world, name)
    if zone is None:
        return Finding(kind=Kind.NOT_OURS)
    chain: list[tuple[str, str, str]] = []
    while True:
        held = known.get(name, {})
        if kind != "CNAME" and "CNAME" in held and len(chain) < 8:
            target = held["CNAME"][0]
            chain.append((name, "CNAME", target))
            name = target.removesuffix(".").lower()
            if zone_of(world, name) is None:
                return Finding(kind=Kind.FOUND, zone=zone, records=chain)
            continue
        chain += [(name, kind, text) for text in held.get(kind, [])]
        return Finding(kind=ending(known, name, chain), zone=zone, records=chain)


def ending(known: Records, name: str, chain: list[tuple[str, str, str]]) -> Kind:
    """Tell NODATA from NXDOMAIN; a name with names below it exists (RFC 8020)."""
    if chain:
        return Kind.FOUND
    exists = name in known or any(other.endswith("." + name) for other in known)
    return Kind.NO_DATA if exists else Kind.NO_NAME


def zone_of(world: World, name: str) -> str | None:
    found = [zone for zone in apexes(world) if name == zone or name.endswith("." + zone)]
    return max(found, key=len, default=None)
