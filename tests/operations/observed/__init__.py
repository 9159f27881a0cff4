"""The service as an operator observes it: real processes, a real Prometheus, and what the platform counted."""
