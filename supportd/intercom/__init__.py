"""The only place that talks to Intercom."""
