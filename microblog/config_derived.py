"""Settings whose default depends on other settings."""

from __future__ import annotations

from typing import Any

from microblog import config_parsers as read
from microblog.config_errors import SettingProblem
from microblog.model.federation_mode import FederationMode


def derive(values: dict[str, Any], problems: list[SettingProblem]) -> None:
    """Fill in defaults that depend on other settings. A setting that is missing here has been reported already."""
    if "listen" in values and values.get("public_url", "") is None:
        values["public_url"] = read.url_of(values["listen"])
        if values["public_url"] is None:
            sentence = "must be set, because it cannot be derived from MICROBLOG_LISTEN"
            problems.append(SettingProblem("MICROBLOG_PUBLIC_URL", None, sentence))
    _derive_mail(values)
    _check_federation(values, problems)
    _check_bucket(values, problems)


def _check_federation(values: dict[str, Any], problems: list[SettingProblem]) -> None:
    mode, url = values.get("federation", FederationMode.OFF), values.get("public_url")
    if mode is FederationMode.OFF or not url or values.get("federation_test_addresses"):
        return
    if not url.startswith("https://") or read.is_local(url):
        sentence = "needs a MICROBLOG_PUBLIC_URL that begins with https:// and that everybody can reach: other servers accept no other"
        problems.append(SettingProblem("MICROBLOG_FEDERATION", mode.value, sentence))


def _check_bucket(values: dict[str, Any], problems: list[SettingProblem]) -> None:
    if values.get("s3_path_style", "") is None:
        values["s3_path_style"] = values.get("s3_endpoint") is not None
    wants_bucket = values.get("media_storage") == "s3"
    needed = {"s3_key_id", "s3_secret_key"} if values.get("s3_bucket") else {"s3_bucket"} if wants_bucket else set()
    for name in sorted(needed):
        if values.get(name, "") is None:
            because = "MICROBLOG_S3_BUCKET is set" if values.get("s3_bucket") else "MICROBLOG_MEDIA_STORAGE is s3"
            problems.append(SettingProblem(f"MICROBLOG_{name.upper()}", None, f"must be set, because {because}"))


def _derive_mail(values: dict[str, Any]) -> None:
    if values.get("smtp_tls", "") is None:
        values["smtp_tls"] = "opportunistic" if values.get("smtp_url") and read.is_local(values["smtp_url"]) else "required"
    if values.get("mail_from", "") is None and values.get("public_url"):
        values["mail_from"] = values.get("contact_email") or f"microblog@{read.mail_host(values['public_url'])}"
    if values.get("mail_bounce_address", "") is None:
        values["mail_bounce_address"] = values.get("mail_from")
