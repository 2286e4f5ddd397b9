"""The page and its API: their own process, which no call depends on."""
