"""Files: what users upload, proved to be what it seems, kept, and served."""
