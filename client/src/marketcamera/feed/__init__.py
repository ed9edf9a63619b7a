"""The bar feed: one connection that many callers share."""
