"""Contract suites for crawlers, engines and queues: shipped, imported by tests only."""
