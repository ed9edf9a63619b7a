"""The web server: daphne with flow control, admission and deadlines."""
