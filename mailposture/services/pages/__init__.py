"""What pages show, loaded in a bounded number of queries as frozen values that decide nothing."""
