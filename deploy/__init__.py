"""What it takes to run the service somewhere else: its set-up, its image, its manifests, its card template."""
