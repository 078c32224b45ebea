"""What the drivers of the other implementations share: requests and answers in JSON, one a line."""

import hashlib
import json
import os
import sys


def answer_requests(handle):
    """Answers each line of the standard input until it ends; then leaves, whatever still runs."""
    # What a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            answer = handle(json.loads(line))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)


def read_input(request):
    """The bytes that a command gets."""
    path = request.get("inputFile")
    if path is None:
        return b""
    with open(path, "rb") as file:
        return file.read()


def outcome(status, signal, stdout, stderr):
    """What came of a command. Of long output the beginning is shown, and the hash of all of it."""
    return {
        "status": status,
        "signal": signal,
        "stdout": stdout[:1000].decode("latin-1"),
        "stdoutBytes": len(stdout),
        "stdoutSha256": hashlib.sha256(stdout).hexdigest(),
        "stderr": stderr[:1000].decode("latin-1"),
    }
