"""What a tenant's configuration would be after commands that nobody has run yet."""

from mailposture.core.proposals.applying import Proposal, propose, with_parts
from mailposture.core.proposals.documents import propose_documents
from mailposture.core.proposals.values import ProposalError, sender_address

__all__ = [
    "Proposal",
    "ProposalError",
    "propose",
    "propose_documents",
    "sender_address",
    "with_parts",
]
