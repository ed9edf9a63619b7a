"""Structure: measures of the graph that all matches of a camera's window make."""
