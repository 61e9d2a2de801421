"""HTTP in, HTTP out; no logic of its own."""
