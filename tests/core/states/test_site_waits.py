"""The public page while the newest checkpoint waits for a witness: older answers, never none."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keys.policy import format_policy
from keys.trust import issuers_json
from registry.store.certificates import Certificate
from verify_web.app import create_app
from verify_web.config import SiteConfig

HOUR = timedelta(hours=1)


@pytest.fixture
def site(office: Any, witnessed: Any) -> Any:
    """Serve the office's public folder, under a policy that asks for the witness."""
    folder = Path(office.site.public) / "trust"
    folder.mkdir(parents=True)
    (folder / "log.policy").write_bytes(format_policy(office.policy))
    issuers = issuers_json(
        issuers=office.trust.issuers.values(),
        seal_root=None,
        base_url=office.trust.base_url,
        issued_at=office.clock.now(),
        signer=office.log_key,
    )
    (folder / "issuers.json").write_bytes(issuers)
    assert witnessed.office is office
    config = SiteConfig(
        public_dir=office.site.public,
        pepper=office.site.pepper,
        base_url=office.trust.base_url,
        clock=office.clock,
    )
    return create_app(config).test_client()


def told(site: Any, token: str) -> tuple[str, str]:
    answer = site.get(f"/v/{token}", headers={"Accept": "application/json"})
    report = json.loads(answer.data)
    return report.get("verdict", report.get("code")), str(report.get("as_of"))


def test_a_witness_that_is_away_makes_answers_older_and_never_takes_them_back(
    office: Any, clerk: Any, witnessed: Any, site: Any
) -> None:
    numbers = clerk.issue(3)
    office.anchor()
    witnessed.sign()
    office.publish()
    tokens = [row.token for row in office.rows(Certificate)]
    first = f"{office.clock.moment:%Y-%m-%dT%H:%M:%SZ}"
    assert [told(site, token) for token in tokens] == [("valid", first)] * 3
    for _round in range(5):
        office.clock.moment += HOUR
        clerk.suspend(numbers[0])
        clerk.reinstate(numbers[0])
        clerk.reissue(numbers[1])
        office.anchor()
        office.publish()
        # The paper of the new edition cannot be found yet; all others are as they were then.
        assert [told(site, token) for token in tokens] == [("valid", first)] * 3
        assert site.get("/healthz").status_code == 200
        newest = office.rows(Certificate)[-1].token
        assert site.get(f"/v/{newest}").status_code == 404
    clerk.suspend(numbers[2])
    office.anchor()
    witnessed.sign()
    # Between the cosigned checkpoint and the list: what has changed since is not said to be valid.
    assert told(site, tokens[2])[0] == "cannot-say"
    office.publish()
    now = f"{office.clock.moment:%Y-%m-%dT%H:%M:%SZ}"
    assert [told(site, token) for token in tokens] == [
        ("valid", now),
        ("corrected", now),
        ("suspended", now),
    ]
    assert told(site, newest) == ("valid", now)
    assert site.get("/status/7").data == site.get("/status/0.tlog-proof").data
    assert site.get("/status/8").status_code == 404


def test_before_the_witness_has_ever_signed_nothing_is_said(
    office: Any, clerk: Any, site: Any
) -> None:
    clerk.issue(1)
    office.anchor()
    office.publish()
    assert told(site, office.rows(Certificate)[0].token)[0] == "service-trouble"
    assert site.get("/status/0").status_code == 404
