"""Models made from other models and from texts."""
