"""What templates may say: states, times, numbers, the wire."""
