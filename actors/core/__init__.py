"""Pure rules: no I/O, no threads, no clock, no randomness but what is handed in."""
