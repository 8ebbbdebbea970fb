"""What API and pages share of a request: who asks, guards, limits, problems."""
