"""Manifests for Kubernetes, and the check that they fit the service."""
