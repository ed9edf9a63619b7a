"""A package, so that its market ends with its tests."""
