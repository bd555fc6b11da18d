"""Exchange Online read from outside: tokens, the Admin API, and its rows as our values."""
