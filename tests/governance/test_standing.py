"""Who is revoked and who is suspended."""

import pytest

from plano_extproc.governance import AgentRevoked, AgentSuspended, Standing
from plano_extproc.governance.standing import EVERY_TENANT

NOW = 1_800_000_000.0


def test_a_revoked_agent_may_not_act_for_anyone() -> None:
    standing = Standing().with_revoked("planner", EVERY_TENANT, NOW, "runs wild")

    assert isinstance(standing.refusal("planner", "", NOW), AgentRevoked)
    assert isinstance(standing.refusal("planner", "blue", NOW), AgentRevoked)
    assert standing.refusal("other", "", NOW) is None


def test_a_revocation_for_one_tenant_leaves_the_others_alone() -> None:
    standing = Standing().with_revoked("planner", "blue", NOW)

    assert standing.refusal("planner", "blue", NOW) is not None
    assert standing.refusal("planner", "red", NOW) is None
    assert standing.refusal("planner", "", NOW) is None


def test_a_suspension_ends_by_itself() -> None:
    standing = Standing().with_suspended("planner", "blue", NOW, NOW + 60)

    refusal = standing.refusal("planner", "blue", NOW + 1)
    assert isinstance(refusal, AgentSuspended)
    assert "59 s" in refusal.message
    assert standing.refusal("planner", "blue", NOW + 60) is None
    assert standing.refusal("planner", "red", NOW + 1) is None


def test_restoring_ends_both() -> None:
    standing = Standing().with_revoked("planner", EVERY_TENANT, NOW).with_suspended("planner", "blue", NOW, NOW + 60)

    assert standing.restored("planner", "red", NOW).refusal("planner", "blue", NOW) is not None
    assert standing.restored("planner", EVERY_TENANT, NOW) == Standing()


def test_what_is_written_is_read_again_without_what_is_over() -> None:
    standing = Standing().with_suspended("a", "", NOW, NOW + 5).with_revoked("b", "blue", NOW + 10, "why")

    read = Standing.read(standing.write())
    assert read == standing
    assert not read.suspended
    assert read.revoked[("blue", "b")].reason == "why"


def test_the_first_revocation_stays_known() -> None:
    standing = Standing().with_revoked("a", "", NOW, "first").with_revoked("a", "", NOW + 9, "second")

    assert standing.revoked[("", "a")].reason == "first"


@pytest.mark.parametrize("value", [b"[]", b"{}", b"nonsense", b'{"revoked": [1], "suspended": []}'])
def test_what_nobody_wrote_is_an_error_and_not_an_empty_standing(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Standing.read(value)
