"""Which connections and requests are admitted, and for how long."""
