"""A vantage point on its own machine: join its centre by one line, then run its worker.

`python -m mailposture.vantage_point join 'LINE'`, then `... run`. It needs what
requirements-vantage.txt lists. The private key is made here and stays here.
"""

import argparse
import contextlib
import http.client
import json
import os
import secrets
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from mailposture import VERSION, seals
from mailposture.adapters import vantage_file
from mailposture.core import codec, joining
from mailposture.core.joining import Line, Welcome, Wish

FOLDER: Final = Path("vantage")
MOST_BYTES: Final = 256 * 1024
SECONDS: Final = 30
WORKER: Final = (
    *("-m", "celery", "-A", "mailposture.vantage", "worker"),
    # Workers of other places are no business of this one, and its account may not speak to them.
    *("--without-mingle", "--without-gossip", "--without-heartbeat"),
    *("--loglevel", "INFO"),
)


class NotJoinedError(Exception):
    """This place did not join; the sentence says why and what to do."""


class _Straight(urllib.request.HTTPRedirectHandler):
    """The token goes to the address of the line, and to no other."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Follow nobody."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 2 for what its reader has to mend."""
    given = _parser().parse_args(arguments)
    try:
        if given.what == "join":
            slug = join(given.line, given.folder, _told(given))
            sys.stdout.write(f"Joined as {slug}: {given.folder / 'vantage.toml'}\n")
            if not given.run:
                sys.stdout.write(f"Start it: {_start(given.folder)}\n")
                return 0
        run(given.folder)
    except (NotJoinedError, joining.LineError, OSError) as reason:
        sys.stderr.write(f"{reason}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mailposture.vantage_point")
    what = parser.add_subparsers(dest="what", required=True)
    join_ = what.add_parser("join", help="join a centre by its line")
    join_.add_argument("line", help="the join line, between single quotes; - reads it from stdin")
    join_.add_argument("--run", action="store_true", help="start the worker at once")
    join_.add_argument("--source", help="connect from this address of this machine")
    join_.add_argument("--certificate", type=Path, help="PEM with key and chain to show")
    join_.add_argument("--resolver", help="IP:PORT of the name server; else the system's")
    join_.add_argument("--lab-network", action="append", help="only beside a lab")
    run_ = what.add_parser("run", help="run the worker of a place that joined")
    for one in (join_, run_):
        one.add_argument(
            "--folder", type=Path, default=FOLDER, help="where its files are (default: vantage)"
        )
    return parser


def _told(given: argparse.Namespace) -> dict[str, Any]:
    """What only this machine knows of the place."""
    told = {
        "source": given.source,
        "certificate": str(given.certificate.absolute()) if given.certificate else None,
        "resolver": given.resolver,
        "lab_networks": given.lab_network,
    }
    return {name: value for name, value in told.items() if value}


def run(folder: Path) -> None:
    """Become the worker."""
    file = (folder / "vantage.toml").absolute()
    try:
        (slug,) = vantage_file.joined(file)
    except (OSError, ValueError) as reason:
        raise NotJoinedError(f"There is no place to run in {folder}: {reason}") from None
    command = [sys.executable, *WORKER, "-n", f"{slug}@%h"]
    environment = {**os.environ, "MAILPOSTURE_VANTAGE": str(file)}
    os.execve(sys.executable, command, environment)  # noqa: S606  no shell, words of our own


def join(text: str, folder: Path, told: Mapping[str, Any]) -> str:
    """Join by this line, and write what the worker needs into the folder; return the place.

    A folder that joined by this very line is left as it is.
    """
    line = Line.read(sys.stdin.readline() if text == "-" else text)
    before = _before(folder, line.slug)
    if before.pop("joined_by", "") == joining.digest(line.token):
        return line.slug  # a service that is started anew gives the same command again
    private = seals.fresh_key()
    public = seals.public_of(private)
    wish = Wish(token=line.token, public_key=public, version=VERSION)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Before the token is spent: a folder that cannot be written would spend it for nothing.
    fresh = _write(folder / f".{line.slug}.key.{secrets.token_hex(8)}", f"{private}\n")
    try:
        welcome = _welcome(
            line, wish, _ask(line.url, seals.seal(joining.JOIN, codec.dump(wish), private))
        )
        fresh.replace(folder / f"{line.slug}.key")
    finally:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
    _keep(folder, line, welcome, {**before, **told})
    return line.slug


