"""The family of robots in instant messengers. JitNode's own loader loads its Types."""
