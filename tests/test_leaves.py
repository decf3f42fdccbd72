# SPDX-License-Identifier: Apache-2.0
"""Dead leaves have the sizes that they were asked for."""

import numpy as np
import pytest

from lichtbild import simulate
from lichtbild.base.errors import InputError
from lichtbild.simulate.leaves import Strewn, leaves, mean_area, radii, strew
from lichtbild.tools.cli import call

SIZE = (96, 128)


@pytest.mark.parametrize("exponent", [2.0, 3.0, 4.5])
def test_leaves_have_the_radii_they_were_asked_for(exponent):
    random = np.random.Generator(np.random.Philox(key=[1, 2]))
    found = np.sort(radii(random, 20000, (2.0, 100.0), exponent))
    k = 1 - exponent
    expected = (found**k - 2.0**k) / (100.0**k - 2.0**k)  # distribution of the density r^-exponent
    assert np.abs(expected - (np.arange(20000) + 0.5) / 20000).max() < 1.6 / np.sqrt(20000)
    assert mean_area((2.0, 100.0), exponent) == pytest.approx(np.pi * np.mean(found**2), rel=0.1)


def test_finer_leaves_make_a_finer_picture():
    def steps(smallest, textured):
        scene = leaves(SIZE[1] / SIZE[0], 1, Strewn(smallest, 60.0, textured=textured))
        _, truth = simulate.burst(scene, size=SIZE, frames=1, shake="still", lens="plain")
        return np.abs(np.diff(truth.rgb[..., 1], axis=1)).mean()

    assert steps(1.0, True) > 1.3 * steps(6.0, True) > 1.5 * steps(6.0, False)


@pytest.mark.parametrize("ends", [(0.1, 20.0), (20.0, 10.0), (1.0, 9000.0)])
def test_leaves_of_no_size_are_refused(ends):
    with pytest.raises(InputError, match="allowed is"):
        Strewn(*ends)


def test_too_many_leaves_are_refused():
    with pytest.raises(InputError, match="leaves are needed"):
        strew(np.zeros((3, 4000, 6000), np.float32), np.random.default_rng(0), Strewn(0.25, 2.0))


def test_the_command_line_takes_them(tmp_path, capsys):
    made = ["simulate", str(tmp_path / "a"), "--size", "96x128", "--frames", "1"]
    assert call([*made, "--scene", "leaves", "--leaves", "1,40,2.5"]) == 0
    for flags in (("--leaves", "1,40"), ("--scene", "leaves", "--leaves", "1"), ("--leaves", "a,b")):
        assert call([*made, *flags]) == 2
        assert "--leaves = " in capsys.readouterr().err
