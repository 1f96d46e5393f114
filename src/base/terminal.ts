/**
 * Text that other people wrote, made harmless for a terminal and for a line-based list: control characters (C0, C1,
 * DEL), line separators and bidirectional overrides (Unicode TR 36) become `\u{…}`.
 */
export function printable(text: string): string {
  return text.replace(HOSTILE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

const HOSTILE = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu;

/** JSON whose text holds no character of {@link printable}'s list: as escapes they mean the same to every parser. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(HOSTILE, (char) =>
    [...Array(char.length).keys()].map((at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  );
}
