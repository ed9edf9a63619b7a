"""From a moment to each client: feeds, prepared once for all clients with equal options, and outboxes."""
