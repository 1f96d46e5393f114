// The state of the work tree in a statement: in `internalParameters`, and as the source among the `resolvedDependencies`.
import { sha256Hex } from "../base/digest.ts";
import { integrity } from "../base/errors.ts";
import type { Json } from "../base/json.ts";
import { Fields, SHA256 } from "../base/record.ts";
import type { GitState } from "./manifest.ts";
import { text } from "./statement-parts.ts";

const COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** `internalParameters.git`. The patch itself is a dependency. */
export function gitParameters({ patch: _patch, untrackedFiles, ...git }: GitState): Json {
  return { ...git, untrackedFiles };
}

/** The commit, and the patch with its bytes where they were kept. */
export function sourceDependencies(git: GitState): Json[] {
  const commit = {
    name: "source",
    uri: sourceUri(git),
    digest: { gitCommit: git.commit },
    annotations: { role: "source" },
  };
  if (git.patchSha256 === undefined) return [commit];
  const patch = {
    name: "uncommitted.patch",
    digest: { sha256: git.patchSha256 },
    annotations: { role: "source-patch" },
  };
  return [commit, git.patch === undefined ? patch : { ...patch, content: git.patch, mediaType: "text/x-diff" }];
}

/** The form SPDX gives to a place in a repository (spec 2.3, 7.7): `git+https://host/path@refs/heads/main`. */
function sourceUri(git: GitState): string | undefined {
  if (git.remote === undefined || !/^(https?|ssh|git):\/\//.test(git.remote)) return undefined;
  const place = git.branch === undefined ? git.commit : `refs/heads/${git.branch}`;
  return `${git.remote.startsWith("git:") ? "" : "git+"}${git.remote}@${encodeURI(place)}`;
}

/** The state of the work tree, where there was one. @throws CloisterError INTEGRITY */
export function readGit(internal: Fields, dependencies: readonly Json[]): GitState | undefined {
  if (!internal.has("git")) return undefined;
  const git = internal.fields("git");
  const patchSha256 = text(git, "patchSha256", SHA256);
  return {
    commit: git.string("commit", COMMIT),
    branch: text(git, "branch"),
    remote: text(git, "remote"),
    dirty: git.boolean("dirty"),
    patchSha256,
    patch: readPatch(dependencies, patchSha256),
    untracked: git.integer("untracked"),
    untrackedFiles: git.has("untrackedFiles") ? git.strings("untrackedFiles") : undefined,
  };
}

function readPatch(dependencies: readonly Json[], sha256: string | undefined): string | undefined {
  for (const value of dependencies) {
    const fields = new Fields(value, "manifest, dependency");
    if (fields.fields("annotations").string("role") !== "source-patch" || !fields.has("content")) continue;
    const content = fields.string("content", /^[A-Za-z0-9+/]*={0,2}$/);
    if (sha256Hex(Buffer.from(content, "base64")) === sha256) return content;
    throw integrity("malformed manifest", { why: "its patch is another than its digest says" });
  }
  return undefined;
}
