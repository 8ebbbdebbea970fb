"""Sources, their secrets, schedules and crawls with both ledgers."""
