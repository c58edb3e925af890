// The length of a post, counted as on the server: in graphemes, with URLs as 23 and `@name@host` as `@name`. See microblog/domain/text/urls.py.

// White space, characters that are invalid in URLs, invisible characters, full-width punctuation, and sentence marks of other scripts.
const STOP =
  "[\\s\\p{Cc}<>\"`\\\\]|(?![\\u200c\\u200d\\p{Variation_Selector}])\\p{Default_Ignorable_Code_Point}|(?![\\0-\\x7f])\\p{Sentence_Terminal}" +
  "|[\\u037e\\u060c\\u061b\\u07f8\\u1802\\u1808\\u3001\\u3008-\\u3011\\u3014-\\u301b\\u301d-\\u301f\\ufe10-\\ufe18\\ufe35-\\ufe44\\ufe47\\ufe48" +
  "\\ufe50-\\ufe57\\ufe59-\\ufe5e\\uff01\\uff02\\uff07-\\uff09\\uff0c\\uff0e\\uff1a\\uff1b\\uff1f\\uff3b\\uff3d\\uff5b\\uff5d\\uff5f-\\uff64]";
const LETTER = "\\p{L}\\p{M}\\p{N}";
const LABEL = `[\\p{L}\\p{N}](?:[${LETTER}_-]{0,61}[${LETTER}])?`;
const UNSPACED = "[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}]";
const HOST =
  `(?:localhost(?![${LETTER}_.-])|(?:${LABEL}\\.)+(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?=${UNSPACED})|${LABEL}(?!\\.?[${LETTER}_])))` +
  "(?:\\.?:\\d{1,5}(?!\\d))?";
const URLS = new RegExp(`(?<![\\w@#+])https?://((?:(?!${STOP}|[/?#])[^])*)((?:(?!${STOP})[^])*)`, "giu");
const IN_AUTHORITY = new RegExp(`^${HOST}`, "iu");
const OTHER_HOST = new RegExp(`^(?:(?!${UNSPACED})[:.]?[${LETTER}_%@\\p{Default_Ignorable_Code_Point}]|:$)`, "u");
const TRAILING = /(?![-])[\p{Terminal_Punctuation}\p{Quotation_Mark}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Pd}…‥]/u;
const FAR_MENTION = /(^|[^\w/=])@(\w+)@[\w.-]+\w/gu;
const PLACEHOLDER = "x".repeat(23);
/** @type {Record<string, string>} */
const OPENS = { ")": "(", "]": "[", "}": "{" };
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * @param {string} url
 * @param {string | undefined} before the character before the URL
 */
function trimmed(url, before) {
  const characters = [...url];
  const count = (/** @type {string | undefined} */ sign) => characters.filter((one) => one === sign).length;
  while (characters.length) {
    const last = characters[characters.length - 1];
    const enclosed = "*|~".includes(before || " ") && last === before;
    const balanced = OPENS[last] && count(last) <= count(OPENS[last]);
    if (!enclosed && (balanced || !TRAILING.test(last))) break;
    characters.pop();
  }
  return characters.join("");
}

/**
 * @param {string} all
 * @param {string} authority
 * @param {string} rest
 * @param {number} at
 * @param {string} text
 */
function counted(all, authority, rest, at, text) {
  const host = IN_AUTHORITY.exec(authority)?.[0];
  const left = host === undefined ? "" : authority.slice(host.length);
  if (host === undefined || authority.includes("@") || (OTHER_HOST.test(left) && !(left === ":" && !rest))) return all;
  const start = all.length - authority.length - rest.length;
  if (left && !(left === "." && rest)) return PLACEHOLDER + all.slice(start + host.length);
  return PLACEHOLDER + all.slice(trimmed(all, text[at - 1]).length);
}

/** @param {string} text */
export function length(text) {
  let count = 0;
  for (const _ of graphemes.segment(text.replace(URLS, counted).replace(FAR_MENTION, "$1@$2"))) count++;
  return count;
}
