"""Importing: takes in a store of files that another program wrote."""
