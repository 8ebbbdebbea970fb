"""Crawlers of SQL systems."""
