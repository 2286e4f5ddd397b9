"""Scenarios of a dialplans folder: read and run them, make them real, make one of a recorded call."""
