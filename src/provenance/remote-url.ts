const URL_CHARS_MAX = 2048;

/**
 * The URL of a git remote, fit to be signed and shown: user names (but `git`), passwords, queries and fragments, where
 * tokens stand, are left out. Undefined for paths on this machine, for transports that run commands (`ext::`), and for
 * whatever else is not plainly a URL (git-clone(1), GIT URLS). `host:path` becomes `ssh://host/path`.
 */
export function publicRemoteUrl(remote: string): string | undefined {
  if (remote.length > URL_CHARS_MAX) return undefined;
  const short = /^(?:([^@:/\s]+)@)?([A-Za-z0-9][A-Za-z0-9.-]+):(?!\/\/)\/?([^@\\:\s]+)$/.exec(remote);
  const url = parse(
    short ? `ssh://${short[1] === undefined ? "" : "git@"}${short[2] ?? ""}/${short[3] ?? ""}` : remote,
  );
  if (url === undefined || !/^(https?|ssh|git):$/.test(url.protocol) || url.host === "") return undefined;
  // An @ in the path may be a password that was written in the wrong place.
  if (/@|%40/i.test(url.pathname)) return undefined;
  url.password = "";
  url.search = "";
  url.hash = "";
  if (url.protocol !== "ssh:" || url.username !== "git") url.username = "";
  return url.href;
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
