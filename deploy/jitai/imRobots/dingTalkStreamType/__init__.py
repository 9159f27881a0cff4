"""The Type of robots in DingTalk, in Stream mode: how an instance of it is loaded."""

from .loader import Loader

__all__ = ["Loader"]
