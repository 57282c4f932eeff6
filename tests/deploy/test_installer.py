"""The installer over a machine of straw: releases that hold a unit and little else, systemd's folders, a systemctl."""

import errno
import json
import os
import platform
import shutil
import subprocess
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.bundle.archive import add_sums
from deploy.bundle.installer import everybody, service
from deploy.bundle.installer import main as installer
from deploy.bundle.installer import places as places_module
from deploy.bundle.installer.contents import Bundle
from deploy.bundle.installer.machine import HOMES, interpreter
from deploy.bundle.installer.places import COMPLETE, Places
from tests.entrance import ROOT

SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$CALLS"
"""
KILLED = 9


class Straw:
    """The machine: what its bundles hold, what was told to systemctl, what the installer says."""

    def __init__(self, folder: Path, said: pytest.CaptureFixture[str]) -> None:
        self.folder, self._said = folder, said
        self.prefix = folder / "opt"
        self.places = Places(self.prefix)
        self.unit = folder / "system" / service.UNIT
        self.calls = folder / "calls"
        self.python = folder / "usr" / "bin" / "python3"
        self.library = folder / "usr" / "lib" / "os.py"
        self.unit_text = "[Service]\nExecStart=/opt/retabli/bin/retabli run\n"

    def bundle(self, unit: str | None = None) -> None:
        """Another bundle lies there; with another unit, if one is given."""
        self.unit_text = unit or self.unit_text
        bundle = self.folder / "bundle"
        shutil.rmtree(bundle, ignore_errors=True)
        bundle.mkdir()
        facts = {
            "version": "1.0",
            "pythons": [".".join(platform.python_version_tuple()[:2])],
            "machine": platform.machine(),
            "glibc": 5,
        }
        (bundle / "bundle.json").write_text(json.dumps(facts))
        add_sums(bundle)

    def made(self, bundle: Bundle, release: Path, kinds: object) -> None:
        """In the place of pip: a release with its command, its unit and its installer."""
        assert (bundle.version, kinds) == ("1.0", [])
        for name, text in {
            "bin/retabli": "#!/bin/sh\n",
            "lib/module.py": "",
            "share/deploy/systemd/retabli.service": self.unit_text,
            "share/install/install.py": "",
        }.items():
            (release / name).parent.mkdir(parents=True, exist_ok=True)
            (release / name).write_text(text)
        (release / "bin" / "retabli").chmod(0o755)
        (release / COMPLETE).touch()

    def run(self, *words: str, status: int = 0) -> str:
        """What it says to these words, on both streams."""
        got = installer.main(["--prefix", str(self.prefix), *words])
        out, err = self._said.readouterr()
        assert got == status, out + err
        return out + err

    def called(self, words: str) -> bool:
        """Whether systemctl was."""
        return self.calls.exists() and words in self.calls.read_text()

    def systemctl(self, word: str, does: str) -> None:
        """What it does besides, told this."""
        path = self.folder / "path" / "systemctl"
        path.write_text(f'{path.read_text()}case " $* " in *" {word} "*) {does} ;; esac\n')

    def shipped(self) -> str:
        """The unit as it should be in place."""
        return self.unit_text.replace(service.USUAL, str(self.prefix))


@pytest.fixture
def straw(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Straw]:
    # Not below pytest's own folder, which is closed to others.
    with tempfile.TemporaryDirectory(prefix="retabli-straw-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        straw = Straw(folder, capsys)
        for name in ("system", "path", "everybody"):
            (folder / name).mkdir()
        (folder / "path" / "systemctl").write_text(SYSTEMCTL)
        (folder / "path" / "systemctl").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder / 'path'}:{os.defpath}")
        monkeypatch.setenv("CALLS", str(straw.calls))
        monkeypatch.setattr(service, "FOLDER", folder / "system")
        monkeypatch.setattr(service, "wanted", lambda: True)
        monkeypatch.setattr(everybody, "FOLDER", folder / "everybody")
        monkeypatch.setattr(service, "as_root", lambda: True)
        monkeypatch.setattr(installer, "interpreter", lambda: (straw.python, straw.library))
        monkeypatch.setattr(installer, "HERE", folder / "bundle")
        monkeypatch.setattr(installer, "make", straw.made)
        for path, mode in ((straw.python, 0o755), (straw.library, 0o644)):
            path.parent.mkdir(parents=True)
            path.touch()
            path.chmod(mode)
        straw.bundle()
        yield straw


def newer(number: int) -> str:
    return f"[Unit]\nDescription={number}\n[Service]\nExecStart=/opt/retabli/bin/retabli run\n"


@contextmanager
def running(places: Places) -> Iterator[int]:
    """A process from the current release, as `retabli status --watch` is one."""
    assert places.current is not None
    program = places.current / "bin" / "python"
    program.unlink(missing_ok=True)
    program.symlink_to("/bin/sh")
    process = subprocess.Popen([program, "-c", "read -r line"], stdin=subprocess.PIPE)
    try:
        yield process.pid
    finally:
        process.communicate()


class Killed(BaseException):
    """As SIGKILL would: nothing handles it."""


def killed(*_: object) -> str:
    raise Killed


# the unit -----------------------------------------------------------------------------------------------------------


def test_an_installer_that_was_killed_before_the_unit_knows_it_as_its_own_ever_after(
    straw: Straw, monkeypatch: pytest.MonkeyPatch
) -> None:
    straw.run()
    for number in (1, 2):
        straw.bundle(newer(number))
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(service, "put", killed)
            straw.run()
    assert "put in place" in straw.run()
    assert straw.unit.read_text() == straw.shipped()
    assert "stopped and removed" in straw.run("--uninstall")
    assert not straw.unit.exists()


def test_a_unit_is_known_after_upgrades_that_left_systemd_alone(straw: Straw) -> None:
    straw.run()
    for number in (1, 2, 3):
        straw.bundle(newer(number))
        straw.run("--no-service")
    assert "put in place" in straw.run()
    assert straw.unit.read_text() == straw.shipped()


def test_a_unit_that_could_not_be_written_is_written_by_the_next_run(
    straw: Straw, monkeypatch: pytest.MonkeyPatch
) -> None:
    straw.run()
    first = straw.unit.read_text()
    for number in (1, 2):
        straw.bundle(newer(number))
        with monkeypatch.context() as patched:
            patched.setattr(service, "FOLDER", straw.folder / "system" / "gone")
            said = straw.run(status=2)
        assert "1.0-" in said, "the new release is in place, and that is said"
        assert "is in place" in said
    assert straw.unit.read_text() == first
    assert "put in place" in straw.run()
    assert straw.unit.read_text() == straw.shipped()


def test_a_unit_that_an_older_installer_put_is_ours_without_a_record(
    straw: Straw, monkeypatch: pytest.MonkeyPatch
) -> None:
    straw.run()
    straw.places.unit.unlink()
    straw.bundle(newer(1))
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(service, "put", killed)
        straw.run()
    straw.bundle(newer(2))
    assert "put in place" in straw.run()
    assert straw.unit.read_text() == straw.shipped()


def test_a_unit_that_was_edited_stays(straw: Straw) -> None:
    straw.run()
    straw.unit.write_bytes(straw.unit.read_bytes() + b"# caf\xe9\n")
    edited = straw.unit.read_bytes()
    straw.bundle(newer(1))
    assert "is not ours and stays" in straw.run()
    assert "is not ours and stays" in straw.run("--uninstall")
    assert straw.unit.read_bytes() == edited
    assert not straw.called("disable")


# uninstallation -----------------------------------------------------------------------------------------------------


def test_an_uninstallation_that_is_refused_leaves_the_watch_going(straw: Straw) -> None:
    straw.run()
    straw.calls.unlink()
    with running(straw.places) as pid:
        assert f"process {pid} runs from {straw.places.current}: end it first" in straw.run("--uninstall", status=2)
    assert straw.unit.read_text() == straw.shipped()
    assert not straw.calls.exists(), "systemctl is not called"
    assert "removed from" in straw.run("--uninstall")


def test_the_services_own_processes_are_stopped_and_not_in_the_way(
    straw: Straw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As systemd has them: their group is that of the unit, until `disable --now` ends them."""
    straw.run()
    proc = straw.folder / "proc"
    monkeypatch.setattr(places_module, "PROC", proc)
    monkeypatch.setattr(service, "PROC", proc)
    for pid, group in (("71", "system.slice/retabli.service"), ("72", "user.slice/session-1.scope")):
        (proc / pid).mkdir(parents=True)
        (proc / pid / "cmdline").write_text(f"{straw.places.current}/bin/python\0{straw.places.command}\0")
        (proc / pid / "cgroup").write_text(f"12:pids:/\n0::/{group}\n")
    assert "process 72 runs from" in straw.run("--uninstall", status=2)
    assert not straw.called("disable")
    shutil.rmtree(proc / "72")
    straw.systemctl("disable", f"rm -r {proc / '71'}")
    assert "stopped and removed" in straw.run("--uninstall")
    assert straw.called("disable --now retabli.service")


