"""Rows: they store and find, and decide nothing."""

from mailposture.models.access import AuditEvent, StartLink
from mailposture.models.evidence import Coverage, Endpoint, ExposureWindow, Observation, Path
from mailposture.models.history import Change, Snapshot
from mailposture.models.places import ApprovedSource, VantagePoint
from mailposture.models.tenant import Credential, Recipient, Tenant
from mailposture.models.work import Round, Shard

__all__ = [
    "ApprovedSource",
    "AuditEvent",
    "Change",
    "Coverage",
    "Credential",
    "Endpoint",
    "ExposureWindow",
    "Observation",
    "Path",
    "Recipient",
    "Round",
    "Shard",
    "Snapshot",
    "StartLink",
    "Tenant",
    "VantagePoint",
]
