"""The past as a stream: what was recorded, sent again at the pace at which it happened, or at another."""
