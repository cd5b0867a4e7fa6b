"""Text to token ids, by the model's own published tokenizer; and vocabularies trained from texts."""

from likewise.tokenizing.opening import open_tokenizer as open_tokenizer
from likewise.tokenizing.tokenizer import Tokenizer as Tokenizer
from likewise.tokenizing.training import train_vocabulary as train_vocabulary
