"""Keeping in step with Intercom: the inbox of webhooks, the reconciler, and the outbox of what follows writes."""
