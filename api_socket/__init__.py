"""The socket `/api/v1/websocket`: prices, components, backtests and alerts for clients with a token."""
