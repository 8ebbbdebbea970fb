"""A data catalog and registry service: crawl, know, search and trust your data."""

__version__ = "0.1.0"
