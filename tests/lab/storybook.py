"""What every story of the lab must answer, as a table: the lab is held to it, and a model can be.

A row is a tenant, who knocks, the recipients' domains, the classes of sender, the answer to RCPT
and the default of "Defaults where the sources leave a choice" (the notes on attribution, section
17) that it rests on; empty where documentation alone decides it.
"""

from typing import Final, NamedTuple

IN, LOCKED, DIRECT = "250 2.1.5", "550 5.7.51", "550 5.7.68"
NOBODY = "550 5.4.1"
ALL: Final = ("foreign", "own", "null")
FOREIGN_OWN: Final = ("foreign", "own")
FOREIGN_NULL: Final = ("foreign", "null")
OWN: Final = ("own",)
NULL: Final = ("null",)

DEFAULTS: Final = frozenset(
    {
        "null_sender_in_wildcard",
        "hybrid_exempt",
        "associated_domains_scope_recipients",
        "lock_before_direct_send",
        "lock_before_directory",
        "ipv6_never_listed",
        "certificate_without_require_tls",
        "any_satisfied_restriction_is_proof",
        "certificate_name_need_not_be_accepted",
        "certificate_names",
        "matching_without_restriction",
        "require_tls_asks_whom_it_identifies",
        "match_subdomains",
        "direct_send_setting_unknown",
        "client_auth_usage",
    }
)


class Row(NamedTuple):
    """What some senders must be answered, and on what that rests."""

    tenant: str
    source: str
    domains: tuple[str, ...]
    classes: tuple[str, ...]
    answer: str
    rests_on: str = ""


def both(slug: str) -> tuple[str, ...]:
    return f"{slug}.com", f"{slug}.onmicrosoft.com"


def three(slug: str) -> tuple[str, ...]:
    return *both(slug), f"{slug}.mail.onmicrosoft.com"


NORTHWIND: Final = (*three("northwind"), "northwindtraders.com")
TOYS: Final = ("wingtiptoys.com",)
LITWARE, LITWARE_INITIAL = both("litware")

ROWS: Final = (
    Row("contoso", "stranger", three("contoso"), ALL, IN),
    Row("contoso", "gateway", three("contoso"), ALL, IN),
    Row("contoso", "hybrid", three("contoso"), ALL, IN, "hybrid_exempt"),
    Row("fabrikam", "stranger", three("fabrikam"), FOREIGN_OWN, LOCKED, "lock_before_directory"),
    Row("fabrikam", "stranger", three("fabrikam"), NULL, LOCKED, "null_sender_in_wildcard"),
    Row("fabrikam", "gateway", three("fabrikam"), ALL, IN),
    Row("fabrikam", "hybrid", three("fabrikam"), ALL, IN, "hybrid_exempt"),
    Row("tailspin", "stranger", both("tailspin"), ALL, IN),
    Row("tailspin", "gateway", both("tailspin"), ALL, IN),
    Row("proseware", "stranger", both("proseware"), FOREIGN_OWN, LOCKED, "lock_before_directory"),
    Row("proseware", "stranger", both("proseware"), NULL, LOCKED, "null_sender_in_wildcard"),
    Row("proseware", "gateway", both("proseware"), ALL, IN),
    Row("northwind", "stranger", NORTHWIND, FOREIGN_OWN, LOCKED, "lock_before_directory"),
    Row("northwind", "stranger", NORTHWIND, NULL, LOCKED, "null_sender_in_wildcard"),
    Row("northwind", "gateway", NORTHWIND, ALL, IN, "certificate_name_need_not_be_accepted"),
    Row("northwind", "gateway", NORTHWIND, ALL, IN, "certificate_names"),
    Row("northwind", "hybrid", NORTHWIND, ALL, IN, "hybrid_exempt"),
    Row("adatum", "stranger", both("adatum"), FOREIGN_NULL, IN),
    Row("adatum", "stranger", both("adatum"), OWN, DIRECT, "lock_before_directory"),
    Row("adatum", "gateway", both("adatum"), FOREIGN_NULL, IN),
    Row("adatum", "gateway", both("adatum"), OWN, DIRECT, "lock_before_directory"),
    Row("litware", "stranger", (LITWARE,), ALL, LOCKED, "associated_domains_scope_recipients"),
    Row("litware", "stranger", (LITWARE,), NULL, LOCKED, "null_sender_in_wildcard"),
    Row("litware", "stranger", (LITWARE_INITIAL,), ALL, IN, "associated_domains_scope_recipients"),
    Row("litware", "gateway", both("litware"), ALL, IN),
    Row("wingtip", "stranger", both("wingtip"), FOREIGN_NULL, IN),
    Row("wingtip", "stranger", both("wingtip"), OWN, LOCKED, "lock_before_directory"),
    Row("wingtip", "stranger", TOYS, ALL, NOBODY),
    Row("wingtip", "gateway", both("wingtip"), FOREIGN_NULL, IN),
    Row("wingtip", "gateway", both("wingtip"), OWN, LOCKED, "lock_before_directory"),
    Row("wingtip", "gateway", TOYS, ALL, NOBODY),
    Row("wingtip", "relay", both("wingtip"), FOREIGN_NULL, IN),
    Row("wingtip", "relay", both("wingtip"), OWN, IN, "any_satisfied_restriction_is_proof"),
    Row("wingtip", "relay", TOYS, ALL, NOBODY),
)
