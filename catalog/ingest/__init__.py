"""Records -> store: the only way by which what machines say enters the catalog."""
