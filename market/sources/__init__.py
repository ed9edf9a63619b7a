"""Where ticks come from, a file each."""
