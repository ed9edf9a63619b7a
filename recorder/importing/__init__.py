"""Importing a store of files that somebody else wrote."""
