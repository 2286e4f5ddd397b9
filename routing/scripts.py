"""The Lua scripts of `routing/scripts/`: the only place that runs them. Called by `router`.

A script's header is its contract: purpose, KEYS, ARGV with units, reply, errors. Arguments are passed by the
names the header gives them. `-- @include name` is replaced by `include/name.lua`, each once; `-- @lazy name`
likewise, but its functions are made only when asked for, by `lazy_name().function(...)`. Tests load
another `clock` in place of Redis's time; a production script holds no way to move it. `check_headers()`, also
`python -m routing.scripts`, compares headers, bodies and callers.
"""

from __future__ import annotations

import ast
import asyncio
import hashlib
import json
import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from redis.exceptions import NoScriptError, ResponseError

from routing.errors import NAMES, RouterUnavailable, from_reply
from routing.link import CONNECTIONS, Client, answer

KEPT_FREE = 2  # connections for what is not a script: snapshots, the server's id

FOLDER = Path(__file__).with_name("scripts")

_INCLUDE = re.compile(r"^-- @include (\w+)\n", re.M)
_LAZY = re.compile(r"^-- @lazy (\w+)\n", re.M)
_ARGV = re.compile(r"^-- ARGV\[(\d+)\] (\w+) +\S", re.M)
_FUNCTION = re.compile(r"^local function (\w+)\(.*?^end\n", re.M | re.S)
_WORD = re.compile(r"\w+")
_UNPACK = re.compile(r"^local ([\w, ]+) = unpack\(ARGV\)$", re.M)
_NOT_OURS = ("OOM", "BUSY", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "MISCONF", "NOREPLICAS")

Value = str | int | float


@dataclass(frozen=True)
class Script:
    """One script: its whole text and the argument names its header gives, in order."""

    name: str
    text: str
    arguments: tuple[str, ...]


def load(replaced: Mapping[str, str] | None = None) -> dict[str, Script]:
    """Return all scripts by name. replaced  include name -> text to use instead (tests: the clock)."""
    return {path.stem: _script(path, replaced or {}) for path in sorted(FOLDER.glob("*.lua"))}


def _script(path: Path, replaced: Mapping[str, str]) -> Script:
    source = path.read_text(encoding="utf-8")
    text = _only_reached(_with_includes(source, replaced, set()))
    return Script(path.stem, text, tuple(m[1] for m in _ARGV.findall(source)))


def _with_includes(source: str, replaced: Mapping[str, str], done: set[str]) -> str:
    def text(match: re.Match[str]) -> str:
        name = match[1]
        if name in done:
            return ""
        done.add(name)
        own = replaced[name] if name in replaced else _include(name)
        return _with_includes(own, replaced, done)

    def lazily(match: re.Match[str]) -> str:
        return _lazy(match[1], _with_includes(_include(match[1]), replaced, done))

    return _LAZY.sub(lazily, _INCLUDE.sub(text, source))


def _lazy(name: str, text: str) -> str:
    """Return a function `lazy_<name>` that makes the functions of an include when first asked, and returns them."""
    names = re.findall(r"^local function (\w+)", text, re.M)
    body = "".join(f"    {line}\n" if line else "\n" for line in text.splitlines())
    table = "".join(f"      {each} = {each},\n" for each in names)
    return (
        f"local made_{name}\nlocal function lazy_{name}()\n  if not made_{name} then\n{body}"
        f"    made_{name} = {{\n{table}    }}\n  end\n  return made_{name}\nend\n"
    )


def _only_reached(text: str) -> str:
    """Leave out functions the script never gets to: Redis makes every one anew at each run."""
    functions = {match[1]: match[0] for match in _FUNCTION.finditer(text)}
    rest = _FUNCTION.sub("", text)
    reached: set[str] = set()
    looked = [rest]
    while looked:
        found = (functions.keys() & set(_WORD.findall(looked.pop()))) - reached
        reached |= found
        looked += [functions[name] for name in found]
    return _FUNCTION.sub(lambda match: match[0] if match[1] in reached else "", text)


@cache
def _include(name: str) -> str:
    return (FOLDER / "include" / f"{name}.lua").read_text(encoding="utf-8")


