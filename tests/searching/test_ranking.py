"""What comes after fusion: reading again, late interaction, freshness, and hits that are not alike."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import likewise as lw
from likewise.errors import ArtifactError, SettingError
from likewise.searching.settings import SearchSettings

sys.path.insert(0, str(Path(__file__).parents[1]))
