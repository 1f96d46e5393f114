// Reads a statement back into a manifest. Wherever in-toto and SLSA name the members the reader is strict; in the
// parameters and annotations, which they leave open, it takes what it knows and lets later additions pass.
import { byUtf8 } from "../base/digest.ts";
import { integrity } from "../base/errors.ts";
import { folderDigests } from "../base/folder-digests.ts";
import type { Json } from "../base/json.ts";
import { NAME } from "../base/name.ts";
import { pathProblem } from "../base/path.ts";
import { Fields, ID, SHA256 } from "../base/record.ts";
import {
  artifactUri,
  BUILD_TYPE,
  BUILDER_ID,
  LISTED_FILES_MAX,
  type Manifest,
  type ManifestFile,
  type ManifestInput,
  PREDICATE_TYPE,
  STATEMENT_TYPE,
} from "./manifest.ts";
import { readGit } from "./statement-git.ts";
import { readEnvironment, readKind, TIME, text } from "./statement-parts.ts";
import { readOrigins, readRuns } from "./statement-run-reader.ts";

const WHAT = "manifest";

/**
 * The manifest that a statement carries. Its parts are checked against one another: the artifact's URI against its
 * names, `dirHash`, root and size against the list of files where the list is complete, inputs against dependencies.
 *
 * @throws CloisterError INTEGRITY where it is of another shape or contradicts itself
 */
export function readStatement(statement: Json): Manifest {
  const top = new Fields(statement, WHAT);
  expectValue(top, "_type", STATEMENT_TYPE);
  expectValue(top, "predicateType", PREDICATE_TYPE);
  const subject = readSubjects(top.list("subject"));
  const predicate = top.fields("predicate");
  top.end();
  const definition = predicate.fields("buildDefinition");
  const details = readRunDetails(predicate.fields("runDetails"));
  predicate.end();
  const manifest = { ...readDefinition(definition, subject), ...details };
  checkAgreement(manifest, subject);
  return manifest;
}

interface Subjects {
  readonly uri: string;
  readonly kind: string;
  readonly class: string;
  readonly dirHash: string;
  readonly omsRoot: string;
  readonly fileCount: number;
  readonly bytes: number;
  readonly files: readonly ManifestFile[];
}

function readSubjects(list: readonly Json[]): Subjects {
  if (list.length > LISTED_FILES_MAX + 1) throw malformed("it lists too many files");
  const artifact = new Fields(list[0], `${WHAT}, artifact`);
  const digest = artifact.fields("digest");
  const annotations = artifact.fields("annotations");
  const uri = artifact.string("uri");
  expectValue(artifact, "name", uri);
  artifact.end();
  const subjects = {
    uri,
    kind: annotations.string("kind"),
    class: annotations.string("class"),
    omsRoot: digest.string("sha256", SHA256),
    dirHash: digest.string("dirHash", SHA256),
    fileCount: annotations.integer("files"),
    bytes: annotations.integer("bytes"),
    files: list.slice(1).map(readFile),
  };
  digest.end();
  return subjects;
}

function readFile(value: Json): ManifestFile {
  const fields = new Fields(value, `${WHAT}, file`);
  const path = fields.string("name");
  const problem = pathProblem(path);
  if (problem !== undefined) throw malformed(`a path cannot stand in an artifact: ${problem}`);
  const digest = fields.fields("digest");
  const file = { path, bytes: fields.fields("annotations").integer("bytes"), sha256: digest.string("sha256", SHA256) };
  digest.end();
  fields.end();
  return file;
}

