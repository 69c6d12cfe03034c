"""What the Python clients share: bytes as text, one whole line of output at a time, and how long a member may be silent."""
import json
import sys
import threading
from base64 import b64decode, b64encode

# On a busy machine a member is not to be missed while it does not come to its turn: six seconds would be the least.
SESSION = 45_000

_writing = threading.Lock()


def b64(data):
    return None if data is None else b64encode(data).decode()


def raw(text):
    return None if text is None else b64decode(text)


def emit(**fields):
    # Acknowledgements are reported from several threads, and print writes a line and its end separately.
    with _writing:
        sys.stdout.write(json.dumps(fields) + "\n")
        sys.stdout.flush()


def follow(steps, name_of):
    """Takes steps from stdin, a line each: [name, argument, ...]. Answers each with what came of it, or the error's name."""
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            emit(done=name, answer=steps[name](*arguments))
        except Exception as error:
            emit(done=name, error=name_of(error))
