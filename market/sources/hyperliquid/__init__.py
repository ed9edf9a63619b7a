"""Live trades of the venue Hyperliquid, whose trades name both parties."""
