"""The networks, written once: ops, parts, families and the files that hold their weights."""
