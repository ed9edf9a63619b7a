"""What do clients rely on? Every path, socket, message, error and limit, as documents that programs read."""
