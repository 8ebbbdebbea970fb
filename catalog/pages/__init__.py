"""The web catalog: HTML routes over the functions that the API uses too. No query, no rule."""
