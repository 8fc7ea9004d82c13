"""Fixtures for tests against real servers."""

import os
from pathlib import Path

import pytest

from support import sluice
from support.lab import Lab, exit_on_sigterm
from support.pair import Pair


def pytest_configure(config):
    exit_on_sigterm()


@pytest.fixture(scope="session")
def lab():
    """The shared clusters. Tests that stop a server use own_lab."""
    with Lab() as started:
        yield started
        sluice.end_leftovers(started.ports())


@pytest.fixture(scope="module")
def own_lab():
    """Clusters of this module alone, for tests that stop and kill servers."""
    with Lab() as started:
        yield started
        sluice.end_leftovers(started.ports())


@pytest.fixture
def pair(lab):
    """A fresh source and destination database on the shared clusters."""
    made = Pair(lab)
    yield made
    made.close()


@pytest.fixture
def own_pair(own_lab):
    made = Pair(own_lab)
    yield made
    made.close()


@pytest.fixture
def make_pair(lab):
    """A function that makes pairs with names, an encoding or a locale of their own."""
    made = []

    def make(**how):
        made.append(Pair(lab, **how))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def loader():
    """The loader's path; tests that need it are skipped where it is not built."""
    if not Path(sluice.SLUICE).exists():
        pytest.skip(f"{sluice.SLUICE} is not built")
    return sluice.SLUICE


@pytest.fixture(scope="session")
def big():
    """True when SLUICE_BIG=1 asks for the sizes of the long runs."""
    return os.environ.get("SLUICE_BIG") == "1"


def shared_data(name):
    """A directory of sample databases beside the repository; its absence skips the test."""
    path = sluice.REPO.parent / "shared" / "data" / name
    if not path.is_dir():
        pytest.skip(f"the sample data {name} is not here ({path})")
    return path


@pytest.fixture(scope="session")
def sample_data():
    return shared_data
