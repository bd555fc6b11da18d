"""The prober and its peers side by side: their server, a relay that delays, and who contends."""
