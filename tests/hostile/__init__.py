"""A live market with a past, whose server ends with its tests."""
