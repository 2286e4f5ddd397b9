"""Passwords: rules, hashing with argon2id, one-time passwords. Holds nothing; called by `users.py`."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from ivr.errors import InputError

LEAST, MOST = 10, 128  # characters
PLAIN = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else
HASHER = PasswordHasher(time_cost=2, memory_cost=32 * 1024, parallelism=1, hash_len=32, salt_len=16, type=Type.ID)
"""32 MiB and about 40 ms a login."""
NOBODY = "$argon2id$v=19$m=32768,t=2,p=1$4a58WIn8AYwUwKz2xNdX9A$L8P+EmOU8n/iOmIuSEuPCuoMSj4oBC3hiQqnhcDrGVI"
"""A hash no password is known for: what an unknown user's password is compared with, so that it takes as long."""

_at_once = asyncio.Semaphore(2)  # 64 MiB at most, whoever tries


def one_time() -> str:
    """Return a new password of 16 letters and digits in groups of four (79 bits)."""
    return "-".join("".join(secrets.choice(PLAIN) for _ in range(4)) for _ in range(4))


def check_new(password: str, user: str) -> None:
    """Raise InputError saying what is wrong with `password` for `user`."""
    if not all(each.isprintable() for each in password):
        raise InputError("the password holds characters that cannot be typed again everywhere")
    if len(password) < LEAST:
        raise InputError(f"the password is too short; expected {LEAST} characters or more")
    if len(password) > MOST:
        raise InputError(f"the password is too long; expected {MOST} characters at most")
    if len(set(password)) < 5 or user.lower() in password.lower():
        raise InputError("the password is easy to guess; expected one without your name and with different characters")


async def hashed(password: str) -> str:
    """Return a salted hash of `password`; every call returns another."""
    async with _at_once:
        return await asyncio.to_thread(HASHER.hash, _bytes(password))


async def matches(password: str, stored: str) -> bool:
    """Is `stored` a hash of `password`? Takes the same time for '' (nobody), too long ones and broken hashes."""
    fit = 0 < len(password) <= MOST
    async with _at_once:
        right = await asyncio.to_thread(_verify, stored or NOBODY, _bytes(password) if fit else b"-")
    return right and fit and bool(stored)


def is_old(stored: str) -> bool:
    """Was `stored` made with other costs than today's?"""
    return HASHER.check_needs_rehash(stored)


def _verify(stored: str, password: bytes) -> bool:
    try:
        return HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _bytes(password: str) -> bytes:
    """Return one form of what may be typed in several ways; what is no text at all matches nothing."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
