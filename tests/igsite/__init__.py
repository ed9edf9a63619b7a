"""Small servers that the tests of this package share, and that end with them."""
