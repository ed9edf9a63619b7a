"""The past as it happened: recorded bars, each at the moment of market time at which it closed."""
