# SPDX-License-Identifier: Apache-2.0
"""What every stage promises, asked of every field of `Recipe`: a stage is tested before anyone writes a test.

Each stage is called just as the pipeline calls it: a spy on `pipeline` keeps the arguments of one real run.
"""

import contextlib
import inspect
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from lichtbild import pipeline, simulate
from lichtbild.base import kernels
from lichtbild.base.image import Burst, Frames, Mosaic, RawFrame, Scene
from lichtbild.base.stage import watching
from lichtbild.recipe import Recipe, stages

STAGES = list(stages())
SOMETIMES = {"bracket", "superres", "rendering"}  # run only where they are asked for
OF_SCENES = [w for w in STAGES if w not in ("linearize", "align", "demosaic", "merge", "bracket")]
SIZE, LARGER, COUNT = (96, 128), (144, 192), 3
pytestmark = pytest.mark.filterwarnings("ignore::lichtbild.base.errors.LichtbildWarning")


@pytest.fixture(scope="module")
def burst():
    return simulate.burst("leaves", size=SIZE, frames=COUNT, seed=3)[0]


@contextlib.contextmanager
def spied():
    """The arguments of every stage that `pipeline` calls inside the block, by name."""
    calls, verbs = {}, {word: getattr(pipeline, word) for word in STAGES}

    def spy(word):
        def run(*args, **options):
            calls[word] = args
            return verbs[word](*args, **options)

        return run

    try:
        for word in STAGES:
            setattr(pipeline, word, spy(word))
        yield calls
    finally:
        for word in STAGES:
            setattr(pipeline, word, verbs[word])


@pytest.fixture(scope="module")
def calls(burst):
    with spied() as seen:
        pipeline.develop(burst, Recipe())
    with spied() as larger:
        unequal = simulate.burst("leaves", size=SIZE, frames=COUNT, seed=3, exposures=(0, 0, -2))[0]
        pipeline.merged(unequal, Recipe.of("superres.scale=1.5"))
    with spied() as other:
        pipeline.develop(burst, Recipe.of("rendering.by=profile"))
    return larger | other | seen


def arrays(thing):
    """Every array inside an image, made on demand where it is a burst of frames."""
    if isinstance(thing, np.ndarray):
        yield thing
    elif isinstance(thing, Frames):
        for k in range(len(thing)):
            yield from arrays(thing[k])
    elif isinstance(thing, tuple):
        for part in thing:
            yield from arrays(part)
    elif is_dataclass(thing):
        for f in fields(thing):
            if f.name != "shot":
                yield from arrays(getattr(thing, f.name))


def contents(thing):
    return [(a.dtype, a.shape, a.tobytes()) for a in arrays(thing)]


def finite(thing):
    return all(np.isfinite(a).all() for a in arrays(thing) if a.dtype.kind == "f")


def ends(kind):
    """Parameters with one knob at one end of its range, for both ends of every knob."""
    for k in kind.knobs():
        for value in k.choices or ((k.default,) if k.kind is str else (k.low, k.high)):
            yield pytest.param(kind.stage(), {k.name: k.kind(value)}, id=f"{kind.stage()}.{k.name}={value}")


