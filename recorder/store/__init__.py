"""A store as a whole: its id, its writer, and the changes of its upstream server."""
