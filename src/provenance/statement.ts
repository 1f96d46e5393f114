// Writes the manifest of a version as an in-toto Statement v1 with the SLSA provenance v1 predicate.

import { sortedByPath } from "../base/folder-digests.ts";
import type { Json } from "../base/json.ts";
import {
  artifactUri,
  BUILD_TYPE,
  BUILDER_ID,
  type GitState,
  LISTED_FILES_MAX,
  type ManifestContent,
  type ManifestInput,
  PREDICATE_TYPE,
  STATEMENT_TYPE,
} from "./manifest.ts";
import { readStatement } from "./statement-reader.ts";

/**
 * The statement about one version. What in-toto and SLSA do not name stands only where their schemas are open
 * (`externalParameters`, `internalParameters`, `annotations`): strict protobuf readers refuse unknown fields elsewhere.
 *
 * @throws CloisterError INTEGRITY where readers would refuse it: digests that do not match the files, a wrong name, …
 */
export function buildStatement(content: ManifestContent): Json {
  const statement: Json = {
    _type: STATEMENT_TYPE,
    subject: subjects(content),
    predicateType: PREDICATE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: externalParameters(content),
        internalParameters: internalParameters(content),
        resolvedDependencies: [...content.inputs.map(inputDependency), ...(content.git ? source(content.git) : [])],
      },
      runDetails: {
        builder: { id: BUILDER_ID, version: { cloister: content.builder.version, node: content.builder.node } },
        metadata: metadata(content),
      },
    },
  };
  // Signed and stored for good: better to fail here than to leave a version that nobody can read.
  readStatement(statement);
  return statement;
}

function subjects(content: ManifestContent): Json[] {
  const uri = artifactUri({ ...content, projectId: content.project.id });
  const artifact: Json = {
    // in-toto wants names to be unique; no path of a file can look like this one.
    name: uri,
    uri,
    digest: { sha256: content.omsRoot, dirHash: content.dirHash },
    annotations: {
      kind: content.kind,
      class: content.class,
      files: content.files.length,
      bytes: content.bytes,
    },
  };
  const files = sortedByPath(content.files)
    .slice(0, LISTED_FILES_MAX)
    .map((file) => ({ name: file.path, digest: { sha256: file.sha256 }, annotations: { bytes: file.bytes } }));
  return [artifact, ...files];
}

/** What a person asked for: project, artifact, what they declared, the commands and inputs they named. */
function externalParameters(content: ManifestContent): Json {
  return {
    project: { id: content.project.id, name: content.project.name },
    artifact: {
      domain: content.domain,
      name: content.name,
      number: content.number,
      label: content.label,
      kind: content.kind,
      class: content.class,
    },
    declared: { ...content.declared },
    workspace: content.workspace && { id: content.workspace.id, name: content.workspace.name },
    inputs: content.inputs.map(({ name, uri }) => ({ name, uri })),
    runs: content.runs?.map(({ id, argv, cwd, seeds }) => ({ id, argv, cwd, seeds })),
  };
}

/** What Cloister saw: the policy's decision, the processes, the work tree, the machine. */
function internalParameters(content: ManifestContent): Json {
  const { version, digest, intent } = content.policy;
  return {
    policy: { version, digest, intent },
    pushedAt: content.pushedAt,
    processes: content.runs?.map(({ id, startedOn, finishedOn, exitCode, network }) => ({
      id,
      startedOn,
      finishedOn,
      exitCode,
      network: network && {
        allowed: network.allowed,
        decisions: network.decisions.map((decision) => ({ ...decision })),
      },
    })),
    git: content.git && { ...content.git },
    environment: content.environment,
  };
}

function inputDependency(input: ManifestInput): Json {
  return {
    name: input.name,
    uri: input.uri,
    digest: { dirHash: input.digest },
    annotations: {
      role: "input",
      kind: input.kind,
      class: input.class,
      licence: input.licence,
      versionId: input.versionId,
      manifestSha256: input.manifestDigest,
    },
  };
}

function source(git: GitState): Json[] {
  const commit = {
    name: "source",
    uri: sourceUri(git),
    digest: { gitCommit: git.commit },
    annotations: { role: "source" },
  };
  if (git.patchSha256 === undefined) return [commit];
  const annotations = { role: "source-patch" };
  return [commit, { name: "uncommitted.patch", digest: { sha256: git.patchSha256 }, annotations }];
}

/** The form SPDX gives to a place in a repository (spec 2.3, 7.7): `git+https://host/path@refs/heads/main`. */
function sourceUri(git: GitState): string | undefined {
  if (git.remote === undefined || !/^(https?|ssh|git):\/\//.test(git.remote)) return undefined;
  const place = git.branch === undefined ? git.commit : `refs/heads/${git.branch}`;
  return `${git.remote.startsWith("git:") ? "" : "git+"}${git.remote}@${encodeURI(place)}`;
}

function metadata(content: ManifestContent): Json {
  // SLSA knows one build with a start and an end: here from the first command's start to the last one's end.
  return {
    invocationId: content.operationId,
    startedOn: content.runs?.at(0)?.startedOn,
    finishedOn: content.runs?.at(-1)?.finishedOn,
  };
}
