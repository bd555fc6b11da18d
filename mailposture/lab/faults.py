"""How a front end can misbehave on request: the table of faults."""

from enum import StrEnum


class Fault(StrEnum):
    """One way for a front end to fail. A delay is kept beside it, since it goes with any."""

    SILENT = "silent"
    TARPIT = "tarpit"
    RESET = "reset"
    REPUTATION = "reputation"
    THROTTLE = "throttle"
    WRONG_REGION = "wrong-region"
    SECOND_TENANT = "second-tenant"
    CONTRARY = "contrary"
    REFUSE_TLS = "refuse-tls"
    BREAK_TLS = "break-tls"
    NO_STARTTLS = "no-starttls"


MEANINGS: dict[Fault, str] = {
    Fault.SILENT: "takes the connection and says nothing",
    Fault.TARPIT: "answers one byte a second",
    Fault.RESET: "breaks the connection off with a reset",
    Fault.REPUTATION: "says that the client's address is banned (5.7.606)",
    Fault.THROTTLE: "says that the server is busy (4.7.500)",
    Fault.WRONG_REGION: "says that the mail came to the wrong region (4.4.62)",
    Fault.SECOND_TENANT: "says that another tenant's recipient came before (4.5.3)",
    Fault.CONTRARY: "takes whom the rules refuse, and refuses whom they take (5.7.51)",
    Fault.REFUSE_TLS: "answers STARTTLS with 454",
    Fault.BREAK_TLS: "agrees to STARTTLS and then breaks the handshake",
    Fault.NO_STARTTLS: "does not offer STARTTLS",
}

NONE = "none"
DELAY = "delay"
