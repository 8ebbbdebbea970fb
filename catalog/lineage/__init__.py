"""Statements become edges, edges have evidence, and both can be followed up and down."""