def _before(folder: Path, slug: str) -> dict[str, Any]:
    """What the folder's file says already, if it is this place's; another's is left alone."""
    try:
        document = tomllib.loads((folder / "vantage.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as reason:
        raise NotJoinedError(f"{folder / 'vantage.toml'} cannot be read: {reason}") from None
    points = document.get("points", {})
    if list(points) != [slug]:
        raise NotJoinedError(
            f"{folder} holds other places: {', '.join(points)}. Give --folder, one for each place."
        )
    found = {**document, **points[slug]}
    kept = ("joined_by", "source", "certificate", "resolver", "lab_networks")
    return {name: found[name] for name in kept if name in found}


def _ask(url: str, message: Mapping[str, str]) -> object:
    request = urllib.request.Request(  # noqa: S310  Line.read let https and loopback through alone
        url,
        data=json.dumps(message).encode(),
        headers={"Content-Type": "application/json", "User-Agent": f"mailposture/{VERSION}"},
    )
    try:
        with urllib.request.build_opener(_Straight).open(request, timeout=SECONDS) as answer:
            return _document(answer.read(MOST_BYTES))
    except urllib.error.HTTPError as refused:
        with refused:
            raise NotJoinedError(_said(refused)) from None
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "reason", error)
        raise NotJoinedError(f"{urlsplit(url).netloc} was not reached: {why}") from None


def _said(refused: urllib.error.HTTPError) -> str:
    """The centre's own sentence, in signs that a terminal only prints."""
    document = _document(refused.read(MOST_BYTES))
    says = str(document.get("error", "")) if isinstance(document, dict) else ""
    printable = "".join(sign for sign in says if sign.isprintable())[:500]
    return printable or f"The centre answered with {refused.code} and no reason."


def _document(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _welcome(line: Line, wish: Wish, answer: object) -> Welcome:
    """The answer, if the centre that the line names gave it, and to this wish."""
    try:
        found = codec.load(Welcome, seals.unseal(joining.JOINED, answer, line.centre))
    except (seals.SealError, codec.CodecError):
        raise NotJoinedError(
            "What answered is not the centre that made this join line: somebody stands in between,"
            " or its keys were changed since. Nothing was kept. Make a new line there."
        ) from None
    asked = (joining.digest(wish.token), wish.public_key, line.slug)
    if (found.digest, found.public_key, found.vantage_point) != asked:
        raise NotJoinedError(
            "The centre let somebody else in by this join line. Revoke the place on its page, and"
            " make a new line."
        )
    return found


def _keep(folder: Path, line: Line, welcome: Welcome, told: Mapping[str, Any]) -> None:
    queue = welcome.queue
    if welcome.authority:
        authority = folder / "queue-authority.pem"
        _replace(authority, welcome.authority)
        joint = "&" if urlsplit(queue).query else "?"
        queue += f"{joint}ssl_ca_certs={quote(str(authority.absolute()))}"
    _replace(folder / "queue.url", f"{queue}\n")
    lines = [f"centre = {json.dumps(line.centre)}", 'queue = "queue.url"']
    lines.append(f"joined_by = {json.dumps(welcome.digest)}")
    lines += [f"{k} = {json.dumps(told[k])}" for k in ("resolver", "lab_networks") if k in told]
    lines += ["", f"[points.{line.slug}]", f"key = {json.dumps(f'{line.slug}.key')}"]
    lines += [f"{k} = {json.dumps(told[k])}" for k in ("source", "certificate") if k in told]
    _replace(folder / "vantage.toml", "\n".join(lines) + "\n")


def _replace(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    _write(file.with_name(f".{file.name}.{secrets.token_hex(8)}"), text).replace(file)


def _write(file: Path, text: str) -> Path:
    """Write a fresh file, for this user alone."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as fresh:
        fresh.write(text)
    return file


def _start(folder: Path) -> str:
    given = "" if folder == FOLDER else f" --folder {folder}"
    return f"{sys.executable} -m mailposture.vantage_point run{given}"


if __name__ == "__main__":
    raise SystemExit(main())
