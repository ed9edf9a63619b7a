"""Real servers, parts of which are made to fail while they run."""
