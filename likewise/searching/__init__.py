"""Query to hits: the index, what goes into it, and how rankings are fused."""
