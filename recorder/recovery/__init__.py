"""A start after a crash: pending segments, rows and files, the ends of the tapes, and checkpoints."""
