"""A store as a whole: its id, who may write it, and the runs that made what is in it."""