function readDefinition(definition: Fields, subject: Subjects): Omit<Manifest, "builder" | "operationId"> {
  expectValue(definition, "buildType", BUILD_TYPE);
  const external = definition.fields("externalParameters");
  const internal = definition.fields("internalParameters");
  const dependencies = definition.list("resolvedDependencies");
  definition.end();
  const project = external.fields("project");
  const artifact = external.fields("artifact");
  const declared = external.fields("declared");
  const workspace = external.has("workspace") ? external.fields("workspace") : undefined;
  const policy = internal.fields("policy");
  const { fileCount, bytes, files, dirHash, omsRoot } = subject;
  return {
    project: { id: project.string("id", ID), name: project.string("name") },
    domain: artifact.string("domain", NAME),
    name: artifact.string("name", NAME),
    number: artifact.integer("number", 1),
    label: artifact.has("label") ? artifact.string("label", NAME) : undefined,
    kind: readKind(artifact),
    class: artifact.string("class", NAME),
    ...{ fileCount, bytes, files, dirHash, omsRoot },
    declared: {
      owner: text(declared, "owner"),
      licence: text(declared, "licence"),
      purpose: text(declared, "purpose"),
      justification: text(declared, "justification"),
    },
    workspace: workspace && { id: workspace.string("id"), name: workspace.string("name", NAME) },
    inputs: readInputs(external.list("inputs"), dependencies),
    runs: readRuns(external, internal, dependencies),
    origins: internal.has("origins") ? readOrigins(internal.fields("origins")) : undefined,
    git: readGit(internal, dependencies),
    environment: readEnvironment(internal),
    policy: {
      version: policy.integer("version", 1),
      digest: policy.string("digest", SHA256),
      intent: policy.integer("intent"),
    },
    pushedAt: internal.string("pushedAt", TIME),
  };
}

/** Inputs are the dependencies of that role, and exactly those that the person named. */
function readInputs(named: readonly Json[], dependencies: readonly Json[]): readonly ManifestInput[] {
  const inputs = dependencies.map(readInput).filter((input) => input !== undefined);
  const agree = named.every((value, at) => {
    const fields = new Fields(value, `${WHAT}, input`);
    return fields.string("name") === inputs[at]?.name && fields.string("uri") === inputs[at]?.uri;
  });
  if (!agree || named.length !== inputs.length) throw malformed("its inputs and dependencies differ");
  return inputs;
}

function readInput(value: Json): ManifestInput | undefined {
  const fields = new Fields(value, `${WHAT}, dependency`);
  const annotations = fields.fields("annotations");
  if (annotations.string("role") !== "input") return undefined;
  const digest = fields.fields("digest");
  const input = {
    name: fields.string("name", NAME),
    uri: fields.string("uri", URI),
    digest: digest.string("dirHash", SHA256),
    versionId: annotations.string("versionId", SHA256),
    class: annotations.string("class", NAME),
    kind: readKind(annotations),
    licence: text(annotations, "licence"),
    manifestDigest: annotations.string("manifestSha256", SHA256),
  };
  fields.end();
  return input;
}

const URI = /^cloister:\/\/[0-9a-f]{32}\/[a-z0-9][a-z0-9._-]{0,127}\/[a-z0-9][a-z0-9._-]{0,127}@v[1-9]\d{0,7}$/;

function readRunDetails(details: Fields): Pick<Manifest, "builder" | "operationId"> {
  const builder = details.fields("builder");
  const metadata = details.fields("metadata");
  details.end();
  expectValue(builder, "id", BUILDER_ID);
  const version = builder.fields("version");
  builder.end();
  const operationId = metadata.string("invocationId");
  for (const key of ["startedOn", "finishedOn"]) if (metadata.has(key)) metadata.string(key, TIME);
  metadata.end();
  return { builder: { version: version.string("cloister"), node: version.string("node") }, operationId };
}

function checkAgreement(manifest: Manifest, subject: Subjects): void {
  const { project, files, fileCount } = manifest;
  if (subject.uri !== artifactUri({ ...manifest, projectId: project.id }))
    throw malformed("its subject is another one");
  if (subject.kind !== manifest.kind || subject.class !== manifest.class) throw malformed("its subject is another one");
  if (files.length !== Math.min(fileCount, LISTED_FILES_MAX)) throw malformed("its list of files is incomplete");
  const ordered = files.every((file, at) => at === 0 || byUtf8(files[at - 1]?.path ?? "", file.path) < 0);
  if (!ordered) throw malformed("its files are out of order or there twice");
  if (fileCount > LISTED_FILES_MAX) return;
  const { dirHash, omsRoot } = folderDigests(files);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (dirHash !== manifest.dirHash || omsRoot !== manifest.omsRoot || bytes !== manifest.bytes) {
    throw malformed("its digests do not match its list of files");
  }
}

function expectValue(fields: Fields, key: string, value: string): void {
  if (fields.string(key) !== value) throw malformed(`its ${key} is another one`);
}

function malformed(why: string): Error {
  return integrity(`malformed ${WHAT}`, { why });
}
