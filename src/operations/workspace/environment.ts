// What a workspace has around its work: an environment template, folders of the host, GPUs. A template asks for what flags
// could ask for, and the policy is asked the same question.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError } from "../../base/errors.ts";
import { checkName, NAME } from "../../base/name.ts";
import { coversPath } from "../../policy/host-entry.ts";
import type { WorkspaceUse } from "../../policy/workspace-use.ts";
import type { Facts } from "../../provenance/manifest.ts";
import type { ExecSpec } from "../../sandbox/exec-spec.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { readLocal } from "../local-file.ts";
import type { Session } from "../session.ts";
import { TEMPLATES } from "../templates.ts";
import type { WorkspaceOptions, WorkspaceTemplate } from "../types.ts";
import { foldersOf, resolveMount, type WorkspaceMount } from "./mounts.ts";
import { creatingRoles } from "./use.ts";

/** What every command of a workspace finds. */
export interface WorkspaceEnvironment {
  readonly template: { readonly name: string; readonly sha256: string } | undefined;
  readonly variables: Readonly<Record<string, string>>;
  /** Folders before the others in PATH. */
  readonly path: readonly string[];
  readonly mounts: readonly WorkspaceMount[];
  /** Device nodes of GPUs. */
  readonly devices: readonly string[];
}

export interface PlannedEnvironment {
  readonly environment: WorkspaceEnvironment;
  /** What the flags and the template ask for together. */
  readonly use: WorkspaceUse;
  /** Commands to run once, before the workspace counts as made. */
  readonly setup: readonly (readonly string[])[];
}

export const NO_ENVIRONMENT: WorkspaceEnvironment = {
  ...{ template: undefined, variables: {}, path: [], mounts: [], devices: [] },
};

const TEMPLATE_BYTES_MAX = 64 * 1024;
const PATH_DEFAULT = ["/usr/local/bin", "/usr/bin", "/bin"];
const BUILT_IN = fileURLToPath(new URL("workspace/", TEMPLATES));

/** @throws CloisterError USAGE, NOT_FOUND, UNSUPPORTED_HOST where a GPU is asked for and there is none */
export async function planEnvironment(
  session: Session,
  sandbox: Sandbox,
  options: WorkspaceOptions,
): Promise<PlannedEnvironment> {
  const { use = {}, template: name } = options;
  const found = name === undefined ? undefined : await findTemplate(session.config.folder, checkName(name, "template"));
  const template = found?.template;
  const network = [...new Set([...(use.network ?? []), ...(template?.network ?? [])])];
  const gpu = use.gpu === true || template?.gpu === true;
  const asked = [...new Set([...(use.mounts ?? []), ...(template?.mounts ?? [])])];
  const mounts = await Promise.all(asked.map(resolveMount));
  return {
    use: { ...use, network, gpu, mounts: foldersOf(mounts) },
    environment: {
      template: found && { name: found.name, sha256: found.sha256 },
      variables: { ...template?.variables, ...(network.length === 0 ? template?.offline : {}) },
      path: template?.path ?? [],
      mounts,
      devices: gpu ? gpuDevices(session, sandbox) : [],
    },
    setup: template ? setupOf(template.folders, template.setup) : [],
  };
}

function gpuDevices({ host }: Session, sandbox: Sandbox): readonly string[] {
  const { devices, shut } = sandbox.gpu();
  if (devices.length > 0) {
    if (shut.length > 0) host.notice(`left out, because the workspace's user may not open them: ${shut.join(" ")}`);
    return devices;
  }
  if (shut.length === 0) {
    throw new CloisterError("UNSUPPORTED_HOST", "there is no GPU to show", {
      why: "this host has none of /dev/nvidia*, /dev/dri/renderD* and /dev/kfd",
      next: "leave out --gpu; where there is one, load its driver first (nvidia-modprobe -c 0 -u, modprobe amdgpu)",
    });
  }
  throw new CloisterError("UNSUPPORTED_HOST", "the workspace's user may not open the GPU", {
    why: `${shut.join(", ")}: reading and writing is for others only; workspaces that root makes run as a user of their own`,
    next: "join the group of the device (usermod -aG render USER), or chmod o+rw it",
  });
}

function setupOf(folders: readonly string[], command: readonly string[]): readonly (readonly string[])[] {
  const making = folders.length === 0 ? [] : [["/bin/mkdir", "-p", "--", ...folders]];
  return command.length === 0 ? making : [...making, command];
}

