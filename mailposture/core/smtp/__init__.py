"""A sans-IO SMTP client that records everything and judges nothing (RFC 5321, 3207, 2920)."""
