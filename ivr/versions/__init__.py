"""Versions of the call flows: kept, made live while calls are up, compared, tried on a share of calls, rolled back."""
