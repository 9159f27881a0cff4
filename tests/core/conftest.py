"""What the tests of the rules share."""

from hypothesis import HealthCheck, settings

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For properties: a loaded machine is no failure."""
