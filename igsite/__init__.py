"""The site: wires market, camera, recorder and streaming into one Django project."""
