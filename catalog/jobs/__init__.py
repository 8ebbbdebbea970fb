"""The queue of work, the processes that do it, the scheduler, and followers of the log."""
