"""A double of Exchange Online on loopback. An island: it imports nothing of the product."""
