"""The clouds: a table, and which hosts of the world may be given a token."""

import pytest

from mailposture.adapters.exchange.clouds import CLOUDS, WORLDWIDE, Cloud, lab_cloud

LAB = lab_cloud(
    {
        "authority": "https://127.0.0.1:4001/",
        "api": "https://127.0.0.1:4001",
        "ca": "/somewhere/ca.pem",
        "resolver": "127.0.0.1:5300",
        "smtp_port": 4002,
    }
)


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=str)
def test_a_real_cloud_speaks_https_to_hosts_of_its_own(cloud: Cloud) -> None:
    assert cloud.owns(f"{cloud.api}/adminapi")
    assert cloud.authority.startswith("https://login.")
    assert cloud.scope == f"{cloud.resource}/.default"
    assert (cloud.smtp_port, cloud.ca, cloud.is_lab) == (25, None, False)
    assert cloud.pace > 0


@pytest.mark.parametrize(
    ("url", "owned"),
    [
        ("https://outlook.office365.com/x", True),
        ("https://OUTLOOK.office365.com/x", True),
        ("https://eurprd07.outlook.office365.com/x", True),
        ("https://outlook.office365.com:443/x", True),
        ("https://outlook.office365.com:8443/x", False),
        ("https://outlook.office365.com:nonsense/x", False),
        ("http://outlook.office365.com/x", False),
        ("https://notoutlook.office365.com/x", False),
        ("https://outlook.office365.com.evil.example/x", False),
        ("https://evil.example/outlook.office365.com", False),
        ("https://outlook.office365.com@evil.example/", False),
        ("https://outlook.office365.us/x", False),
        ("/relative", False),
        ("", False),
    ],
)
def test_only_hosts_of_the_cloud_may_be_given_a_token(url: str, owned: bool) -> None:
    assert WORLDWIDE.owns(url) is owned


def test_the_lab_is_one_more_row() -> None:
    assert (LAB.authority, LAB.scope) == (
        "https://127.0.0.1:4001",
        "https://127.0.0.1:4001/.default",
    )
    assert (LAB.ca, LAB.resolver, LAB.smtp_port) == ("/somewhere/ca.pem", "127.0.0.1:5300", 4002)
    assert LAB.is_lab
    assert LAB.owns("https://127.0.0.1:9999/regional")
    assert not LAB.owns("https://127.0.0.2:4001/")
    assert LAB.pace == 0
