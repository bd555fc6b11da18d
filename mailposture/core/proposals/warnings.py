"""What Exchange takes without a word, or with another meaning than one may think."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from mailposture.core.configuration import ANY_DOMAIN, Configuration, InboundConnector
from mailposture.core.hosts import plain
from mailposture.core.powershell import Command, Value, limits


def _both(c: InboundConnector) -> bool:
    return c.restrict_domains_to_ip_addresses and c.restrict_domains_to_certificate


def _no_address(c: InboundConnector) -> bool:
    return c.restrict_domains_to_ip_addresses and not c.sender_ip_addresses


def _no_name(c: InboundConnector) -> bool:
    return c.restrict_domains_to_certificate and not c.tls_sender_certificate_name


def _restricts_nothing(c: InboundConnector) -> bool:
    restricts = c.restrict_domains_to_ip_addresses or c.restrict_domains_to_certificate
    return not c.is_partner and restricts


def _internal(c: InboundConnector) -> bool:
    return bool(c.treat_messages_as_internal) and (
        c.is_partner or bool(c.cloud_services_mail_enabled)
    )


# Each takes the connector's name. Sources: the cmdlet pages, and for the first
# use-connectors-to-configure-mail-flow.
BOTH: Final = (
    "{name} restricts to addresses and to a certificate. Microsoft asks for a connector each:"
    " how one with both decides is not documented."
)
NO_ADDRESS: Final = (
    "{name} restricts to addresses and names none: by the letter everybody in its scope is"
    " refused, and Exchange may not store it."
)
NO_NAME: Final = (
    "{name} restricts to a certificate and names none: by the letter everybody in its scope is"
    " refused, and Exchange may not store it."
)
WITHOUT_EFFECT: Final = "{name} is an OnPremises connector: its restrictions have no effect."
INTERNAL: Final = (
    "{name} has TreatMessagesAsInternal on: Exchange takes that of OnPremises connectors alone,"
    " and only with CloudServicesMailEnabled off."
)

WARNINGS: Final[tuple[tuple[Callable[[InboundConnector], bool], str], ...]] = (
    (_both, BOTH),
    (_no_address, NO_ADDRESS),
    (_no_name, NO_NAME),
    (_restricts_nothing, WITHOUT_EFFECT),
    (_internal, INTERNAL),
)


LACKS: Final = "The {} of the proposal lack fields that decide: what turns on them is not known."
NOWHERE: Final = (
    "{name} is for {domains}, which {verb} no accepted domain: Exchange takes accepted domains"
    " alone, and for mail to others it decides nothing."
)


def warnings(connectors: Iterable[InboundConnector], configuration: Configuration) -> Iterator[str]:
    """What to mind in these connectors of a configuration, one sentence each."""
    for connector in connectors:
        for applies, says in WARNINGS:
            if applies(connector):
                yield says.format(name=connector.name)
        if strange := _not_accepted(connector, configuration):
            more = len(strange) - MOST_NAMED
            domains = ", ".join(strange[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
            verb = "are" if len(strange) > 1 else "is"
            yield NOWHERE.format(name=connector.name, domains=domains, verb=verb)


def _not_accepted(connector: InboundConnector, configuration: Configuration) -> list[str]:
    """The associated domains that the tenant does not have, where its domains are known."""
    if not configuration.knows("accepted_domains"):
        return []
    known = {ANY_DOMAIN, *map(plain, configuration.domains)}
    return [d for d in connector.associated_accepted_domains if plain(d) not in known]


# ---- what is said of how a command runs, and of what is not read ---------------------------

WHAT_IF: Final = (
    "-WhatIf{at}: run like this a command changes nothing. It is predicted as if -WhatIf were not"
    " there."
)
ASKS: Final = "-Confirm{at}: Exchange asks first. It is predicted as answered with yes."
ASKS_NOT: Final = "-Confirm:$false{at}: Exchange makes the change without asking."
FORCE: Final = "-Force{at}: Exchange leaves out its warnings. It is checked here all the same."
UNCHECKED: Final = "-BypassValidation{at}: Exchange may take what is refused here."
ON_ERROR: Final = (
    "-ErrorAction{at}: says what happens after an error. Every line is predicted as if none came."
)
PRINTED: Final = "{names}{at}: only what is printed or kept for later; nothing of it is predicted."
NOT_READ: Final = "{names} of {command}{at}: not read here, so that what it does is not predicted."
PERHAPS: Final = (
    "{names} of {command}{at}: not read here. The rule is taken to act perhaps, and not surely."
)
REMOTE: Final = (
    "Set-RemoteDomain{at}: nothing here reads the settings of remote domains. It is passed over"
    " whole."
)
IPV6: Final = (
    "{command}{at}: over which kind of address Exchange Online takes mail is not predicted. It is"
    " passed over whole."
)
OVER_IPV6: Final = frozenset({"Enable-IPv6ForAcceptedDomain", "Disable-IPv6ForAcceptedDomain"})
ON_SERVERS: Final = (
    "{command}{at}: a command of Exchange Server. In Exchange Online accepted domains come and go"
    " with the domains of Microsoft 365; predicted is what it would be then."
)
OF_SERVERS: Final = frozenset({"New-AcceptedDomain", "Remove-AcceptedDomain"})
MOST_NAMED: Final = 8
MOST_LINES: Final = 6


def minded(commands: Iterable[Command], unit: str = "line") -> tuple[str, ...]:
    """What is to be minded in how these commands are written; each sentence with its lines."""
    found: dict[str, list[int]] = {}
    for command in commands:
        for words in _of(command):
            found.setdefault(words, []).append(command.line)
    return tuple(words.replace("{at}", _at(lines, unit)) for words, lines in found.items())


def _at(lines: list[int], unit: str) -> str:
    numbers = list(dict.fromkeys(filter(None, lines)))
    if not numbers:
        return ""
    more = len(numbers) - MOST_LINES
    said = ", ".join(map(str, numbers[:MOST_LINES])) + (f" and {more} more" if more > 0 else "")
    return f" ({unit}{'s' if len(numbers) > 1 else ''} {said})"


def _of(command: Command) -> Iterator[str]:
    """The sentences for one command, each with a place for its lines."""
    yield from _of_running(command.aside)
    if command.name == "Set-RemoteDomain":
        yield REMOTE
        return
    if command.name in OVER_IPV6:
        yield IPV6.replace("{command}", command.name)
        return
    if command.name in OF_SERVERS:
        yield ON_SERVERS.replace("{command}", command.name)
    of_rule = command.name.endswith("-TransportRule")
    limiting = [name for name in command.unread if of_rule and limits(name)]
    others = [name for name in command.unread if name not in limiting]
    for names, words in ((limiting, PERHAPS), (others, NOT_READ)):
        if names:
            yield words.replace("{names}", _names(names)).replace("{command}", command.name)


def _of_running(aside: Mapping[str, Value]) -> Iterator[str]:
    said = {
        ("WhatIf", True): WHAT_IF,
        ("Confirm", True): ASKS,
        ("Confirm", False): ASKS_NOT,
        ("Force", True): FORCE,
        ("BypassValidation", True): UNCHECKED,
    }
    printed = []
    for name, value in aside.items():
        if name == "ErrorAction":
            yield ON_ERROR
        elif isinstance(value, bool) and (name, value) in said:
            yield said[name, value]
        elif name not in ("WhatIf", "Force", "BypassValidation"):
            printed.append(name)
    if printed:
        yield PRINTED.replace("{names}", _names(printed))


def _names(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    said = ", ".join(f"-{name}" for name in names[:MOST_NAMED])
    return said + (f" and {more} more" if more > 0 else "")
