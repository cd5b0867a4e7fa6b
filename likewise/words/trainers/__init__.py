"""One file a model; its ``PLUGIN`` is a ``Trainer``. They need numba, so none is imported before it is asked for."""
