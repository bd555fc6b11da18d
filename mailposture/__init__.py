"""Mailposture: who may deliver mail straight to an Exchange Online tenant, and the proof.

This module imports nothing: a vantage point loads it without Django.
"""

VERSION = "0.1.0"
