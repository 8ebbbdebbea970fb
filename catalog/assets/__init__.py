"""What everybody reads: assets by id and name, lists, columns and their effective facts."""
