"""Push: who is told that something came, and how."""
