"""A package, so that its browser ends with its tests: while it runs, no other test can have an event loop."""
