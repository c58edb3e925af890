"""Hypothesis strategies for ordinary and hostile input."""

from __future__ import annotations

from hypothesis import strategies as st

PIECES = (
    "@alice", "@Bob", "@bob@example.org", "@eve@far.example", "@", "#", "#birds", "#Été", "#日本語", "#１２",
    "＃ｆｕｌｌ", "#नमस्ते", "#ﷺ", "https://example.org/", "http://", "HTTPS://WWW.EXAMPLE.ORG/a(b)c)",
    "https://user:pass@evil.example", "https://münchen.example/ü", "https://example.org/" + "x" * 40,
    "javascript:alert(1)", "data:text/html,<script>", "https://example.org/\"onmouseover='x'",
    "https://w.example", "'s", "’", "«", "»", "؟", "।", "—", "🎉", "*", "|", "^", "{", "}", "🏽", "https://w.example.jpは",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&amp;", "&#x3c;", "&", "<", ">", '"', "'",
    "`", "]]>", "<!--", "-->", "{{ 7*7 }}", "\n", "\n\n", "\r\n", "\r", "\t", " ", "  ", "\u2028", "\u2029",
    "\x85", "\x00", "\x1b", "\x7f", "\ufffe", "\ud800", "\udfff", "\u202a", "\u202b", "\u202c", "\u202d",
    "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u200e", "\u200f", "\u200b", "\u200c", "\u200d",
    "\ufeff", "\u0301", "é", "👩‍👩‍👧‍👦", "🇩🇪", "🇫", "🏽", "क्षि", "ﷺ", "ß", "İ", "ı", "ς", "·", "・", "。", "、",
    "）", ")", "(", ".", ",", "/", "=", "_", "a", "Z", "9", "مرحبا", "שלום", "こんにちは", "สวัสดี",
)  # fmt: skip

any_text = st.text(st.characters(), max_size=200)
"""Any `str`, half surrogate pairs and control characters included."""

hostile_text = st.lists(st.one_of(st.sampled_from(PIECES), st.text(st.characters(), max_size=4)), max_size=30).map("".join)
"""Pieces that mean something to the parser, to HTML, to bidi or to a database, in any order."""

texts = st.one_of(any_text, hostile_text)

bidi_text = st.lists(st.sampled_from([*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069ab א"]), max_size=40).map("".join)
"""Lines that are mostly embeddings, overrides, isolates and what closes them."""
