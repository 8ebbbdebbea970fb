"""Crawlers of lakes: folders and object stores."""
