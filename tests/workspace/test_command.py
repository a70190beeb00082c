"""A check command can do its work, and nothing else: each protection is attacked by a program that runs in it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from smol_dev.errors import SmolError, UsageError, WorkspaceError
from smol_dev.workspace import command
from smol_dev.workspace.command import DISK_LIMIT, Outcome
from smol_dev.workspace.sandbox import Isolation

KEY = "sk-canary-5b1e0c77"

Attack = Callable[..., Outcome]


def run(
    words: list[str],
    folder: Path,
    isolation: Isolation,
    *,
    timeout: float = 20,
    environ: dict[str, str] | None = None,
    disk_limit: int = DISK_LIMIT,
) -> Outcome:
    given = {"PATH": os.environ["PATH"], "HOME": str(folder.parent / "home")} if environ is None else environ
    return asyncio.run(
        command.run(words, folder, timeout=timeout, isolation=isolation, environ=given, disk_limit=disk_limit)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An output folder beside a home that holds a key."""
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    (tmp_path / "home" / ".ssh" / "id_ed25519").write_text(KEY)
    (tmp_path / "generated" / ".smol").mkdir(parents=True)
    (tmp_path / "generated" / ".smol" / "run.json").write_text("{}")
    return tmp_path / "generated"


@pytest.fixture(params=["bubblewrap", "namespaces"])
def held(request: pytest.FixtureRequest) -> Isolation:
    isolation: Isolation = request.param
    if not command.works(isolation):
        pytest.skip(f"no isolation by {isolation} works here: there is no `bwrap`, or the kernel permits none")
    return isolation


@pytest.fixture(params=["bubblewrap", "namespaces", "none"])
def any_isolation(request: pytest.FixtureRequest) -> Isolation:
    isolation: Isolation = request.param
    if not command.works(isolation):
        pytest.skip(f"no isolation by {isolation} works here: there is no `bwrap`, or the kernel permits none")
    return isolation


@pytest.fixture
def attack(folder: Path, held: Isolation) -> Attack:
    """Runs a Python program in the output folder, isolated."""

    def start(program: str, **options: object) -> Outcome:
        (folder / "attack.py").write_text(textwrap.dedent(program))
        return run([sys.executable, "attack.py"], folder, held, **options)  # type: ignore[arg-type]

    return start


@pytest.fixture
def program(folder: Path, any_isolation: Isolation) -> Attack:
    """Runs a Python program in the output folder, isolated or not."""

    def start(program: str, **options: object) -> Outcome:
        (folder / "program.py").write_text(textwrap.dedent(program))
        return run([sys.executable, "program.py"], folder, any_isolation, **options)  # type: ignore[arg-type]

    return start


