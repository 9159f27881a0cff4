"""Debian's Chromium, as the tests start it."""

from pathlib import Path

CHROMIUM = "/usr/bin/chromium"
TEMPLATES = Path(__file__).parents[2] / "deploy" / "dingtalk"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
