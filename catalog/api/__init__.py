"""The API: parse, call, shape the reply. No query and no rule lives here."""
