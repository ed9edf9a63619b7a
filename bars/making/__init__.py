"""From ticks to the rows of bars."""
