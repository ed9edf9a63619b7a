"""The stream, live and past: one socket's session, replay, and what messages hold."""
