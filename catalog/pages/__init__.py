"""HTML routes over the same functions as the API."""
