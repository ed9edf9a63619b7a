"""A market's channel group: how a process publishes to it and remains a member."""
