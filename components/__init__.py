"""The reports of each component of the system on itself, and the bus that carries them."""
