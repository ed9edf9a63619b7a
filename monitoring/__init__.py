"""What Prometheus, probes and logs are told of every process, and what the market's process tells of itself."""