def test_a_service_that_does_not_stop_is_told_and_nothing_goes(straw: Straw, monkeypatch: pytest.MonkeyPatch) -> None:
    straw.run()
    monkeypatch.setattr(service, "runs", lambda _: True)
    with running(straw.places) as pid:
        said = straw.run("--uninstall", status=2)
    assert f"the service is stopped and disabled, but process {pid} runs from" in said
    assert straw.places.current is not None
    assert straw.unit.exists()


def interrupting(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Ctrl-C when as many files and links are gone."""
    unlink, so_far = Path.unlink, iter(range(1000))

    def unlinked(path: Path, missing_ok: bool = False) -> None:
        if next(so_far) == at:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlinked)


@pytest.mark.parametrize("at", range(18))
def test_an_uninstallation_that_was_interrupted_anywhere_goes_on_where_it_was(
    straw: Straw, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    straw.run()
    straw.run()
    with monkeypatch.context() as patched:
        interrupting(patched, at)
        said = straw.run("--uninstall", status=130)
    assert "still runs" not in said
    assert f"not all is removed from {straw.prefix}: start --uninstall again" in said
    program = straw.prefix / "share" / "install" / "install.py"
    assert program.is_file() or "from the folder of a bundle" in said
    half = [path for path in straw.places.there() if not (path / "lib" / "module.py").is_file()]
    assert straw.places.current not in half, "no half of a release counts as one"
    assert "removed from" in straw.run("--uninstall")
    assert not straw.prefix.exists()
    assert not straw.unit.exists()
    assert "nothing is installed" in straw.run("--uninstall", status=2)


def test_an_uninstallation_that_was_interrupted_can_be_followed_by_an_installation(
    straw: Straw, monkeypatch: pytest.MonkeyPatch
) -> None:
    straw.run()
    with monkeypatch.context() as patched:
        interrupting(patched, 4)
        straw.run("--uninstall", status=130)
    straw.run()
    assert straw.places.there() == [straw.places.current]


def test_the_installer_stays_until_all_else_of_the_releases_is_gone(
    straw: Straw, monkeypatch: pytest.MonkeyPatch
) -> None:
    straw.run()
    straw.run()
    gone: list[str] = []
    unlink = Path.unlink

    def unlinked(path: Path, missing_ok: bool = False) -> None:
        gone.append(path.name)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlinked)
    straw.run("--uninstall")
    last = gone[gone.index("install.py", gone.index("install.py") + 1) :]
    assert [name for name in last if name in ("module.py", COMPLETE)] == []
    assert [name for name in last if name in ("current", "share", "former")] == ["former", "share", "current"]


def test_what_could_not_be_removed_is_said(straw: Straw, monkeypatch: pytest.MonkeyPatch) -> None:
    straw.run()
    kept = straw.places.releases / "1.0-1" / "lib" / "module.py"
    unlink = Path.unlink

    def unlinked(path: Path, missing_ok: bool = False) -> None:
        if path == kept:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        unlink(path, missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", unlinked)
        said = straw.run("--uninstall", status=2)
    assert f"{kept}: Operation not permitted; not all is removed" in said
    assert "removed from /" not in said.replace("not all is removed from", "")
    assert [path for path in straw.prefix.rglob("*") if path.is_file()] == [kept]
    straw.run("--uninstall")
    assert not straw.prefix.exists()


def test_a_folder_of_somebody_elses_where_a_link_would_be_stays(straw: Straw) -> None:
    straw.run()
    (straw.prefix / "share").unlink()
    (straw.prefix / "share").mkdir()
    (straw.prefix / "share" / "theirs").touch()
    straw.run("--uninstall")
    assert [path.name for path in straw.prefix.rglob("*")] == ["share", "theirs"]


def test_a_unit_that_has_to_stay_is_said_and_goes_the_next_time(straw: Straw) -> None:
    straw.run()
    straw.places.unit.unlink()  # as an older installer had it
    assert f"{straw.unit} stays, and starts what is no longer there" in straw.run("--uninstall", "--no-service")
    assert "stopped and removed" in straw.run("--uninstall")
    assert not straw.unit.exists()
    assert not straw.prefix.exists()


# who may run it -----------------------------------------------------------------------------------------------------


def closed(straw: Straw, how: str) -> Path:
    """What keeps others from the Python; it is made so."""
    if how == "by a link":
        own = straw.folder / "own"
        own.mkdir(mode=0o700)
        shutil.move(straw.python, own / "python3.11")
        straw.python.symlink_to(own / "python3.11")
        return own
    path = {
        "by its folder": straw.folder / "usr",
        "by itself": straw.python,
        "by its library": straw.library,
        "by its library's folder": straw.library.parent,
    }[how]
    path.chmod(path.stat().st_mode & 0o770)
    return path


@pytest.mark.parametrize(
    "how", ["by a link", "by its folder", "by itself", "by its library", "by its library's folder"]
)
@pytest.mark.parametrize("words", [(), ("--check",)])
def test_a_python_that_the_services_user_cannot_run_is_refused_before_anything_changes(
    straw: Straw, how: str, words: tuple[str, ...]
) -> None:
    place = closed(straw, how)
    said = straw.run(*words, status=2)
    assert said.startswith(f"the service's user could not run {straw.python}: {place} is closed to others; ")
    assert said.count("\n") == 1
    assert not straw.prefix.exists()
    assert not straw.unit.exists()


def test_a_python_in_a_home_that_the_unit_hides_is_refused(straw: Straw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installer, "HOMES", (straw.folder / "usr",))
    assert f"the unit hides {straw.folder / 'usr'}" in straw.run(status=2)
    monkeypatch.setattr(service, "wanted", lambda: False)
    straw.run()


def test_without_a_service_root_is_told_that_it_alone_can_run_it(straw: Straw) -> None:
    place = closed(straw, "by its folder")
    assert f"root alone can run it: {place} is closed to others" in straw.run("--no-service")
    place.chmod(0o755)
    assert "root alone" not in straw.run("--no-service")


def test_who_installs_for_themselves_may_use_a_python_of_their_own(
    straw: Straw, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed(straw, "by its folder")
    monkeypatch.setattr(service, "as_root", lambda: False)
    monkeypatch.setattr(service, "wanted", lambda: False)
    assert "root alone" not in straw.run()


def test_a_prefix_that_the_services_user_cannot_reach_is_refused(straw: Straw) -> None:
    straw.prefix.mkdir(mode=0o700)
    assert f"could not reach {straw.prefix}: {straw.prefix} is closed to others" in straw.run(status=2)
    assert list(straw.prefix.iterdir()) == []


def test_the_homes_that_are_looked_at_are_those_that_the_unit_hides() -> None:
    """systemd.exec(5), ProtectHome=yes."""
    assert "ProtectHome=yes" in (ROOT / "deploy" / "systemd" / "retabli.service").read_text().splitlines()
    assert sorted(map(str, HOMES)) == ["/home", "/root", "/run/user"]


def test_the_python_that_is_looked_at_is_the_one_that_a_release_links_to(tmp_path: Path) -> None:
    venv.EnvBuilder(symlinks=True, with_pip=False).create(tmp_path / "venv")
    assert (tmp_path / "venv" / "bin" / Path(interpreter()[0]).name).readlink() == interpreter()[0]


# its name on everybody's PATH ---------------------------------------------------------------------------------------


def test_its_name_alone_is_enough_until_it_is_removed(straw: Straw) -> None:
    name = straw.folder / "everybody" / "retabli"
    said = straw.run("--check")
    assert f"would let {name} lead to it" in said
    assert not name.is_symlink()
    assert f"{name} leads to it: `retabli` is enough" in straw.run()
    assert name.readlink() == straw.places.command
    assert f"{name} leads to it" in straw.run()
    straw.run("--rollback")
    assert name.resolve() == straw.places.releases / "1.0-1" / "bin" / "retabli"
    straw.run("--uninstall")
    assert not name.is_symlink()


@pytest.mark.parametrize("leads_to", [None, "/opt/other/bin/retabli", "/bin/sh"])
def test_another_program_of_that_name_stays_and_is_said(straw: Straw, leads_to: str | None) -> None:
    name = straw.folder / "everybody" / "retabli"
    if leads_to is None:
        name.write_text("theirs")
    else:
        name.symlink_to(leads_to)
    assert f"{name} is not ours and stays as it is: call {straw.places.command}" in straw.run()
    straw.run("--uninstall")
    assert (name.read_text() == "theirs") if leads_to is None else (str(name.readlink()) == leads_to)


def test_a_folder_that_takes_no_link_costs_nobody_the_installation(
    straw: Straw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(everybody, "FOLDER", straw.folder / "nowhere")
    assert f"No such file or directory: call {straw.places.command}, or put" in straw.run()


def test_where_no_link_is_put_it_is_said_how_to_call_it(straw: Straw, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"it is on no PATH: call {straw.places.command}, or put" in straw.run("--no-service")
    assert list((straw.folder / "everybody").iterdir()) == []
    monkeypatch.setenv("PATH", f"{straw.prefix / 'bin'}:{os.environ['PATH']}")
    assert "PATH" not in straw.run("--no-service")


def test_a_link_that_cannot_be_removed_is_said(straw: Straw, monkeypatch: pytest.MonkeyPatch) -> None:
    straw.run()
    name, unlink = straw.folder / "everybody" / "retabli", Path.unlink

    def unlinked(path: Path, missing_ok: bool = False) -> None:
        if path == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlinked)
    assert f"{name}: Permission denied" in straw.run("--uninstall", status=2)
