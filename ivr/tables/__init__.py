"""Every table of the SQL database, in one file per part. Used through `ivr.db`."""
