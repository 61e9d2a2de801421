"""Conversations: what is known of them, how news changes it, and how it is served."""
