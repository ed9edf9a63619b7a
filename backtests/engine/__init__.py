"""The engine: bars through a strategy, orders through a portfolio; pure."""
