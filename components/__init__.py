"""What each part of the system reports of itself, and the bus that carries it."""
