"""Addresses: what is fetched and what is not, from a hub that is played here, and the way back to it."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
import torch
from click.testing import CliRunner

from explorer import paths
from explorer.checkpoints import ModelConfig, load, save
from explorer.checkpoints.store import build_model
from explorer.cli import main
from explorer.errors import UserError
from explorer.importing.preview import import_checkpoint
from explorer.importing.remote_files import _SameHosts, download, is_address, parse_address


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty library of this test's own, and no token."""
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    torch.set_num_threads(1)
    return tmp_path / "home"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A checkpoint of this program, outside the library."""
    model = build_model(ModelConfig(network="linear", shape=(1, 8, 8), latents=2))
    return save(model, tmp_path / "elsewhere" / "mine", half=True)


class Hub:
    """The hub's client, on a folder of repositories."""

    root = Path()
    claims = 0  # bytes that it says each file has more than it has

    def __init__(self, token: str | bool | None = None) -> None:
        self.token = token

    def model_info(self, repository: str, **_: Any) -> Any:
        folder = self.root / repository
        if not folder.is_dir():
            response: Any = SimpleNamespace(headers={}, status_code=404, request=None, url="")
            raise huggingface_hub.errors.RepositoryNotFoundError("404", response=response)
        files = [f for f in folder.iterdir() if f.is_file()]
        found = [SimpleNamespace(rfilename=f.name, size=f.stat().st_size + self.claims) for f in files]
        return SimpleNamespace(siblings=found, sha="0123456789abcdef")

    def hf_hub_download(self, repository: str, name: str, revision: str, local_dir: Path) -> None:
        shutil.copyfile(self.root / repository / name, local_dir / name)

    def create_repo(self, repository: str, private: bool, exist_ok: bool) -> str:
        (self.root / repository).mkdir(parents=True)
        return f"https://huggingface.co/{repository}"

    def upload_folder(self, repo_id: str, folder_path: Path, commit_message: str) -> None:
        assert self.token == "hf_secret"
        shutil.copytree(folder_path, self.root / repo_id, dirs_exist_ok=True)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Hub]:
    class Here(Hub):
        root = tmp_path / "hub"

    monkeypatch.setattr(huggingface_hub, "HfApi", Here)
    return Here


def test_a_model_goes_to_the_hub_and_comes_back_the_same(
    own: Path, hub: type[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = CliRunner().invoke(main, ["push", str(own), "somebody/mine"])
    assert refused.exit_code == 2 and "needs a token" in refused.stderr and not hub.root.exists()
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "hf_secret")
    done = CliRunner().invoke(main, ["push", str(own), "somebody/mine"])
    assert done.exit_code == 0 and "https://huggingface.co/somebody/mine" in done.output
    there = sorted(f.name for f in (hub.root / "somebody" / "mine").iterdir())
    assert there == ["README.md", "config.json", "model.safetensors", "modeling.py"]
    for address in ("somebody/mine", "hf://somebody/mine@main", "https://huggingface.co/somebody/mine/tree/main"):
        kept = import_checkpoint(address, address[:4].replace("/", "-"))
        assert load(kept).hash == load(own).hash
        assert not (kept / "modeling.py").exists()  # nobody's code


def test_a_repository_that_is_not_there_or_too_large_is_refused_in_a_sentence(own: Path, hub: type[Hub]) -> None:
    with pytest.raises(UserError, match="is not on the hub, or is private"):
        import_checkpoint("nobody/nothing")
    shutil.copytree(own, hub.root / "somebody" / "large")
    hub.claims = 5 * 2**30
    with pytest.raises(UserError, match="more than the .* allowed"):
        import_checkpoint("somebody/large")
    (hub.root / "somebody" / "empty").mkdir()
    with pytest.raises(UserError, match="holds no model.safetensors"):
        import_checkpoint("somebody/empty")
    assert not paths.library().exists() or not any(paths.library().iterdir())


def test_offline_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: Any, **__: Any) -> None:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", nowhere)
    done = CliRunner().invoke(main, ["import", "somebody/vae"])
    assert done.exit_code == 2 and "there is no network" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://huggingface.co/a/b", ("a/b", None, "")),
        ("hf://a/b@v1.0", ("a/b", "v1.0", "")),
        ("a/b@refs/pr/1", ("a/b", "refs/pr/1", "")),
        ("https://github.com/a/b/blob/main/x/model.pt", ("", None, "https://github.com/a/b/raw/main/x/model.pt")),
        ("https://huggingface.co/a/b/resolve/main/m.pt", ("", None, "https://huggingface.co/a/b/resolve/main/m.pt")),
    ],
)
def test_an_address_is_understood(text: str, found: tuple[Any, ...]) -> None:
    assert is_address(text)
    address = parse_address(text)
    assert (address.repository, address.revision, address.url) == found


