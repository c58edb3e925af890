"""Settings: sources, validation, and no display of secrets."""

from __future__ import annotations

import ipaddress
import stat
from pathlib import Path
from threading import Thread

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog import config_files
from microblog.application.site import fixed_site_settings
from microblog.config import Settings, SettingsError, config_file, load, secret_key, setting_docs
from microblog.config_parsers import is_local, leads_to
from microblog.model.accounts import RegistrationMode
from microblog.model.caches import CACHES
from microblog.model.federation_mode import FederationMode


def problems(environment: dict[str, str], config: Path | None = None) -> dict[str, str]:
    with pytest.raises(SettingsError) as raised:
        load(environment, config)
    return {problem.name: str(problem) for problem in raised.value.problems}


def test_the_defaults_are_an_open_site_on_this_machine() -> None:
    settings = load({})
    assert settings.listen == "tcp:8080:interface=127.0.0.1"
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.domain == "127.0.0.1:8080"
    assert fixed_site_settings(settings).registration is RegistrationMode.OPEN
    assert settings.data_dir == Path("var").absolute()
    assert settings.database_url is settings.redis_url is settings.smtp_url is None
    assert settings.rate_limits is True
    assert settings.max_characters == 500
    assert settings.trusted_proxies == ()


def test_the_environment_overrides_the_file_and_the_file_the_default(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('max_characters = 1000\nrate_limits = false\nsite_name = "Ours"\ntrusted_proxies = ["10.0.0.0/8", "::1"]')
    settings = load({"MICROBLOG_MAX_CHARACTERS": "2000"}, file)
    assert settings.max_characters == 2000
    assert settings.rate_limits is False
    assert settings.site_name == "Ours"
    assert settings.trusted_proxies == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128"))
    assert settings.event_retention_days == 7


def test_an_empty_value_counts_as_missing(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('redis_url = ""')
    assert load({"MICROBLOG_DATABASE_URL": "", "MICROBLOG_MAX_CHARACTERS": " "}, file) == load({})


def test_all_errors_are_reported_at_once_with_name_value_and_allowed_values() -> None:
    wrong = {
        "MICROBLOG_LISTEN": "8080",
        "MICROBLOG_PUBLIC_URL": "example.org",
        "MICROBLOG_REGISTRATION": "maybe",
        "MICROBLOG_MAX_CHARACTERS": "0",
        "MICROBLOG_RATE_LIMITS": "often",
        "MICROBLOG_TRUSTED_PROXIES": "10.0.0.1/8",
        "MICROBLOG_TIME_ZONE": "Europe/Atlantis",
        "MICROBLOG_CONTACT_EMAIL": "nobody",
        "MICROBLOG_SITE_NAME": "two\nlines",
    }
    found = problems(wrong)
    assert set(found) == set(wrong)
    for name, value in wrong.items():
        assert repr(value) in found[name]
        assert "must" in found[name] or "such as" in found[name]


@pytest.mark.parametrize(
    ("url", "listen", "leads"),
    [
        ("http://127.0.0.1:8080", "tcp:8080:interface=127.0.0.1", True),
        ("http://192.0.2.1:8080", "tcp:8080", True),
        ("http://site.test", r"tcp6:80:interface=\:\:", True),
        ("https://site.test", "ssl:443:privateKey=key.pem", True),
        ("https://site.test", "tcp:8080:interface=127.0.0.1", False),
        ("https://site.test:8080", "tcp:8080", False),
        ("http://site.test", "ssl:80:privateKey=key.pem", False),
        ("http://site.test", "unix:/run/site.sock", False),
    ],
)
def test_a_proxy_is_needed_unless_the_site_listens_at_its_public_port(url: str, listen: str, leads: bool) -> None:
    assert leads_to(url, listen) is leads


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("MICROBLOG_LISTN", "did you mean MICROBLOG_LISTEN?"),
        ("MICROBLOG_REDIS", "did you mean MICROBLOG_REDIS_URL?"),
        ("MICROBLOG_XYZZY", "twistd microblog --help"),
    ],
)
def test_an_unknown_name_is_refused_with_a_hint(name: str, hint: str) -> None:
    assert hint in problems({name: "x"})[name]


