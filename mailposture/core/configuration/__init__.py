"""A tenant's mail-flow configuration as values, with Exchange's field names snake-cased."""

from mailposture.core.configuration.connectors import (
    ANY_DOMAIN,
    InboundConnector,
    OutboundConnector,
)
from mailposture.core.configuration.kinds import (
    ConnectorType,
    Kind,
    RejectDirectSend,
    exchange_name,
    is_compared,
    kinds_of,
)
from mailposture.core.configuration.settings import (
    AcceptedDomain,
    ConnectionFilter,
    DomainFacts,
    MxHost,
    Organization,
    TransportRule,
    domain_facts,
)
from mailposture.core.configuration.whole import (
    DECIDING,
    PARTS,
    Configuration,
    Part,
    PartStatus,
    last_known,
    with_domain_facts,
    with_part,
)

__all__ = [
    "ANY_DOMAIN",
    "DECIDING",
    "PARTS",
    "AcceptedDomain",
    "Configuration",
    "ConnectionFilter",
    "ConnectorType",
    "DomainFacts",
    "InboundConnector",
    "Kind",
    "MxHost",
    "Organization",
    "OutboundConnector",
    "Part",
    "PartStatus",
    "RejectDirectSend",
    "TransportRule",
    "domain_facts",
    "exchange_name",
    "is_compared",
    "kinds_of",
    "last_known",
    "with_domain_facts",
    "with_part",
]
