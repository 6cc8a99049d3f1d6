"""Credentials as the AWS command line keeps them: profiles, single sign-on, roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.errors import InvalidInput, MissingExtra, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.auth.boto3 import Boto3CredentialProvider

_SAID = {"access_key_id", "aws_access_key_id", "anonymous", "skip_signature"}


def aws_credentials(url: str, options: Mapping[str, str]) -> Boto3CredentialProvider | None:
    """Return what knows the credentials, and knows new ones when they run out.

    Args:
        url: of the bucket, for messages.
        options: of the bucket; ``profile`` names one of ``~/.aws``.

    Returns:
        ``None`` where the options hold the keys themselves, where there is no boto3, or where it
        knows of none: then obstore looks for itself.

    Raises:
        MissingExtra: a profile is named, and there is no boto3.
        InvalidInput: there is no such profile.
        Unavailable: the profile's credentials cannot be had, for example because a login ran out.
    """
    profile = options.get("profile")
    if profile is None and not _SAID.isdisjoint(options):
        return None
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ProfileNotFound
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError as error:
        if profile is None:
            return None
        raise MissingExtra("aws", f"the profile {profile} of {url}") from error
    try:
        session = boto3.Session(profile_name=profile)
        if session.get_credentials() is None:
            return None
        provider = Boto3CredentialProvider(session)
        provider()
    except ProfileNotFound as error:
        raise InvalidInput(f"{url}: {error}; look at ~/.aws/config") from error
    except BotoCoreError as error:
        raise Unavailable(f"no credentials for {url}: {error}") from error
    return provider
