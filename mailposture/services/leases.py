"""Claims on rows of work: which are free to be taken."""

from datetime import datetime

from django.db.models import Q


def free(now: datetime, field: str = "lease_until") -> Q:
    """Rows whose time in this field was never set or is over: nobody holds them."""
    return Q(**{field: None}) | Q(**{f"{field}__lte": now})
