"""Which column of a report means what: by their names, which differ from report to report."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

# Field -> the names it goes by, the best first, without case, blanks and signs between.
# The trace cmdlet writes Received, SenderAddress, RecipientAddress and FromIP; the enhanced summary
# of a historical search writes sender_address, recipient_status and original_client_ip, the
# extended one besides event_id, client_hostname and custom_data, in which the front end notes what
# it saw of the client; connector reports add connector_name, connector_type and tls.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "date": (
        "received",
        "origintimestamputc",
        "origintimestamp",
        "datetimeutc",
        "datetime",
        "dateutc",
        "date",
        "timestamp",
    ),
    "source": (
        "fromip",
        "originalclientip",
        "clientip",
        "senderip",
        "sendingip",
        "sourceip",
        "ipaddress",
        "ip",
    ),
    "helo": ("helo", "heloname", "clienthostname", "hostname"),
    "sender": ("returnpath", "senderaddress", "sender", "mailfrom", "from", "p1sender"),
    "recipient": ("recipientaddress", "recipientstatus", "recipients", "recipient", "rcptto", "to"),
    "direction": ("directionality", "direction", "connectordirection"),
    "event": ("eventid", "event"),
    "connector": ("connectorname", "connectorid", "connector"),
    "connector_type": ("connectortype",),
    "tls": ("tlsused", "tlsversion", "tls"),
    "custom": ("customdata",),
    "messages": ("messagecount", "messages", "count", "volume"),
}
NEEDED: Final = ("date", "sender", "recipient")
SEPARATORS: Final = ",;\t"


class ReportError(ValueError):
    """A file that is no report, or says something that cannot be read: where, and what to do."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The place of each field that the report has."""

    places: Mapping[str, tuple[int, ...]]

    def of(self, row: Sequence[str]) -> dict[str, str]:
        """The fields of one line; of several columns for one, the first that says anything."""
        found = {}
        for name, places in self.places.items():
            values = (row[place].strip() for place in places if place < len(row))
            found[name] = next(filter(None, values), "")
        return found


def first_line(text: str) -> tuple[list[str], str]:
    """The head of a report, and what separates its columns: the sign that makes most of them."""
    separator = max(SEPARATORS, key=text.count)
    head = next(csv.reader([text], delimiter=separator), [])
    return head, separator


def columns(head: Sequence[str]) -> Columns:
    """Find the fields. Raises ReportError where one that is needed has no column."""
    plain = ["".join(filter(str.isalnum, name)).lower() for name in head]
    places = {
        field: tuple(plain.index(name) for name in names if name in plain)
        for field, names in NAMES.items()
    }
    missing = [field for field in NEEDED if not places[field]]
    if not places["source"] and not (places["connector"] or places["connector_type"]):
        missing.append("source address")
    if missing:
        wanted = ", ".join(missing)
        raise ReportError(
            f"line 1: this is no message trace or connector report: no column for {wanted}"
        )
    return Columns({field: found for field, found in places.items() if found})
