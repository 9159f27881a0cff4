"""`services.AgentBridge`: the agents and assistants of this app, for a service outside it that asks by signed calls."""

from .service import AgentBridge

__all__ = ["AgentBridge"]
