"""One sentence and one transaction each: load, ask the core, act, save."""
