"""What people write: descriptions, owners, tags and trust flags."""
