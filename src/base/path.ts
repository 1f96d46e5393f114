// Which paths may stand in an artifact. Checked on push and again on pull: the pusher may be hostile, too.

const SEGMENT_BYTES_MAX = 255;
const PATH_BYTES_MAX = 4096;
/** Names that are devices on Windows, with any extension. */
const DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$/i;
/** Control, surrogate, bidirectional and invisible characters, and what Windows forbids. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff<>:"|?*\\]/u;

/** Why a relative path with `/` separators may not stand in an artifact, or undefined where it may. */
export function pathProblem(path: string): string | undefined {
  if (path === "") return "it is empty";
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) return `it is longer than ${String(PATH_BYTES_MAX)} bytes`;
  if (path.startsWith("/")) return "it is absolute";
  for (const segment of path.split("/")) {
    const problem = segmentProblem(segment);
    if (problem) return problem;
  }
  return undefined;
}

function segmentProblem(segment: string): string | undefined {
  if (segment === "") return "it has an empty part";
  if (segment === "." || segment === "..") return `it has a part ${segment}`;
  if (Buffer.byteLength(segment) > SEGMENT_BYTES_MAX) return "a part of it is longer than 255 bytes";
  if (segment.includes("\ufffd")) return "it is not UTF-8";
  if (FORBIDDEN.test(segment)) return "it has a control, bidirectional or reserved character";
  if (/[. ]$/.test(segment)) return "a part of it ends in a dot or space";
  if (segment.startsWith("-")) return "a part of it starts with -";
  if (segment.startsWith(" ")) return "a part of it starts with a space";
  if (DEVICE.test(segment)) return "a part of it is a device name on Windows";
  if (segment.toLowerCase() === ".git") return "a part of it is .git";
  return undefined;
}

/** Finds paths that would fall on one another on a file system that folds case or normalises Unicode. */
export class CollisionCheck {
  readonly #seen = new Map<string, { readonly path: string; readonly leaf: boolean }>();

  /** The earlier path that this one collides with (itself, where it is there twice), or undefined. */
  add(path: string): string | undefined {
    const parts = path.split("/");
    for (let end = 1; end <= parts.length; end++) {
      const prefix = parts.slice(0, end).join("/");
      const leaf = end === parts.length;
      const key = fold(prefix);
      const earlier = this.#seen.get(key);
      if (earlier && (earlier.path !== prefix || leaf || earlier.leaf)) return earlier.path;
      this.#seen.set(key, { path: prefix, leaf });
    }
    return undefined;
  }
}

function fold(path: string): string {
  // Upper then lower: ß folds with ss as APFS and NTFS may do.
  return path.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}
