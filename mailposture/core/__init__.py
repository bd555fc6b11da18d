"""The pure core: values in, values out. No clock, socket, log, Django or randomness."""
