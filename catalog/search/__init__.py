"""Search: the query language, the document, the engine port, and the follower that fills it."""