@pytest.mark.parametrize("word", STAGES)
def test_is_documented(word):
    verb, kind = getattr(pipeline, word), stages()[word]
    assert inspect.getdoc(verb) and inspect.getdoc(inspect.getmodule(verb)) and inspect.getdoc(kind)
    assert (
        "References" in inspect.getmodule(verb).__doc__
        or "Source" in inspect.getmodule(verb).__doc__
        or not kind.knobs()
    )
    for k in kind.knobs():
        assert k.words.strip().endswith("."), f"{word}.{k.name} has no sentence"
        assert k.kind is str or k.low <= k.default <= k.high
    places = [p.name for p in inspect.signature(verb).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    assert places[-1] == "params"


@pytest.mark.parametrize("word", STAGES)
def test_leaves_its_input_alone(word, calls):
    *images, params = calls[word]
    before = [contents(image) for image in images]
    list(arrays(getattr(pipeline, word)(*images, params)))
    assert [contents(image) for image in images] == before


@pytest.mark.parametrize("word", STAGES)
def test_makes_contiguous_float32_of_the_same_size(word, calls):
    out = getattr(pipeline, word)(*calls[word])
    for image in out if isinstance(out, Frames) else [out]:
        if not isinstance(image, Mosaic | Scene) and not hasattr(image, "rgb"):
            continue
        values = image.cfa if isinstance(image, Mosaic) else image.rgb
        assert values.dtype == np.float32 and values.flags.c_contiguous
        assert values.shape[:2] == (LARGER if word == "superres" else SIZE)
        assert np.isfinite(values).all()


@pytest.mark.parametrize("word", STAGES)
def test_same_bytes_again_and_with_any_number_of_threads(word, calls):
    many = contents(getattr(pipeline, word)(*calls[word]))
    threads = kernels.thread_count()
    try:
        for count in (1, 2, 3):
            kernels.set_threads(count)
            assert contents(getattr(pipeline, word)(*calls[word])) == many
    finally:
        kernels.set_threads(threads)


@pytest.mark.parametrize(("word", "turned"), [end for kind in stages().values() for end in ends(kind)])
def test_is_finite_at_both_ends_of_every_knob(word, turned, calls):
    *images, params = calls[word]
    out = getattr(pipeline, word)(*images, replace(params, **turned))
    assert finite(out)
    assert any(True for _ in arrays(out))


@pytest.mark.parametrize("word", OF_SCENES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_bad_pixel_stays_where_it_is(word, value, calls):
    """NaN or infinity reaches no further than a quarter of this small picture, and not its border."""
    scene, *others = calls[word]
    spoilt = scene.rgb.copy()
    spoilt[SIZE[0] // 2, SIZE[1] // 2] = value
    verb = getattr(pipeline, word)
    out, clean = verb(replace(scene, rgb=spoilt), *others).rgb, verb(scene, *others).rgb
    assert (~np.isfinite(out).all(axis=-1)).mean() <= 0.25
    np.testing.assert_allclose(out[[0, -1]], clean[[0, -1]], rtol=0.02, atol=1e-3)


@pytest.mark.parametrize("word", OF_SCENES)
@pytest.mark.parametrize("value", [-0.5, 0.0, 1e4])
def test_survives_black_negative_and_blinding_pictures(word, value, calls):
    scene, *others = calls[word]
    flat = np.full_like(scene.rgb, value)
    assert finite(getattr(pipeline, word)(replace(scene, rgb=flat), *others))


def cropped(burst, size):
    """The top left corner of a burst; opcodes speak of the whole and are left out."""
    h, w = size
    frames = []
    for f in burst.frames:
        shot = replace(f.shot, size=size, opcodes=((), (), ()), black_rows=None, black_columns=None)
        frames.append(RawFrame(np.ascontiguousarray(f.dn[:h, :w]), shot))
    return Burst(tuple(frames), burst.reference)


@pytest.mark.parametrize("size", [(2, 2), (3, 5), (16, 16), (17, 23), (15, 64), (95, 127)])
def test_any_size_becomes_a_photo(size, burst):
    photo = pipeline.develop(cropped(burst, size))
    assert photo.rgb.shape == (*size, 3)
    assert np.isfinite(photo.rgb).all() and photo.rgb.min() >= 0 and photo.rgb.max() <= 1


@pytest.mark.parametrize("kind", ["mono", "linear"])
def test_other_kinds_of_raw_become_a_photo(kind, burst):
    def as_kind(frame):
        dn = frame.dn if kind == "mono" else np.repeat(frame.dn[..., None], 3, axis=2)
        black = np.full((2, 2) if kind == "mono" else (2, 2, 3), frame.shot.black.min(), np.float32)
        return RawFrame(dn, replace(frame.shot, kind=kind, black=black, opcodes=((), (), ())))

    photo = pipeline.develop(Burst(tuple(as_kind(f) for f in burst.frames)))
    assert photo.rgb.shape == (*SIZE, 3) and np.isfinite(photo.rgb).all()


def test_one_frame_is_a_burst_of_one(burst):
    photo = pipeline.develop(Burst(burst.frames[:1]))
    assert photo.merged == 1 and np.isfinite(photo.rgb).all()


def test_the_order_of_the_stages_is_the_order_of_the_recipe(burst):
    seen = []
    with watching(lambda word, image, seconds: seen.append(word)):
        pipeline.develop(burst)
    assert list(dict.fromkeys(seen)) == [word for word in STAGES if word not in SOMETIMES]


def test_develop_is_merged_and_finish(burst):
    scene = pipeline.merged(burst)
    assert scene.space == "camera"
    np.testing.assert_array_equal(pipeline.finish(scene).rgb, pipeline.develop(burst).rgb)


def test_the_history_tells_the_stages_in_order(burst):
    words = [line.split()[0] for line in pipeline.develop(burst).history]
    assert words == [w for w in STAGES if w in words]
    assert {"merge", "calibrate", "display"} <= set(words)
