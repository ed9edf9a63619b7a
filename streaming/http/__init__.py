"""The HTTP paths of the contract, and the two pages."""
