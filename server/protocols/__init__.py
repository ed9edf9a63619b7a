"""What one client's connection says, and what it is sent: HTTP and WebSocket."""
