"""The model and the lab were written apart from the same notes: they are held to each other.

The stories are asked of the model with the rows that the lab hands out; random configurations are
asked of both.
"""

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailposture.adapters.exchange import parse
from mailposture.core.attribution import Rule, Session, decide
from mailposture.core.attribution.gates import answer, look
from mailposture.core.attribution.reading import read
from mailposture.core.attribution.sessions import plain_source, session
from mailposture.core.configuration import (
    AcceptedDomain,
    Configuration,
    InboundConnector,
    Organization,
    Part,
    PartStatus,
    RejectDirectSend,
    with_part,
)
from mailposture.lab.decide import Outcome
from mailposture.lab.decide import Session as LabSession
from mailposture.lab.decide import decide as lab_decide
from mailposture.lab.reading import Connector, Rules
from mailposture.lab.stories import new_world
from mailposture.lab.world import DOMAINS, INBOUND, ORGANIZATION, STRANGER, Tenant
from tests.core.strategies import configurations, sessions
from tests.lab.storybook import DEFAULTS, IN, NOBODY, ROWS, Row

CODES: Final = {
    Outcome.ACCEPTED: None,
    Outcome.RELAYED: None,
    Outcome.LOCKED: "5.7.51",
    Outcome.TLS_REQUIRED: "TLS",
    Outcome.DIRECT_SEND: "5.7.68",
    Outcome.NO_SUCH_TENANT: "5.7.64",
}


def read_rows(tenant: Tenant) -> Configuration:
    """The tenant's configuration, from the very rows that its Admin API hands out."""
    made = Configuration()
    for name, value_type, cmdlet in (
        ("inbound_connectors", InboundConnector, INBOUND),
        ("accepted_domains", AcceptedDomain, DOMAINS),
        ("organization", Organization, ORGANIZATION),
    ):
        parsed = parse.rows(value_type, tenant.rows[cmdlet])
        assert parsed.missing == ()
        value = parsed.values[0] if name == "organization" else parsed.values
        made = with_part(made, Part(name=name, status=PartStatus.OK), value)
    return made


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.tenant}-{row.source}-{row.rests_on}")
def test_the_model_predicts_every_story(row: Row) -> None:
    tenant = new_world().by_slug(row.tenant)
    assert tenant is not None
    made = read_rows(tenant)
    host = next((source for source in tenant.sources if source.kind == row.source), None)
    for domain in row.domains:
        for sender_class in row.classes:
            own, foreign = f"postmaster@{domain}", "postmaster@probe.example"
            asked = session(
                source=host.address if host else STRANGER,
                mail_from={"own": own, "foreign": foreign}.get(sender_class, ""),
                recipient=f"postmaster@{domain}",
                tls=True,
                cert_name=host.certificate_name if host else None,
            )
            decision = decide(made, asked)
            expected = None if row.answer in (IN, NOBODY) else row.answer.removeprefix("550 ")
            assert decision.code == expected, decision.trace
            assert set(decision.assumptions) <= DEFAULTS | {"restriction_beats_allow_by_domain"}


def rules(made: Configuration) -> Rules:
    """The same configuration as the lab reads its own rows."""
    accepted = frozenset(made.domains)
    reject = made.organization.reject_direct_send if made.organization else None
    return Rules(
        slug="contoso",
        accepted=accepted,
        accepted_with_subdomains=frozenset(
            d.domain_name for d in made.accepted_domains or () if d.match_sub_domains
        ),
        connectors=tuple(
            Connector(raw(connector))
            for connector in made.inbound_connectors or ()
            if connector.enabled
        ),
        reject_direct_send=reject is RejectDirectSend.ON,
        mailboxes=frozenset(),
        contradicted=False,
    )


def raw(connector: InboundConnector) -> dict[str, Any]:
    """A connector as Get-InboundConnector writes it. The lab reads networks, and no ranges."""
    return {
        "Name": connector.name,
        "Enabled": connector.enabled,
        "ConnectorType": str(connector.connector_type),
        "RequireTls": connector.require_tls,
        "RestrictDomainsToIPAddresses": connector.restrict_domains_to_ip_addresses,
        "RestrictDomainsToCertificate": connector.restrict_domains_to_certificate,
        "TlsSenderCertificateName": connector.tls_sender_certificate_name,
        "SenderIPAddresses": [a for a in connector.sender_ip_addresses if "-" not in a],
        "SenderDomains": [f"smtp:{name};1" for name in connector.sender_domains],
        "AssociatedAcceptedDomains": list(connector.associated_accepted_domains),
    }


def without_ranges(made: Configuration) -> bool:
    entries = (e for c in made.inbound_connectors or () for e in c.sender_ip_addresses)
    return made.not_known == () and not any("-" in entry for entry in entries)


def lab_session(asked: Session) -> LabSession:
    names = asked.certificate.names if asked.certificate else ()
    return LabSession(
        address=plain_source(asked.source),
        tls=asked.tls,
        mail_from=asked.mail_from,
        rcpt_to=asked.recipient,
        certificate=frozenset(names),
    )


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_the_lab_and_the_model_answer_alike(data: st.DataObject) -> None:
    made = data.draw(configurations().filter(without_ranges))
    asked = data.draw(sessions((*made.domains, "news.contoso.com", "adatum.example")))
    said = lab_decide([rules(made)], lab_session(asked))
    held = rules(made).takes(asked.recipient_domain)
    ours = answer(look(read(made), asked))
    # The directory is not the model's to know: where the lab says "nobody", the door was passed.
    if said.outcome is Outcome.NO_SUCH_RECIPIENT:
        assert ours.accepted
        assert held
    else:
        assert ours.code == CODES[said.outcome]
    if ours.rule in (Rule.OWN_MAIL, Rule.RELAY, Rule.RESTRICTION, Rule.TLS):
        assert ours.connector == said.connector
