"""What an operator watches: dashboards and rules as code (`source/`), as built files, and the runbook."""
