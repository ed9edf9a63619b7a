"""Streaming: from the pipeline's encoded messages to a ring, and from there to every client."""
