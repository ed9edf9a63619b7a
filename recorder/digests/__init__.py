"""Digests: what finished segments come to, made once, so that the past can be seen without being read."""
