"""Feedback: what users think of the help they got."""
