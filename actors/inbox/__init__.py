"""The durable inbox: what must not be lost. `port` says what it promises; the other modules keep it."""
