"""What a developer runs and production never does: a MongoDB of one's own, and the whole loop on one machine."""
