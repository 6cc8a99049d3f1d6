"""Signing in: passwords, and sessions of browsers."""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from blake3 import blake3

from omprov.catalog import Tries
from omprov.errors import NotFound, NotSignedIn, Unavailable
from omprov.records import Digest, SignIn, User, is_name
from omprov.repository._door._opened import Opened
from omprov.repository._passwords import hash_again, hashing_turn, is_outdated, is_password
from omprov.repository._sign_in_tries import (
    FORGOTTEN_AFTER,
    KNOWN_FOR,
    Subjects,
    given_back,
    refuse_early,
    with_failure,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from omprov.catalog import CatalogReader, CatalogWriter

T = TypeVar("T")

AnyUser: TypeAlias = str | User
"""A user, or their name."""

SESSION_LASTS = timedelta(days=30)
SESSION_IDLES = timedelta(hours=12)
NOTED_EVERY = timedelta(minutes=5)
"""Use is written down so often at most, so that reading does not become writing."""

_LONGEST_SECRET = 200
_SHOWN_ORIGIN = 128


class SignIns(Opened):
    """Signing in."""

    def check_password(
        self, name: str, password: str, *, origin: str = "", repeated: bool = False
    ) -> User:
        """Return the user of this name if the password is theirs.

        After five failures within 15 minutes, under one name or from one origin, further tries
        are refused: for a minute, then for two, … at most for 15. Where a user has signed in from
        before, only the failures under their name from there count. Every process counts together.

        Args:
            name: of the user.
            password: what was typed.
            origin: where the request comes from, as an address; empty if unknown.
            repeated: it comes with every request: what was right from there within five minutes is
                compared with the stored hash, in this process, without hashing it again.

        Raises:
            NotSignedIn: it is not, or there is no such user, or they are disabled; nothing tells
                which.
            TooManyTries: too many failed before.
            MissingExtra: argon2-cffi is not installed.
        """
        subjects = Subjects.of(name, origin)
        with self._reading() as reader:  # who is refused costs no write
            found = reader.find_tries(subjects.all)
            refuse_early(
                [found[one] for one in subjects.counted(found) if one in found], self._clock()
            )
            proof = self._people.proof_of(name, password, origin)
            proven = self._people.proven(proof, self._clock()) if repeated else None
            stored = None if proven is None else _find_password(reader, name)
            if stored is not None and stored[1] == proven and not stored[0].disabled:
                return stored[0]
        with hashing_turn():
            at = self._clock()
            before, counted, stored = self._count_try(name, origin, subjects, at)
            right = is_password(None if stored is None else stored[1], password)
            if stored is None or not right or stored[0].disabled:
                raise NotSignedIn("the name or the password is wrong")
            user, hashed = stored
            renewed = hash_again(password) if is_outdated(hashed) else None
        with self._writing() as writer:
            if writer.find_password(name) != stored:  # it was changed this very moment
                raise NotSignedIn("the name or the password is wrong")
            now = writer.find_tries(counted)
            writer.put_tries(
                {
                    subject: given_back(now.get(subject, Tries()), tries, before[subject], at)
                    for subject, tries in counted.items()
                }
                | {subjects.pair: Tries(user=user.id)}
            )
            if renewed is not None:
                writer.renew_hash(user.id, hashed, renewed)
        if repeated:
            self._people.prove(proof, renewed or hashed, at)
        return user

    def _count_try(
        self, name: str, origin: str, subjects: Subjects, at: datetime
    ) -> tuple[dict[Digest, Tries], dict[Digest, Tries], tuple[User, str] | None]:
        """Count a try as failed; return what was remembered before and after, and the user."""
        with self._catalog.write(self.who, at) as writer:
            found = writer.find_tries(subjects.all)
            before = {one: found.get(one, Tries()) for one in subjects.counted(found)}
            refuse_early(before.values(), at)
            after = {subject: with_failure(tries, at) for subject, tries in before.items()}
            writer.remove_stale_tries(at - FORGOTTEN_AFTER, known_before=at - KNOWN_FOR)
            writer.put_tries(after)
            stored = _find_password(writer, name)
            refused = max(after.values(), key=lambda tries: tries.level)
            if stored is not None and refused.until is not None:
                seconds = round((refused.until - at).total_seconds())
                told = {"origin": origin[:_SHOWN_ORIGIN], "seconds": seconds}
                writer.add_audit("sign-in.limit", name, told)
        return before, after, stored

    def sign_in(self, user: User) -> tuple[str, SignIn]:
        """Begin a session of a user whose password was checked.

        It ends after 30 days, or after 12 hours in which it is not used.

        Returns:
            The secret for the cookie, which is stored nowhere, and the session.

        Raises:
            NotSignedIn: the user is disabled.
        """
        secret = secrets.token_urlsafe(32)
        now = self._clock()
        with self._catalog.write(user.name, now) as writer:
            found = writer.find_user(user.name)
            if found is None or found.disabled:
                raise NotSignedIn(f"{user.name} cannot sign in any more")
            writer.remove_stale_sign_ins(now - SESSION_IDLES)
            writer.add_sign_in(found.id, digest_of(secret), now + SESSION_LASTS)
        return secret, SignIn(found, _csrf(secret), now + SESSION_LASTS)

    def find_sign_in(self, secret: str) -> SignIn | None:
        """Return the session with this secret; ``None`` where it has ended, or never was.

        One indexed query, or none: what was found is known for two seconds. Its end in this
        process is seen at once, in another one after two seconds at most.
        """
        if not may_be_secret(secret):
            return None
        digest, now = digest_of(secret), self._clock()
        found = self._people.recall(
            ("session", digest), now, lambda: self._read(lambda r: r.find_sign_in(digest))
        )
        if found is None or found.user.disabled:
            return None
        if now >= found.expires or now >= found.used + SESSION_IDLES:
            return None
        if now >= found.used + NOTED_EVERY:
            key = ("session", digest)
            if self._note_use(
                key, found.user, now, lambda writer: writer.note_sign_in_used(digest)
            ):
                self._people.renew(key, replace(found, used=now))
        return SignIn(found.user, _csrf(secret), found.expires)

    def sign_out(self, secret: str) -> None:
        """End the session with this secret; do nothing where there is none."""
        if may_be_secret(secret):
            with self._changing_people() as writer:
                writer.remove_sign_in(digest_of(secret))

    def _read(self, question: Callable[[CatalogReader], T]) -> T:
        with self._reading() as reader:
            return question(reader)

    def _note_use(
        self,
        key: tuple[str, Digest],
        user: User,
        now: datetime,
        note: Callable[[CatalogWriter], None],
    ) -> bool:
        """Write down that something is used, unless somebody here tried lately; tell if it was."""
        if not self._people.claim(key, now, NOTED_EVERY):
            return False
        with suppress(Unavailable):  # nobody is kept out because the database is busy or full
            with self._catalog.write(user.name, now) as writer:
                note(writer)
            return True
        return False

    @contextmanager
    def _changing_people(self) -> Iterator[CatalogWriter]:
        try:
            with self._writing() as writer:
                yield writer
        finally:
            self._people.forget()


def resolve_user(reader: CatalogReader, user: AnyUser) -> User:
    """Return the user as they are now.

    Raises:
        NotFound: there is none of this name; with near matches.
    """
    name = user.name if isinstance(user, User) else user
    found = reader.find_user(name) if is_name(name) else None
    if found is None:
        near = get_close_matches(name, [one.name for one in reader.list_users()])
        raise NotFound("user", name, near, "" if near else "`omprov user ls` lists them.")
    return found


def digest_of(secret: str) -> Digest:
    """Return what is stored of a secret.

    Secrets are 256 random bits, so a fast hash is enough, and finding one by its digest tells
    nobody who measures the time anything about other secrets.
    """
    return Digest(blake3(secret.encode()).hexdigest())


def _csrf(secret: str) -> str:
    """Give the word that goes with a session's cookie; it follows from it, and not the reverse."""
    return blake3(secret.encode(), derive_key_context="omprov 2026 sign-in csrf").hexdigest()


def may_be_secret(text: str) -> bool:
    """Tell whether text that came from outside is worth looking up."""
    return len(text) <= _LONGEST_SECRET and text.isascii()


def _find_password(reader: CatalogReader, name: str) -> tuple[User, str] | None:
    return reader.find_password(name) if is_name(name) else None
