"""Drives paramiko, as a client and as a server: see peer.py."""

import base64
import socket
import subprocess
import threading

import paramiko

from peer import answer_requests, outcome, read_input

HOST = "127.0.0.1"
TIMEOUT_S = 30
CHUNK_BYTES = 32768


def start(connection, request):
    """Makes a transport, and says when keys are exchanged anew, where that is asked for."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(connection)
    if "rekeyBytes" in request:
        transport.packetizer.REKEY_BYTES = request["rekeyBytes"]
    return transport


def load_key(path):
    """Reads a private key: there is a class for each type, and none finds the right one."""
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key_file(path)
        except paramiko.SSHException:
            pass
    raise ValueError(f"Cannot read {path}: it is of no type that is known")


def log_in(transport, request):
    """Authenticates by the method that is asked for."""
    user, method = request["user"], request["method"]
    if method == "publickey":
        transport.auth_publickey(user, load_key(request["keyFile"]))
    elif method == "password":
        transport.auth_password(user, request["password"], fallback=False)
    else:
        answers = lambda title, instructions, prompts: [request["password"] for _ in prompts]
        transport.auth_interactive(user, answers)


def collect(read, chunks):
    """Reads until there is nothing more, in a thread of its own."""

    def work():
        while chunk := read(CHUNK_BYTES):
            chunks.append(chunk)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def run(request):
    """Logs in, and runs one command."""
    transport = start(socket.create_connection((HOST, request["port"]), TIMEOUT_S), request)
    try:
        transport.start_client(timeout=TIMEOUT_S)
        host_key = base64.b64encode(transport.get_remote_server_key().asbytes()).decode()
        if host_key not in [line.split()[1] for line in request["hostKeys"]]:
            raise ValueError("The host key is not the server's")
        log_in(transport, request)
        channel = transport.open_session(timeout=TIMEOUT_S)
        channel.settimeout(TIMEOUT_S)
        channel.exec_command(request["command"])
        stdout, stderr = [], []
        threads = [collect(channel.recv, stdout), collect(channel.recv_stderr, stderr)]
        channel.sendall(read_input(request))
        channel.shutdown_write()
        for thread in threads:
            thread.join()
        # There is no way to learn of a signal: -1 stands for it.
        status = channel.recv_exit_status()
        return outcome(status, None, b"".join(stdout), b"".join(stderr))
    finally:
        transport.close()


class Asking(paramiko.ServerInterface):
    """A server with one user, who has a password and keys."""

    def __init__(self, request):
        self._user = request["user"]
        self._password = request["password"]
        with open(request["authorizedKeysFile"], encoding="utf-8") as file:
            self._keys = [line.split()[1] for line in file]

    def get_allowed_auths(self, username):
        return "publickey,password,keyboard-interactive"

    def check_auth_password(self, username, password):
        return self._decide((username, password) == (self._user, self._password))

    def check_auth_publickey(self, username, key):
        return self._decide(username == self._user and key.get_base64() in self._keys)

    def check_auth_interactive(self, username, submethods):
        self._name = username
        prompts = [("Password: ", False), ("Again: ", True)]
        return paramiko.InteractiveQuery("Login", "Say it", *prompts)

    def check_auth_interactive_response(self, responses):
        right = self._name == self._user and responses == [self._password, self._password]
        return self._decide(right)

    def check_channel_request(self, kind, chanid):
        if kind == "session":
            return paramiko.OPEN_SUCCEEDED
        return paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=run_command, args=(channel, command), daemon=True).start()
        return True

    def _decide(self, right):
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED


def run_command(channel, command):
    """Runs the command of a client in a shell."""
    # The answer to this is read after the request for the command has been answered: what the
    # command says must not come before that.
    channel.get_transport().global_request("keepalive@openssh.com", wait=True)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command.decode(), shell=True, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0
    ) as child:

        def feed():
            try:
                while chunk := channel.recv(CHUNK_BYTES):
                    child.stdin.write(chunk)
            except BrokenPipeError:
                pass
            child.stdin.close()

        def pump(read, send):
            while chunk := read(CHUNK_BYTES):
                send(chunk)

        threads = [
            threading.Thread(target=pump, args=(child.stdout.read, channel.sendall), daemon=True),
            threading.Thread(
                target=pump, args=(child.stderr.read, channel.sendall_stderr), daemon=True
            ),
        ]
        threading.Thread(target=feed, daemon=True).start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        status = child.wait()
    channel.shutdown_write()
    channel.send_exit_status(status & 255)
    channel.close()


def listen(request):
    """Listens; the process' end is the server's."""
    paramiko.Transport.load_server_moduli()
    host_keys = [load_key(path) for path in request["hostKeyFiles"]]
    listener = socket.create_server((HOST, 0))

    def work():
        while True:
            connection, _ = listener.accept()
            transport = start(connection, request)
            for key in host_keys:
                transport.add_server_key(key)
            # Negotiation goes on in the transport's own thread.
            transport.start_server(event=threading.Event(), server=Asking(request))

    threading.Thread(target=work, daemon=True).start()
    return {"port": listener.getsockname()[1]}


OPERATIONS = {"run": run, "listen": listen}
answer_requests(lambda request: OPERATIONS[request["op"]](request))
