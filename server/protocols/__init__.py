"""The protocols of one client's connection: HTTP and WebSocket."""