/**
 * What of it the policy in force still allows: what was taken away is left out, with a notice.
 * A change of the policy is the owner's answer to a toolchain or a GPU that turned out to be unsafe.
 */
export async function environmentInForce(
  session: Session,
  environment: WorkspaceEnvironment,
): Promise<WorkspaceEnvironment> {
  if (environment.mounts.length === 0 && environment.devices.length === 0) return environment;
  const roles = await creatingRoles(session, (await session.policy()).compiled.policy);
  const covered = (folder: string) =>
    roles.some(({ workspace }) => workspace.mounts.some((entry) => coversPath(entry, folder)));
  const mounts = environment.mounts.filter(({ given, source }) => covered(given) && covered(source));
  const devices = roles.some(({ workspace }) => workspace.gpu) ? environment.devices : [];
  const gone = [...environment.mounts.filter((mount) => !mounts.includes(mount)).map(({ path }) => path)];
  if (devices.length < environment.devices.length) gone.push("the GPU");
  if (gone.length > 0) session.host.notice(`not shown, as the policy in force no longer allows it: ${gone.join(", ")}`);
  return { ...environment, mounts, devices };
}

/** What a command gets of it; variables of its own come after these. */
export function surroundings(
  environment: WorkspaceEnvironment,
): Required<Pick<ExecSpec, "env" | "mounts" | "devices">> {
  const { variables, path, mounts, devices } = environment;
  return {
    env: path.length === 0 ? variables : { ...variables, PATH: [...path, ...PATH_DEFAULT].join(":") },
    mounts: mounts.map(({ source, path: at }) => ({ source, path: at })),
    devices,
  };
}

/** What a manifest says of it, beside the host's own facts. */
export function environmentFacts({ template, mounts, devices }: WorkspaceEnvironment): Facts {
  const shown = mounts.map(({ source, path, identity }) => [
    `mount ${path}`,
    `${source}${identity === undefined ? "" : ` ${identity}`}`,
  ]);
  return {
    ...(template && { template: `${template.name} sha256:${template.sha256}` }),
    ...Object.fromEntries(shown),
    ...(devices.length > 0 && { gpu: devices.join(" ") }),
  };
}

/** The same for the sealed part of the log. */
export function sealedFacts({ template, mounts }: WorkspaceEnvironment): Record<string, string | undefined> {
  const shown = mounts.map(({ source, path }) => (source === path ? source : `${source}:${path}`));
  return { template: template?.name, mounts: shown.length === 0 ? undefined : shown.join(" ") };
}

/** The project's own templates (`.cloister/workspace/NAME.yaml`) come before those of the package. */
async function findTemplate(folder: string, name: string) {
  for (const place of placesOf(folder)) {
    const bytes = await readLocal(join(place, `${name}.yaml`), TEMPLATE_BYTES_MAX);
    if (!bytes) continue;
    const { readEnvironmentTemplate } = await import("../../policy/environment.ts");
    return { name, template: readEnvironmentTemplate(bytes, name), sha256: sha256Hex(bytes), own: place !== BUILT_IN };
  }
  const names = (await templateNames(folder)).join(", ");
  throw new CloisterError("NOT_FOUND", `there is no environment template ${name}`, {
    next: `templates: ${names}; your own go to .cloister/workspace/${name}.yaml`,
  });
}

function placesOf(folder: string): readonly string[] {
  return [join(folder, ".cloister/workspace"), BUILT_IN];
}

async function templateNames(folder: string): Promise<readonly string[]> {
  const files = await Promise.all(placesOf(folder).map((place) => readdir(place).catch(() => [])));
  const names = files.flat().flatMap((file) => (file.endsWith(".yaml") ? [file.slice(0, -".yaml".length)] : []));
  return [...new Set(names.filter((name) => NAME.test(name)))].sort();
}

/** All templates that a workspace can be made from. @throws CloisterError USAGE for one that cannot be read */
export async function listTemplates({ config }: Session): Promise<readonly WorkspaceTemplate[]> {
  const names = await templateNames(config.folder);
  return Promise.all(
    names.map(async (name) => {
      const { template, own } = await findTemplate(config.folder, name);
      const { summary, setup, network, mounts, gpu, suggestedNetwork } = template;
      return { name, own, summary, setup, network, mounts, gpu, suggestedNetwork };
    }),
  );
}
