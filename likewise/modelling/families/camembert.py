"""CamemBERT: RoBERTa's network over French (Martin et al. 2020, arXiv:1911.03894)."""

from likewise.modelling.families import roberta

PLUGIN = roberta.PLUGIN
