"""What needs several rooms or the queue: one function per use case."""
