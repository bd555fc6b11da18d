"""The outside: Exchange Online, SMTP, DNS, drawings. Foreign words stop here."""
