"""A supervised, actor-model service that puts an AI agent behind a DingTalk robot in Stream mode."""

__version__ = "0.1.0"
