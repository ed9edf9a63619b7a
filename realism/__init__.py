"""Realism: do the returns of a market behave as those of real markets do?"""
