"""Tokens to vectors: the encoder, its contract, batching, quantisation and the engine that runs it."""
