"""Tickets: what is known of them, and what users do with them."""
