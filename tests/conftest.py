# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import pytest

os.environ["LICHTBILD_HOME"] = str(Path(__file__).parent / "nobody")  # not the folder of who runs them


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real raw files and charts (see CONTRIBUTING); never part of the project."""
    path = Path(os.environ.get("LICHTBILD_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (path / "raw").is_dir():
        pytest.skip(f"no test photographs at {path}; set LICHTBILD_DATA to a folder that has raw/")
    return path
