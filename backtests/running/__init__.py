"""From queued to its end: workers, child processes, and the watch over them."""
