"""One function a measure, one module a family. Importing this package binds them all: whatever module lies here is one of them."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
