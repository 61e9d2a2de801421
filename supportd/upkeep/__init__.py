"""What the scripts do. Used by `scripts/` only, never by `supportd serve`."""
