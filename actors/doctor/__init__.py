"""`python -m actors doctor`: a check-up of a real installation, for an operator who sees nothing happen.

A composition root of its own beside the service: it is made of the service's own parts, with retries off, so that what
is checked is what runs. It keeps no state and opens no inbox, which a running service may hold.
"""
