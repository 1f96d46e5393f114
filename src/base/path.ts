// Which paths may stand in an artifact. Checked on push and again on pull: the pusher may be hostile, too.

const SEGMENT_BYTES_MAX = 255;
const PATH_BYTES_MAX = 4096;
/** Names that are devices on Windows, with any extension. */
const DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$/i;
/** Control, surrogate, bidirectional and invisible characters, and what Windows forbids. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff<>:"|?*\\]/u;

/** Parts of ASCII letters, digits, `_`, `.` and `-` that begin with a letter, a digit or `_`. */
const PLAIN = /^\w[\w.-]*(?:\/\w[\w.-]*)*$/;
/** What may be wrong with those: a device, with any extension, and a dot at the end. */
const ODD = /(?:^|\/)(?:con|prn|aux|nul|com\d|lpt\d)(?:[./]|$)|\.(?:\/|$)/i;

/** Why a relative path with `/` separators may not stand in an artifact, or undefined where it may. */
export function pathProblem(path: string): string | undefined {
  // Nearly every path, in an eighth of the time; what is said below finds nothing wrong with it either.
  if (path.length <= SEGMENT_BYTES_MAX && PLAIN.test(path) && !ODD.test(path)) return undefined;
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
  /** Files and empty directories, by what their paths fold to. */
  readonly #leaves = new Map<string, string>();
  /** Directories that have something in them, likewise. */
  readonly #folders = new Map<string, string>();
  /** The directory of the path that was added last: most come in the order of directories. */
  #last = "";

  /** The earlier path that this one collides with (itself, where it is there twice), or undefined. */
  add(path: string): string | undefined {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (folder !== this.#last) {
      const earlier = folder === "" ? undefined : this.#addFolders(folder);
      if (earlier !== undefined) return earlier;
      this.#last = folder;
    }
    const key = fold(path);
    const earlier = this.#leaves.get(key) ?? this.#folders.get(key);
    if (earlier !== undefined) return earlier;
    this.#leaves.set(key, path);
    return undefined;
  }

  #addFolders(folder: string): string | undefined {
    for (let end = folder.indexOf("/"); ; end = folder.indexOf("/", end + 1)) {
      const prefix = end < 0 ? folder : folder.slice(0, end);
      const key = fold(prefix);
      const leaf = this.#leaves.get(key);
      if (leaf !== undefined) return leaf;
      const earlier = this.#folders.get(key);
      if (earlier !== undefined && earlier !== prefix) return earlier;
      this.#folders.set(key, prefix);
      if (end < 0) return undefined;
    }
  }
}

const ASCII = /^[\0-\x7f]*$/;

function fold(path: string): string {
  if (ASCII.test(path)) return path.toLowerCase();
  // Upper then lower: ß folds with ss as APFS and NTFS may do.
  return path.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}
