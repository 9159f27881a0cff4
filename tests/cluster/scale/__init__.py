"""What the inbox and the service cost, measured: the numbers behind `deploy/SCALE.md`."""