def alive(marker: str) -> list[str]:
    """The processes of this machine that have the marker in their command line."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes()
        except OSError:
            continue
        if marker.encode() in words and each.parent.name != str(os.getpid()):
            found.append(words.decode(errors="replace"))
    return found


def gone(marker: str, *, within: float = 5) -> bool:
    limit = time.monotonic() + within
    while time.monotonic() < limit:
        if not alive(marker):
            return True
        time.sleep(0.05)
    return False


# What a check can rely on


def test_the_command_runs_in_the_folder_with_its_output_and_exit_code(program: Attack, folder: Path) -> None:
    outcome = program(
        """
        import os, sys
        print(os.getcwd())
        print("to standard error", file=sys.stderr, flush=True)
        open("made.txt", "w").write("by the check")
        sys.exit(3)
        """
    )
    assert (outcome.exit_code, sorted(outcome.output.split("\n"))) == (3, ["", str(folder), "to standard error"])
    assert (outcome.passed, outcome.timed_out, outcome.signal) == (False, False, "")
    assert (folder / "made.txt").read_text() == "by the check"


def test_a_signal_that_ends_the_command_is_named(program: Attack) -> None:
    outcome = program("import os; os.kill(os.getpid(), 11)")
    assert (outcome.exit_code, outcome.signal) == (139, "SIGSEGV")


def test_a_command_that_ends_well_has_passed(program: Attack) -> None:
    assert program("print('ok')").passed


def test_a_program_can_talk_to_itself_over_loopback_and_shared_memory(program: Attack) -> None:
    outcome = program(
        """
        import multiprocessing, socket
        server = socket.create_server(("127.0.0.1", 0))
        with socket.create_connection(server.getsockname()) as one:
            one.sendall(b"hello")
            print(server.accept()[0].recv(5).decode())
        multiprocessing.Lock()
        """
    )
    assert (outcome.exit_code, outcome.output) == (0, "hello\n")


def test_the_environment_is_ours_and_has_no_key(program: Attack, folder: Path) -> None:
    given = {
        "PATH": f".::bin:{os.environ['PATH']}",
        "LANG": "de_DE.UTF-8",
        "HOME": str(folder.parent / "home"),
        "OPENAI_API_KEY": KEY,
        "SMOL_API_KEY": KEY,
        "SSH_AUTH_SOCK": "/run/agent",
        "LD_PRELOAD": "/none.so",
        "PYTHONPATH": "/elsewhere",
    }
    outcome = program(
        """
        import os
        for name in sorted(set(os.environ) - {"PWD", "LC_CTYPE"}):
            print(name, os.environ[name])
        """,
        environ=given,
    )
    found = dict(line.split(" ", 1) for line in outcome.output.splitlines())
    assert sorted(found) == ["HOME", "LANG", "PATH", "PYTHONPYCACHEPREFIX", "TMPDIR"]
    assert (found["PATH"], found["LANG"]) == (os.environ["PATH"], "de_DE.UTF-8")
    assert found["HOME"] == found["TMPDIR"] != given["HOME"]
    assert KEY not in outcome.output


def test_standard_input_is_at_its_end(program: Attack) -> None:
    assert program("import sys; print(repr(sys.stdin.read()))").output == "''\n"


def test_the_temporary_folder_can_be_written_and_is_gone_afterwards(program: Attack) -> None:
    outcome = program(
        """
        import os, pathlib
        place = pathlib.Path(os.environ["HOME"], "locked", "deep")
        place.mkdir(parents=True)
        place.joinpath("file").write_text("x")
        place.chmod(0)
        print(place)
        """
    )
    assert outcome.exit_code == 0
    assert not Path(outcome.output.strip()).parent.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the check command is empty"),
        ([""], "the check command is empty"),
        (["pytset", "-q"], "the check command `pytset` is not there: no such program in `PATH`"),
        (["./missing.sh"], "the check command `./missing.sh` is not there: no such program in `PATH`"),
        (["planted"], "the check command `planted` is not there: no such program in `PATH`"),
    ],
    ids=["none", "no name", "unknown", "no such path", "in the output folder"],
)
def test_a_command_that_is_not_there_is_refused(words: list[str], message: str, folder: Path) -> None:
    (folder / "planted").write_text("#!/bin/sh\n")
    (folder / "planted").chmod(0o755)
    with pytest.raises(UsageError) as caught:
        run(words, folder, "none", environ={"PATH": f":.:{os.environ['PATH']}"})
    assert caught.value.message == message


def test_a_script_of_the_folder_is_named_by_its_path(folder: Path, any_isolation: Isolation) -> None:
    (folder / "test.sh").write_text('#!/bin/sh\necho from a script "$1"\n')
    (folder / "test.sh").chmod(0o755)
    assert run(["./test.sh", "$(id); `id`"], folder, any_isolation).output == "from a script $(id); `id`\n"


@pytest.mark.parametrize(
    ("place", "why"),
    [("/", "is the root of the file system"), ("home", "holds your home folder"), (".", "holds your home folder")],
)
def test_a_folder_that_must_not_be_given_away_is_refused(place: str, why: str, folder: Path) -> None:
    with pytest.raises(WorkspaceError, match=why):
        run(["true"], folder.parent / place, "none", environ={"HOME": str(folder.parent / "home")})


def test_a_record_that_is_a_link_is_refused(folder: Path) -> None:
    (folder / ".smol").rename(folder.parent / "record")
    (folder / ".smol").symlink_to(folder.parent / "record")
    with pytest.raises(WorkspaceError, match=r"has a `\.smol` that leads elsewhere"):
        run(["true"], folder, "none")


# What an attacker's program cannot do


def test_nothing_of_the_network_is_reached(attack: Attack, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    name = f"\0smol-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX) as named,
    ):
        udp.bind(("127.0.0.1", 0))
        abstract.bind(name)
        named.bind("socket")
        for each in (abstract, named):
            each.listen()
        outcome = attack(
            f"""
            import socket
            for family, kind, address in (
                (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", {tcp.getsockname()[1]})),
                (socket.AF_INET, socket.SOCK_STREAM, ("192.0.2.1", 80)),
                (socket.AF_UNIX, socket.SOCK_STREAM, {name!r}),
                (socket.AF_UNIX, socket.SOCK_STREAM, "../socket"),
            ):
                try:
                    socket.socket(family, kind).connect(address)
                    print("reached", address)
                except OSError as error:
                    print("refused")
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", ("127.0.0.1", {udp.getsockname()[1]}))
            """
        )
        for each in (tcp, udp, abstract, named):
            each.settimeout(0.2)
            with pytest.raises(TimeoutError):
                each.recv(5) if each is udp else each.accept()
    assert (outcome.exit_code, outcome.output) == (0, "refused\n" * 4)


def test_nothing_outside_is_written(attack: Attack, folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent / "outside.txt")
    outcome = attack(
        f"""
        for path in (
            {str(folder.parent / "outside.txt")!r}, {str(folder.parent / "home" / "x")!r}, "link", "../outside.txt",
            "/x", "/etc/x", "/usr/x", "/usr/bin/x", "/dev/x", "/var/x", "/home/x", "/proc/sys/kernel/core_pattern",
            "/proc/sysrq-trigger", "/proc/self/oom_score_adj", {sys.executable!r},
        ):
            try:
                open(path, "r+" if path == {sys.executable!r} else "w").write("x")
                print("written", path)
            except OSError:
                pass
        """
    )
    private = {"written link", "written ../outside.txt", f"written {folder.parent / 'outside.txt'}"}
    assert (outcome.exit_code, set(outcome.output.splitlines()) - private) == (0, set())
    assert not (folder.parent / "outside.txt").exists()
    assert sorted(each.name for each in folder.parent.iterdir()) == ["generated", "home"]


def test_the_home_folder_and_its_keys_are_not_there(attack: Attack, folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent / "home" / ".ssh" / "id_ed25519")
    outcome = attack(
        f"""
        import os
        for path in (
            {str(folder.parent / "home" / ".ssh" / "id_ed25519")!r}, "link", "../home/.ssh/id_ed25519",
            "/proc/1/root" + {str(folder.parent / "home" / ".ssh" / "id_ed25519")!r}, "/etc/shadow", "/etc/ssl/private",
            os.path.expanduser("~root/.bashrc"), "/var/lib", "/run", "/sys", "/root/.ssh", "/proc/kcore",
        ):
            try:
                print("read", path, open(path).read() if not os.path.isdir(path) else os.listdir(path))
            except OSError:
                pass
        """
    )
    assert (outcome.exit_code, outcome.output) == (0, "")


def test_the_record_and_the_repository_cannot_be_changed(attack: Attack, folder: Path) -> None:
    (folder / ".git" / "hooks").mkdir(parents=True)
    (folder / ".git" / "config").write_text("[core]\n")
    outcome = attack(
        """
        import os, shutil
        def attempt(what, *arguments):
            try:
                what(*arguments)
                print("done", what.__name__, arguments)
            except OSError:
                pass
        for name, file in ((".smol", "run.json"), (".git", "config")):
            attempt(open, f"{name}/{file}", "a")
            attempt(open, f"{name}/new", "w")
            attempt(os.remove, f"{name}/{file}")
            attempt(os.rename, name, "moved")
            attempt(os.rename, "../generated", "../moved")
            attempt(os.link, f"{name}/{file}", "linked")
            attempt(os.symlink, "x", f"{name}/link")
            attempt(os.chmod, f"{name}/{file}", 0o777)
            attempt(shutil.rmtree, name)
        print(open(".smol/run.json").read())
        """
    )
    assert (outcome.exit_code, outcome.output) == (0, "{}\n")
    assert (folder / ".git" / "config").read_text() == "[core]\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only the root user could change them")
def test_the_settings_of_the_kernel_are_kept_from_root(attack: Attack) -> None:
    before = Path("/proc/sys/kernel/core_pattern").read_text()
    outcome = attack(
        """
        for path in ("sys/kernel/core_pattern", "sys/kernel/pid_max", "irq/default_smp_affinity", "self/oom_score_adj"):
            try:
                open(f"/proc/{path}", "r+").write("|/x")
                print("written", path)
            except OSError:
                pass
        """
    )
    assert (outcome.exit_code, outcome.output) == (0, "")
    assert Path("/proc/sys/kernel/core_pattern").read_text() == before


def test_the_box_cannot_be_opened_from_inside(attack: Attack, folder: Path) -> None:
    outcome = attack(
        f"""
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        print(libc.umount2(b"/", 2), libc.umount2(b"/tmp", 2), libc.mount(b"", b"/", None, 32 | 4096, None))
        print(libc.chroot(b"/"), libc.setuid(12345), flush=True)
        child = os.fork()
        if not child:
            libc.unshare(0x10000000 | 0x20000)
            target = os.fsencode({str(folder / ".smol")!r})
            print(libc.mount(b"", target, None, 32 | 4096, None), libc.umount2(target, 2), flush=True)
            os._exit(0)
        os.wait()
        """
    )
    assert outcome.output.split() == ["-1"] * 7


def test_no_other_process_is_seen_or_reached(attack: Attack) -> None:
    outcome = attack(
        f"""
        import os, signal
        mine = [int(each) for each in os.listdir("/proc") if each.isdigit()]
        print(len(mine) <= 4, max(mine) < 100)
        for pid in ({os.getpid()}, os.getppid(), 1):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        print(open("/proc/1/environ").read() if os.access("/proc/1/environ", os.R_OK) else "", {KEY[:4]!r})
        os.kill(-1, signal.SIGKILL)
        """,
        environ={"PATH": os.environ["PATH"], "HOME": "/nowhere", "SMOL_API_KEY": KEY},
    )
    assert outcome.output.startswith("True True\n")
    assert KEY not in outcome.output


def test_there_is_no_terminal_to_type_into(program: Attack) -> None:
    outcome = program(
        """
        import fcntl, os, termios
        try:
            terminal = os.open("/dev/tty", os.O_RDWR)
            fcntl.ioctl(terminal, termios.TIOCSTI, b"x")
            print("typed")
        except OSError:
            print("no terminal")
        print(os.getsid(0) != os.getsid(os.getppid()) or os.isatty(0) or os.isatty(1))
        """
    )
    assert outcome.output == "no terminal\nFalse\n"


def test_a_program_cannot_have_more_than_a_number_of_processes(attack: Attack) -> None:
    if os.geteuid() == 0:
        pytest.skip("the kernel does not count the processes of the root user")
    outcome = attack(
        """
        import os, time
        for number in range(5000):
            try:
                if not os.fork():
                    time.sleep(60)
            except OSError:
                print(number < 1100)
                break
        """
    )
    assert (outcome.exit_code, outcome.output) == (0, "True\n")


def test_the_temporary_folder_cannot_fill_the_machine(attack: Attack) -> None:
    outcome = attack(
        """
        import os
        total = 0
        try:
            for number in range(100):
                with open(f"/tmp/{number}", "wb", buffering=0) as file:
                    for _ in range(64):
                        total += file.write(bytes(1 << 20))
        except OSError as error:
            print(error.strerror, 500 < total >> 20 <= 512)
        """
    )
    assert outcome.output == "No space left on device True\n"


# What ends


def test_a_program_that_fills_the_disk_is_ended(program: Attack, folder: Path) -> None:
    outcome = program(
        """
        import time
        with open("big", "wb", buffering=0) as file:
            for _ in range(24):
                file.write(bytes(1 << 20))
        time.sleep(600)
        """,
        disk_limit=16 * 1024 * 1024,
        timeout=300,
    )
    assert (outcome.stopped, outcome.passed) == ("disk", False)
    assert 16 * 1024 * 1024 < (folder / "big").stat().st_size <= 24 * 1024 * 1024


def test_a_file_has_a_largest_size(program: Attack) -> None:
    outcome = program(
        """
        import os, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with open("sparse", "wb") as file:
            file.truncate(1 << 30)
            try:
                file.truncate((1 << 30) + 1)
            except OSError as error:
                print(error.strerror)
        os.remove("sparse")
        """
    )
    assert outcome.output == "File too large\n"


def test_of_much_output_the_beginning_and_the_end_are_kept(program: Attack) -> None:
    outcome = program(
        """
        import sys
        print("the beginning")
        for _ in range(300):
            sys.stdout.write("x" * (1 << 20))
        print("\\nthe end")
        """,
        timeout=60,
    )
    assert outcome.output.startswith("the beginning\nxxx")
    assert outcome.output.endswith("xxx\nthe end\n")
    assert f"\n… {300 * (1 << 20) + 23 - 256 * 1024:,} bytes left out …\n" in outcome.output
    assert len(outcome.output) < 257 * 1024


def test_endless_output_ends_with_the_time(program: Attack) -> None:
    outcome = program("while True: print('y' * 10000)", timeout=1)
    assert (outcome.timed_out, outcome.seconds < 10, len(outcome.output) < 257 * 1024) == (True, True, True)


def test_output_that_is_no_text_is_shown_as_far_as_it_goes(program: Attack) -> None:
    assert program(r"import sys; sys.stdout.buffer.write(b'a\xff\x00b')").output == "a\ufffd\0b"


def test_a_program_has_a_moment_to_clean_up_when_its_time_is_over(program: Attack) -> None:
    outcome = program(
        """
        import signal, sys, time
        def end(number, frame):
            print("cleaned up", flush=True)
            sys.exit(9)
        signal.signal(signal.SIGTERM, end)
        print("begun", flush=True)
        time.sleep(60)
        """,
        timeout=1,
    )
    assert (outcome.timed_out, outcome.passed, outcome.output) == (True, False, "begun\ncleaned up\n")


def test_a_program_that_ignores_signals_ends_all_the_same(program: Attack) -> None:
    outcome = program(
        """
        import os, signal, time
        for number in range(1, 32):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        os.fork()
        print("begun", flush=True)
        time.sleep(60)
        """,
        timeout=1,
    )
    assert (outcome.timed_out, outcome.output, outcome.seconds < 10) == (True, "begun\nbegun\n", True)


DAEMON = """
import os, subprocess, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", {marker!r}], start_new_session=True)
        time.sleep(60)
    os._exit(0)
time.sleep({seconds})
"""


def test_a_daemon_does_not_outlive_the_command(program: Attack, folder: Path) -> None:
    marker = f"daemon-of-{folder}"
    outcome = program(DAEMON.format(marker=marker, seconds=0.5))
    assert (outcome.exit_code, outcome.seconds < 10) == (0, True)
    assert gone(marker)


def test_a_cancelled_run_leaves_no_process(folder: Path, any_isolation: Isolation) -> None:
    marker = f"cancelled-in-{folder}"
    (folder / "program.py").write_text(DAEMON.format(marker=marker, seconds=60))

    async def cancelled() -> float:
        words = [sys.executable, "program.py"]
        environ = {"PATH": os.environ["PATH"]}
        running = asyncio.create_task(command.run(words, folder, timeout=60, isolation=any_isolation, environ=environ))
        while not alive(marker):  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(0.05)
        begun = time.monotonic()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return time.monotonic() - begun

    assert asyncio.run(cancelled()) < 3
    assert gone(marker)


def test_nothing_outlives_a_killed_parent(folder: Path, held: Isolation) -> None:
    marker = f"orphan-of-{folder}"
    (folder / "program.py").write_text(DAEMON.format(marker=marker, seconds=60))
    parent = f"""
import asyncio, os
from pathlib import Path
from smol_dev.workspace import command
asyncio.run(command.run([{sys.executable!r}, "program.py"], Path({str(folder)!r}), timeout=60,
                        isolation={held!r}, environ={{"PATH": os.environ["PATH"]}}))
"""
    with subprocess.Popen([sys.executable, "-c", parent]) as process:
        while not alive(marker):
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert gone(marker)


def test_a_program_that_kills_the_whole_machine_it_sees_is_a_failed_check(attack: Attack) -> None:
    outcome = attack(
        """
        import os, signal, subprocess
        subprocess.Popen(["sleep", "60"])
        os.kill(-1, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert (outcome.exit_code, outcome.signal) == (137, "SIGKILL")


def test_a_run_in_a_thread_of_a_program_works_as_well(folder: Path) -> None:
    with ThreadPoolExecutor() as pool:
        outcome = pool.submit(run, ["echo", "hello"], folder, "none").result()
    assert outcome.output == "hello\n"


# Which isolation


def weakest() -> Isolation:
    return "none"


def strongest() -> Isolation:
    return "namespaces"


def test_what_works_is_taken() -> None:
    assert command.choose("auto", strongest=strongest) == "namespaces"
    assert command.choose("required", strongest=strongest) == "namespaces"
    assert command.choose("none", strongest=strongest) == "none"


def test_where_nothing_works_only_the_user_can_permit_it() -> None:
    question = (
        "The check would run without isolation: the command can use the network, and read and write whatever you can."
        " Run it all the same?"
    )
    assert command.choose("auto", strongest=weakest, ask=lambda text: text == question) == "none"
    for wanted, ask in (("auto", None), ("auto", lambda _: False), ("required", lambda _: True)):
        with pytest.raises(SmolError) as caught:
            command.choose(wanted, strongest=weakest, ask=ask)  # type: ignore[arg-type]
        assert (caught.value.exit_code, "`-c run.check_isolation=none`" in caught.value.hint) == (2, True)


def test_one_line_says_what_holds() -> None:
    ending = "" if os.geteuid() else "; the number of its processes is not limited, as you are root"
    assert command.says("bubblewrap", Path("generated")) == (
        "isolated by bubblewrap: no network; writes only `generated` and a temporary folder;"
        f" your home folder is not readable{ending}"
    )


@pytest.fixture(autouse=True)
def _no_process_is_left(folder: Path) -> Iterator[None]:
    yield
    assert gone(str(folder)), alive(str(folder))
