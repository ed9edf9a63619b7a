"""Which connections and requests are taken, and for how long."""
