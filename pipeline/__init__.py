"""One market's process: from the settings to a running pipeline, stopped and continued exactly."""