def test_service_variables_of_kubernetes_are_ignored() -> None:
    load({"MICROBLOG_SERVICE_HOST": "10.0.0.1", "MICROBLOG_PORT": "tcp://10.0.0.1:80", "MICROBLOG_PORT_80_TCP_ADDR": "10.0.0.1"})


def test_errors_of_file_and_environment_are_reported_together(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text("max_caracters = 3\nsite_name = 1979-05-27\ndatabase_pool_size = 1000\nevent_retention_days = true")
    found = problems({"MICROBLOG_LISTEN": "8080"}, file)
    assert "did you mean max_characters?" in found["max_caracters"]
    assert {"site_name", "MICROBLOG_DATABASE_POOL_SIZE", "MICROBLOG_EVENT_RETENTION_DAYS", "MICROBLOG_LISTEN"} < set(found)


def test_the_settings_file_is_the_named_one_or_the_system_wide_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standard, named = tmp_path / "microblog.toml", tmp_path / "named.toml"
    monkeypatch.setattr(config_files, "DEFAULT_CONFIG", standard)
    assert config_file({}) is None
    standard.write_text('site_name = "Ours"')
    assert config_file({}) == config_file({"MICROBLOG_CONFIG": " "}) == standard
    assert config_file({"MICROBLOG_CONFIG": str(named)}) == named
    assert config_file({"MICROBLOG_CONFIG": str(standard)}, named) == named
    assert load({"MICROBLOG_CONFIG": str(standard)}, standard).site_name == "Ours"  # the name is no unknown setting
    named.write_text('config = "other.toml"')
    assert "config" in problems({}, named)  # a file names no other


def test_an_inaccessible_settings_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(config_files, "DEFAULT_CONFIG", tmp_path / ("x" * 300))  # refused by the system, as what others may not enter
    assert "File name too long" in problems({}, config_file({}))["settings file"]


def test_relative_paths_in_a_settings_file_start_at_its_directory(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    (tmp_path / "words").mkdir()
    file.write_text('data_dir = "var"\ntexts_dir = "words"')
    assert (load({}, file).data_dir, load({}, file).texts_dir) == (tmp_path / "var", tmp_path / "words")
    file.write_text('data_dir = "/srv/var"')
    assert load({}, file).data_dir == Path("/srv/var")
    assert load({"MICROBLOG_DATA_DIR": "var"}, file).data_dir == Path("var").absolute()


@pytest.mark.parametrize("content", [None, b"= 3", b"\xff\xfe"])
def test_an_unreadable_file_is_reported_with_the_other_errors(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "site.toml"
    if content is not None:
        file.write_bytes(content)
    found = problems({"MICROBLOG_LISTEN": "8080"}, file)
    assert "cannot be read" in found["--config"]
    assert "MICROBLOG_LISTEN" in found


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("tcp:8080:interface=127.0.0.1", "http://127.0.0.1:8080"),
        ("tcp:port=9000", "http://127.0.0.1:9000"),
        ("tcp:80:interface=192.0.2.7", "http://192.0.2.7:80"),
        ("tcp:8080:interface=0.0.0.0", "http://127.0.0.1:8080"),
        ("tcp6:8080:interface=\\:\\:1", "http://[::1]:8080"),
    ],
)
def test_the_public_url_follows_the_endpoint(listen: str, url: str) -> None:
    assert load({"MICROBLOG_LISTEN": listen}).public_url == url


@pytest.mark.parametrize(
    ("listen", "endpoint", "url"),
    [
        ("127.0.0.1:8080", "tcp:8080:interface=127.0.0.1", "http://127.0.0.1:8080"),
        ("192.0.2.7:80", "tcp:80:interface=192.0.2.7", "http://192.0.2.7:80"),
        ("localhost:8080", "tcp:8080:interface=127.0.0.1", "http://127.0.0.1:8080"),
        ("[::1]:8080", "tcp6:8080:interface=\\:\\:1", "http://[::1]:8080"),
        ("[2001:DB8:0::7]:8080", "tcp6:8080:interface=2001\\:db8\\:\\:7", "http://[2001:db8::7]:8080"),
        ("[::]:8080", "tcp6:8080:interface=\\:\\:", "http://127.0.0.1:8080"),
        (":8080", "tcp:8080", "http://127.0.0.1:8080"),
        ("0.0.0.0:8080", "tcp:8080:interface=0.0.0.0", "http://127.0.0.1:8080"),
    ],
)
def test_an_address_and_a_port_are_an_endpoint(listen: str, endpoint: str, url: str) -> None:
    settings = load({"MICROBLOG_LISTEN": listen})
    assert (settings.listen, settings.public_url) == (endpoint, url)
    assert load({"MICROBLOG_LISTEN": settings.listen}) == settings  # what `microblog config` shows can be set


@pytest.mark.parametrize("listen", ["127.0.0.1:65536", ":99999", "1.2.3:80", "[::x]:80", "[]:80", "256.0.0.1:80", "127.0.0.1:", ":"])
def test_an_invalid_listen_address_is_refused(listen: str) -> None:
    assert "MICROBLOG_LISTEN" in problems({"MICROBLOG_LISTEN": listen})


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://BÜCHER.example:8443/", "https://xn--bcher-kva.example:8443"),
        ("https://例え.テスト", "https://xn--r8jz45g.xn--zckzah"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_internationalized_host_is_stored_as_punycode(given_url: str, url: str) -> None:
    settings = load({"MICROBLOG_PUBLIC_URL": given_url, "MICROBLOG_CONTACT_EMAIL": "a@bücher.example"})
    assert settings.public_url == url
    assert settings.contact_email == "a@xn--bcher-kva.example"
    assert load({"MICROBLOG_PUBLIC_URL": given_url}).mail_from.isascii()


@pytest.mark.parametrize("url", ["https://\N{PILE OF POO}\N{ZERO WIDTH JOINER}.example", "https://a\u2028b.example", "https://ü..example"])
def test_an_unusual_spelling_of_a_host_is_refused(url: str) -> None:
    assert "MICROBLOG_PUBLIC_URL" in problems({"MICROBLOG_PUBLIC_URL": url})


@pytest.mark.parametrize("listen", ["unix:/run/microblog.sock", "tcp:0"])
def test_the_public_url_is_required_if_the_endpoint_does_not_determine_it(listen: str) -> None:
    assert "must be set" in problems({"MICROBLOG_LISTEN": listen})["MICROBLOG_PUBLIC_URL"]
    assert load({"MICROBLOG_LISTEN": listen, "MICROBLOG_PUBLIC_URL": "https://example.org"}).listen == listen


def test_a_socket_that_systemd_did_not_pass_is_refused_with_the_reason() -> None:
    assert "systemd passed no such socket" in problems({"MICROBLOG_LISTEN": "systemd:domain=INET:index=0"})["MICROBLOG_LISTEN"]


@pytest.mark.parametrize("listen", ["", "tcp", "tcp:", "tcp:http", "tcp:65536", "tcp:8080:colour=red", "carrier-pigeon:1"])
def test_an_invalid_endpoint_is_refused(listen: str) -> None:
    if listen:
        assert "MICROBLOG_LISTEN" in problems({"MICROBLOG_LISTEN": listen})


@pytest.mark.parametrize(
    ("given_url", "url", "domain"),
    [
        ("https://Example.ORG/", "https://example.org", "example.org"),
        ("https://example.org:443", "https://example.org", "example.org"),
        ("http://example.org:8080", "http://example.org:8080", "example.org:8080"),
        ("http://[::1]:8080", "http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_the_public_url_is_normalized(given_url: str, url: str, domain: str) -> None:
    settings = load({"MICROBLOG_PUBLIC_URL": given_url})
    assert (settings.public_url, settings.domain) == (url, domain)


@pytest.mark.parametrize(
    "url",
    ["example.org", "ftp://example.org", "https://", "https://example.org/blog", "https://a:b@example.org", "http://ex ample.org",
     "https://example.org?x", "https://example.org#x", "http://example.org:99999", "http://exa<mple.org", "http://[::g]"],
)  # fmt: skip
def test_an_invalid_public_url_is_refused(url: str) -> None:
    assert "MICROBLOG_PUBLIC_URL" in problems({"MICROBLOG_PUBLIC_URL": url})


@pytest.mark.parametrize(
    ("url", "registration"),
    [
        ("http://localhost:8080", RegistrationMode.OPEN),
        ("http://blog.localhost", RegistrationMode.OPEN),
        ("http://127.8.0.1", RegistrationMode.OPEN),
        ("http://[::1]", RegistrationMode.OPEN),
        ("https://example.org", RegistrationMode.APPROVAL),
        ("http://192.168.1.5", RegistrationMode.APPROVAL),
        ("http://localhost.example.org", RegistrationMode.APPROVAL),
    ],
)
def test_registration_is_open_by_default_only_on_a_local_address(url: str, registration: RegistrationMode) -> None:
    assert fixed_site_settings(load({"MICROBLOG_PUBLIC_URL": url})).registration is registration
    invite = load({"MICROBLOG_PUBLIC_URL": url, "MICROBLOG_REGISTRATION": "invite"})
    assert fixed_site_settings(invite).registration is RegistrationMode.INVITE


SECRETS = {
    "MICROBLOG_DATABASE_URL": "postgresql://ada:open-sesame@db/site",
    "MICROBLOG_REDIS_URL": "redis://:open-sesame@cache:6379/0",
    "MICROBLOG_SMTP_URL": "smtp://ada:open-sesame@mail:587",
}


def test_no_password_is_shown() -> None:
    assert "open-sesame" not in repr(load(SECRETS))
    broken = {name: value.replace("://", "+odd://") for name, value in SECRETS.items()}
    found = problems(broken)
    assert set(found) == set(SECRETS)
    assert "open-sesame" not in "".join(found.values())


def test_a_bucket_needs_a_name_and_an_access_key() -> None:
    assert set(problems({"MICROBLOG_MEDIA_STORAGE": "s3"})) == {"MICROBLOG_S3_BUCKET"}
    assert set(problems({"MICROBLOG_S3_BUCKET": "blog"})) == {"MICROBLOG_S3_KEY_ID", "MICROBLOG_S3_SECRET_KEY"}
    wrong = {"MICROBLOG_S3_BUCKET": "Not A Bucket", "MICROBLOG_S3_ENDPOINT": "s3.example", "MICROBLOG_S3_PREFIX": "/media/"}
    wrong |= {"MICROBLOG_S3_PUBLIC_URL": "https://cdn.example/?a", "MICROBLOG_S3_SECRET_KEY": "canary canary"}
    found = problems(wrong)
    assert set(found) == set(wrong)
    assert "canary" not in str(found)


def test_addresses_of_a_bucket_are_of_the_usual_style_of_its_storage() -> None:
    bucket = {"MICROBLOG_S3_BUCKET": "blog", "MICROBLOG_S3_KEY_ID": "id", "MICROBLOG_S3_SECRET_KEY": "key"}
    assert load(bucket).s3_path_style is False
    elsewhere = bucket | {"MICROBLOG_S3_ENDPOINT": "https://S3.example/", "MICROBLOG_S3_PUBLIC_URL": "https://CDN.example/media/"}
    settings = load(elsewhere)
    assert (settings.s3_path_style, settings.s3_endpoint) == (True, "https://s3.example")
    assert settings.s3_public_url == "https://cdn.example/media"
    assert load(elsewhere | {"MICROBLOG_S3_PATH_STYLE": "off"}).s3_path_style is False


@given(st.dictionaries(st.sampled_from([setting.name for setting in setting_docs()]), st.text(max_size=60)))
def test_any_text_is_a_value_or_a_reported_error(environment: dict[str, str]) -> None:
    try:
        settings = load(environment)
    except SettingsError as refused:
        message = str(refused).splitlines()
    else:
        message = [settings.public_url]
    assert all(message)


@given(st.text())
def test_any_host_can_be_checked_for_being_local(host: str) -> None:
    assert is_local(f"http://{host.replace('[', '').replace(']', '')}/") in {True, False}


def test_every_setting_is_described() -> None:
    assert [setting.key for setting in setting_docs()] == [field.name for field in attrs.fields(Settings)]
    assert all(setting.meaning.endswith(".") and setting.allowed.startswith("must be ") for setting in setting_docs())


def test_the_secret_key_is_created_once_and_readable_only_by_its_owner(tmp_path: Path) -> None:
    data_dir = tmp_path / "var"
    key = secret_key(data_dir)
    assert len(key) == 32
    assert secret_key(data_dir) == key
    assert secret_key(tmp_path / "other") != key
    assert stat.S_IMODE((data_dir / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in data_dir.iterdir()] == ["secret_key"]


def test_processes_that_start_together_share_one_secret_key(tmp_path: Path) -> None:
    keys: list[bytes] = []
    threads = [Thread(target=lambda: keys.append(secret_key(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


@pytest.mark.parametrize(("content", "mode"), [("", 0o600), ("secret", 0o600), ("ab" * 31, 0o600), ("ab" * 32, 0o644)])
def test_an_empty_or_world_readable_secret_key_is_refused(tmp_path: Path, content: str, mode: int) -> None:
    file = tmp_path / "secret_key"
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(SettingsError, match="64 hexadecimal digits"):
        secret_key(tmp_path)


@pytest.mark.parametrize("text", ["unix", "UNIX", "unix, 10.0.0.0/8", "10.0.0.0/8 ,unix"])
def test_a_client_of_a_unix_socket_may_be_a_trusted_proxy(text: str) -> None:
    trusted = load({"MICROBLOG_TRUSTED_PROXIES": text}).trusted_proxies
    assert "unix" in trusted
    assert [proxy for proxy in trusted if proxy != "unix"] == ([ipaddress.ip_network("10.0.0.0/8")] if "10" in text else [])


@pytest.mark.parametrize("url", ["http://example.org", "https://localhost", "https://127.0.0.1", "http://127.0.0.1:8080"])
def test_federation_needs_a_public_https_url(url: str) -> None:
    assert "MICROBLOG_FEDERATION" in problems({"MICROBLOG_FEDERATION": "on", "MICROBLOG_PUBLIC_URL": url})
    assert load({"MICROBLOG_FEDERATION": "off", "MICROBLOG_PUBLIC_URL": url}).public_url == url


def test_federation_in_tests_has_exceptions(tmp_path: Path) -> None:
    settings = load(
        {
            "MICROBLOG_FEDERATION": "allowlist",
            "MICROBLOG_PUBLIC_URL": "http://127.0.0.1:8080",
            "MICROBLOG_FEDERATION_TEST_ADDRESSES": "127.0.0.1:8443, [::1]:9",
        }
    )
    assert settings.federation is FederationMode.ALLOWLIST
    assert settings.federation_test_addresses == (("127.0.0.1", 8443), ("::1", 9))
    for wrong in ("127.0.0.1", "example.org:80", "127.0.0.1:0", "127.0.0.1:99999"):
        assert "MICROBLOG_FEDERATION_TEST_ADDRESSES" in problems({"MICROBLOG_FEDERATION_TEST_ADDRESSES": wrong})
    names = load({"MICROBLOG_FEDERATION_TEST_NAMES": "B.test=127.0.0.2:8443, c.example.test=[::1]:9"}).federation_test_names
    assert names == (("b.test", "127.0.0.2", 8443), ("c.example.test", "::1", 9))
    for wrong in ("b.test", "b.test=127.0.0.1", "b.example.org=127.0.0.1:8443", "=127.0.0.1:8443", ".test=127.0.0.1:8443"):
        assert "MICROBLOG_FEDERATION_TEST_NAMES" in problems({"MICROBLOG_FEDERATION_TEST_NAMES": wrong})
    assert "MICROBLOG_FEDERATION_CA_FILE" in problems({"MICROBLOG_FEDERATION_CA_FILE": str(tmp_path / "missing.pem")})


def test_caches_are_turned_on_and_off_by_name() -> None:
    def on(text: str) -> frozenset[str]:
        return load({"MICROBLOG_CACHES": text}).caches

    assert on("all") == CACHES
    assert on("none") == frozenset()
    assert on("posts, Flags") == {"posts", "flags"}
    assert on("-timelines") == CACHES - {"timelines"}
    assert on("-timelines,-posts") == CACHES - {"timelines", "posts"}
    for wrong in ("everything", "posts,-flags", "-", "all,posts", "-all", ","):
        assert "timelines" in problems({"MICROBLOG_CACHES": wrong})["MICROBLOG_CACHES"]
