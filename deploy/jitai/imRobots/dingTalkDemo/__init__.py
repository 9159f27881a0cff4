"""A robot: `config.json` is all there is to it."""
