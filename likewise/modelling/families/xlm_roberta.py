"""XLM-RoBERTa: RoBERTa's network over a hundred languages (Conneau et al. 2020, arXiv:1911.02116)."""

from likewise.modelling.families import roberta

PLUGIN = roberta.PLUGIN
