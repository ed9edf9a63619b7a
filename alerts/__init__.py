"""Alerts: what is measured, which rules raise and clear them, and where they are kept."""
