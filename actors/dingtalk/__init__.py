"""The platform's edge: how DingTalk is spoken. `port` is what the actors know of it."""