@pytest.mark.parametrize(
    "text",
    [
        "http://huggingface.co/a/b",
        "https://localhost/model.pt",
        "https://169.254.169.254/x.pt",
        "https://[::1]/x.pt",
        "https://huggingface.co.evil.org/a/b",
        "https://me@huggingface.co/a/b",
        "https://huggingface.co:8443/a/b/c",
        "hf://../../etc",
        "hf://a/b@../..",
        "https://github.com\\@evil.org/x",
        "https://[",
        "hf://" + "a" * 2000,
    ],
)
def test_other_hosts_are_never_asked(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr("socket.getaddrinfo", never)
    monkeypatch.setattr("socket.create_connection", never)
    with pytest.raises(UserError) as refused:
        import_checkpoint(text)
    assert "\n" not in str(refused.value)


def test_an_import_from_a_shell_says_what_was_inferred_and_takes_corrections(tmp_path: Path) -> None:
    torch.manual_seed(0)
    shapes = {"fc1": (5, 24), "fc21": (2, 5), "fc22": (2, 5), "fc3": (5, 2), "fc4": (24, 5)}
    state = {f"{name}.weight": torch.randn(shape) for name, shape in shapes.items()}
    torch.save(state | {f"{n}.bias": torch.randn(s[0]) for n, s in shapes.items()}, tmp_path / "vae.pth")
    run = CliRunner().invoke
    asked = run(main, ["import", str(tmp_path / "vae.pth")])
    assert asked.exit_code == 2 and "--size HEIGHTxWIDTH" in asked.stderr
    given = ["import", str(tmp_path / "vae.pth"), "--size", "6x4"]
    looked = run(main, [*given, "--look", "--sample", str(tmp_path / "s.png"), "--output", "none"])
    assert looked.exit_code == 0, looked.output
    assert "output of the decoder: none (as you say)" in looked.output and "dense 24 → 5" in looked.output
    assert "likelihood: Gaussian, σ = 0.1 of pixels 0 to 1 (a guess" in looked.output
    assert (tmp_path / "s.png").read_bytes()[:4] == b"\x89PNG" and not paths.library().exists()
    kept = run(main, [*given, "--name", "mine", "--data", "dsprites"])
    assert kept.exit_code == 0 and "2 latents, 1 x 6 x 4" in kept.output
    assert load("mine").config.data == "dsprites"
    kept = run(main, [*given, "--name", "sums", "--output", "none"])
    card = (paths.library() / "sums" / "README.md").read_text()
    assert kept.exit_code == 0 and "likelihood gaussian (σ = 0.1)" in card
    assert "| likelihood | Gaussian, σ = 0.1 of pixels 0 to 1 | a guess" in card
    assert run(main, [*given, "--data", "nothing"]).exit_code == 2
    assert "SHA-256" in run(main, ["import", "--list"]).output
    assert run(main, ["import"]).exit_code == 2


@pytest.mark.parametrize(
    "to",
    [
        "https://huggingface.co:8443/x",
        "https://user:pw@huggingface.co/x",
        "https://@huggingface.co/x",
        "https://x.hf.co:22/x",
        "https://[::1",
        "https://[::1]/x",
        "http://huggingface.co/x",
        "https://evil.test/x",
        "https://hf.co.evil.test/x",
        "https://zenodo.org:99999/x",
        "file:///etc/passwd",
    ],
)
def test_an_address_leads_on_only_to_where_a_first_one_may_be(to: str) -> None:
    with pytest.raises(UserError) as caught:
        _SameHosts().redirect_request(None, None, 302, "", {}, to)
    assert "pw" not in str(caught.value)
    with pytest.raises(UserError):
        parse_address(to)


def test_a_blank_in_an_address_is_written_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_address("https://zenodo.org/a b?c d=e").url == "https://zenodo.org/a%20b?c%20d=e"
    for url in ("https://zenodo.org/x?a b", "https://zenodo.org/x\ny"):
        with pytest.raises(UserError):
            download(url, tmp_path / "x")
