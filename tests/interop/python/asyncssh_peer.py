"""Drives asyncssh, as a client and as a server: see peer.py."""

import asyncio
import signal
import subprocess
import threading

import asyncssh

from peer import answer_requests, outcome, read_input

HOST = "127.0.0.1"
TIMEOUT_S = 30
CHUNK_BYTES = 32768


class Answering(asyncssh.SSHClient):
    """A client that answers every question with the password."""

    def __init__(self, password):
        self._password = password

    def kbdint_auth_requested(self):
        return ""

    def kbdint_challenge_received(self, name, instructions, lang, prompts):
        return [self._password for _ in prompts]


class Asking(asyncssh.SSHServer):
    """A server with one user, who has a password; keys are looked up by asyncssh itself."""

    def __init__(self, user, password):
        self._user = user
        self._password = password

    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == (self._user, self._password)

    def kbdint_auth_supported(self):
        return True

    def get_kbdint_challenge(self, username, lang, submethods):
        return "Login", "Say it", "en", [("Password: ", False), ("Again: ", True)]

    def validate_kbdint_response(self, username, responses):
        return username == self._user and responses == [self._password, self._password]


def options_of(request):
    """The options that either role has."""
    return {"rekey_bytes": request["rekeyBytes"]} if "rekeyBytes" in request else {}


async def run(request):
    """Logs in, and runs one command."""
    options = options_of(request)
    method = request["method"]
    if method == "publickey":
        options["client_keys"] = [request["keyFile"]]
    else:
        options.update(client_keys=None, password=request["password"])
    if method == "keyboard-interactive":
        options["client_factory"] = lambda: Answering(request["password"])
    host_keys = [asyncssh.import_public_key(line) for line in request["hostKeys"]]
    async with asyncssh.connect(
        HOST,
        request["port"],
        username=request["user"],
        preferred_auth=method,
        known_hosts=(host_keys, [], []),
        agent_path=None,
        config=None,
        **options,
    ) as connection:
        result = await connection.run(
            request["command"], input=read_input(request), encoding=None
        )
        ended_by = result.exit_signal[0] if result.exit_signal else None
    return outcome(result.exit_status, ended_by, result.stdout, result.stderr)


async def pump(source, target):
    """Passes on what is read, as fast as it is taken."""
    while chunk := await source.read(CHUNK_BYTES):
        target.write(chunk)
        await target.drain()


async def feed(process, child):
    """Passes on what the client sends, up to its EOF."""
    try:
        await pump(process.stdin, child.stdin)
    except (BrokenPipeError, ConnectionResetError):
        pass
    child.stdin.close()


async def handle_process(process):
    """Runs the command of a client in a shell."""
    pipe = subprocess.PIPE
    child = await asyncio.create_subprocess_shell(
        process.command, stdin=pipe, stdout=pipe, stderr=pipe
    )
    # Not by process.redirect(): when the client's window is open again, resume_reading() of
    # asyncssh's _StreamReader reads each output once more, also one whose read has not come back.
    # asyncio refuses the second, and by that the connection is lost.
    feeding = asyncio.create_task(feed(process, child))
    await asyncio.gather(pump(child.stdout, process.stdout), pump(child.stderr, process.stderr))
    status = await child.wait()
    feeding.cancel()
    if status < 0:
        process.exit_with_signal(signal.Signals(-status).name[3:])
    else:
        process.exit(status)


async def listen(request):
    """Listens; the process' end is the server's."""
    server = await asyncssh.listen(
        HOST,
        0,
        server_factory=lambda: Asking(request["user"], request["password"]),
        server_host_keys=request["hostKeyFiles"],
        authorized_client_keys=request["authorizedKeysFile"],
        process_factory=handle_process,
        encoding=None,
        config=None,
        **options_of(request),
    )
    return {"port": server.sockets[0].getsockname()[1]}


loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
# Subprocesses are waited for from this loop, wherever it runs.
asyncio.set_event_loop(loop)
OPERATIONS = {"run": run, "listen": listen}


def handle(request):
    """Answers one request."""
    operation = asyncio.wait_for(OPERATIONS[request["op"]](request), TIMEOUT_S)
    return asyncio.run_coroutine_threadsafe(operation, loop).result()


answer_requests(handle)
