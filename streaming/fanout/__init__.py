"""From a moment to each client: what is prepared once for all who chose the same options, and outboxes."""
