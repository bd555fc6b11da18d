"""What pages show, loaded: a bounded number of queries, frozen values, no decisions left to templates."""
