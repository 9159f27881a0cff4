"""Pictures of the dashboards, drawn from what a real Prometheus answered: previews, for Grafana draws otherwise."""
