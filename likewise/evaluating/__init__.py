"""Vectors and hits to scores, and how sure they are."""
