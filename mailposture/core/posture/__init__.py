"""What a configuration alone proves of a tenant's posture: a table of rules and its judge."""

from mailposture.core.posture.rules import RULES, Approved, Finding, Result, Rule, assess

__all__ = ["RULES", "Approved", "Finding", "Result", "Rule", "assess"]
