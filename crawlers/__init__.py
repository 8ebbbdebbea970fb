"""Crawlers that ship with the catalog; each is one file and an entry point."""
