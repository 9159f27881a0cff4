"""Moments at which many waits end together, which costs less than an end for each."""


def on_the_beat(latest: float, beat: float) -> float:
    """The last moment until `latest` that is a whole number of beats, all of them seconds."""
    return latest // beat * beat
