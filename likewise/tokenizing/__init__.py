"""Text to token ids, by the model's own published tokenizer."""

from likewise.tokenizing.tokenizer import Tokenizer as Tokenizer