class Scripts:
    """Runs the scripts of one routing group on one Redis; errors come out as the package's own.

    In a cluster a script goes to the node its key lies on; one that node does not know yet is sent whole, once.
    """

    def __init__(self, client: Client, root: str, *, replaced: Mapping[str, str] | None = None) -> None:
        self.root = root
        self._client = client
        # First come, first served: redis-py's pool lets newcomers overtake those who wait for a connection.
        self._turn = asyncio.Semaphore(CONNECTIONS - KEPT_FREE)
        self._scripts = load(replaced)
        self._digests = {name: hashlib.sha1(s.text.encode()).hexdigest() for name, s in self._scripts.items()}

    async def run(self, script: str, /, **values: Value) -> dict[str, Any]:
        """Run `script` and return its reply. request_id  made here unless given.

        Raises RoutingError as named by the script; RouterUnavailable after link.PATIENCE_S.
        """
        names = self._scripts[script].arguments
        if "request_id" in names:
            values.setdefault("request_id", uuid.uuid4().hex)
        if values.keys() != set(names):
            raise TypeError(f"{script} takes {', '.join(names)}; got {', '.join(values)}")
        try:
            text = await answer(self._evaluated(script, [values[name] for name in names]))
        except ResponseError as error:
            raise _translated(error) from error
        reply: dict[str, Any] = json.loads(text)
        return reply

    async def _evaluated(self, script: str, arguments: list[Value]) -> str:
        # The client's signatures want text; numbers are written as text anyway.
        words = cast(list[str], arguments)
        async with self._turn:
            try:
                return cast(str, await self._client.evalsha(self._digests[script], 1, self.root, *words))
            except NoScriptError:
                return cast(str, await self._client.eval(self._scripts[script].text, 1, self.root, *words))


def _translated(error: ResponseError) -> Exception:
    message = str(error)
    ours = from_reply(message)
    if ours:
        return ours
    if message.startswith(_NOT_OURS) or type(error) is not ResponseError:
        return RouterUnavailable(f"Redis cannot do it now: {message}")
    return AssertionError(f"a script is wrong: {message}")


def check_headers() -> list[str]:
    """Return one line for each script or caller that breaks the contract of the headers; [] is good."""
    found: list[str] = []
    calls = list(_callers())
    for name, script in load().items():
        source = (FOLDER / f"{name}.lua").read_text(encoding="utf-8")
        found += [f"routing/scripts/{name}.lua: {text}" for text in _header_findings(source, script)]
        if not any(called == name for _, called, _ in calls):
            found.append(f"routing/scripts/{name}.lua: nobody calls it")
    for place, called, given in calls:
        known = load().get(called)
        wanted = set(known.arguments) - {"request_id"} if known else set()
        if not known:
            found.append(f"{place}: no script {called!r}")
        elif given is not None and given - {"request_id"} != wanted:
            found.append(f"{place}: {called} takes {sorted(wanted)}, gets {sorted(given)}")
    return found


def _header_findings(source: str, script: Script) -> Iterator[str]:
    lines = source.splitlines()
    if not re.fullmatch(r"#!lua( flags=(allow-oom|no-writes))?", lines[0]):
        yield f"line 1 is {lines[0]!r}; expected #!lua with or without flags=allow-oom or flags=no-writes"
    header = [line for line in lines[1:] if line.startswith("--") and not line.startswith("-- @")]
    order = [
        line.split()[1].split("[")[0]
        for line in header
        if re.match(r"-- (KEYS\[1\] root|ARGV\[\d+\] \w+|Reply|Errors) ", line)
    ]
    if order != ["KEYS", *["ARGV"] * len(script.arguments), "Reply", "Errors"] or not header[0][3:4].isupper():
        yield f"header is {order}; expected a purpose, KEYS[1], ARGV[1..n], Reply, Errors in this order"
    numbers = [int(match[0]) for match in _ARGV.findall(source)]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"ARGV are numbered {numbers}"
    unpacked = _UNPACK.search(source)
    if not unpacked or tuple(unpacked[1].split(", ")) != script.arguments:
        yield f"the body unpacks {unpacked[1] if unpacked else 'nothing'}; the header has {script.arguments}"
    yield from _error_findings(source, header, script)


def _error_findings(source: str, header: list[str], script: Script) -> Iterator[str]:
    raised = set(re.findall(r"fail\('(\w+)'", script.text))
    line = next((line for line in header if line.startswith("-- Errors")), "")
    named = set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", line))
    if raised != named:
        yield f"it answers the errors {sorted(raised)}; the header names {sorted(named)}"
    for name in raised - NAMES.keys():
        yield f"error {name} is not in routing/errors.py"
    safe = "first_reply(request_id)" in source or any(line.startswith("-- Repeated  ") for line in header)
    if "no-writes" not in source.split("\n", 1)[0] and not safe:
        yield "it changes things and does not look for a first reply"


def _callers() -> Iterator[tuple[str, str, set[str] | None]]:
    """Yield (file:line, script, argument names) of every `.run("script", ...)`; names None for **."""
    for path in sorted(FOLDER.parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "run"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                names = {k.arg for k in node.keywords}
                known = None if None in names else {name for name in names if name}
                yield f"routing/{path.name}:{node.lineno}", str(node.args[0].value), known


if __name__ == "__main__":
    findings = check_headers()
    sys.stdout.writelines(f"{line}\n" for line in findings)
    sys.exit(1 if findings else 0)
