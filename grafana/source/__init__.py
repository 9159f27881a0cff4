"""Dashboards and rules as code. `python -m grafana.source --write` builds the files beside this folder."""
