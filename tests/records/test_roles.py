"""Roles include each other, and a token never does more than its user or itself."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from omprov.records import Role, Token

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = [Role.VIEWER, Role.EDITOR, Role.OWNER]
ROLES = st.sampled_from(ORDER)


@given(ROLES, ROLES)
def test_a_role_includes_what_stands_before_it(one, other):
    assert one.allows(other) == (ORDER.index(one) >= ORDER.index(other))
    assert one.lesser(other) == other.lesser(one) == ORDER[min(map(ORDER.index, (one, other)))]


@given(ROLES, ROLES | st.none(), st.sampled_from([None, "a", "b"]), st.sampled_from(["a", "b"]))
def test_a_token_can_do_what_both_its_user_and_itself_can(of_token, of_user, only, project):
    token = Token("id", "ada", "ci", of_token, only, NOW)
    limited = token.limit(project, of_user)
    for needed in ORDER:
        may = of_user is not None and of_user.allows(needed) and of_token.allows(needed)
        assert (limited is not None and limited.allows(needed)) == (may and only in {None, project})
