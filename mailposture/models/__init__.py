"""Rows: they store and find, and decide nothing."""

from mailposture.models.access import AuditEvent, StartLink
from mailposture.models.evidence import Coverage, Endpoint, ExposureWindow, Observation, Path
from mailposture.models.exceptions import Acceptance
from mailposture.models.findings import Finding
from mailposture.models.history import Change, Snapshot
from mailposture.models.places import ApprovedSource, VantagePoint
from mailposture.models.reports import Report
from mailposture.models.running import Awake, Halt
from mailposture.models.telling import Alert, Delivery, Incident, Subscription
from mailposture.models.tenant import Credential, Recipient, Tenant
from mailposture.models.traffic import SeenSender
from mailposture.models.work import Round, Shard

__all__ = [
    "Acceptance",
    "Alert",
    "ApprovedSource",
    "AuditEvent",
    "Awake",
    "Change",
    "Coverage",
    "Credential",
    "Delivery",
    "Endpoint",
    "ExposureWindow",
    "Finding",
    "Halt",
    "Incident",
    "Observation",
    "Path",
    "Recipient",
    "Report",
    "Round",
    "SeenSender",
    "Shard",
    "Snapshot",
    "StartLink",
    "Subscription",
    "Tenant",
    "VantagePoint",
]
