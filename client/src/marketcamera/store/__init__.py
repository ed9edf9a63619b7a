"""Stores: a recording's segment files, read without asking a server for messages."""
