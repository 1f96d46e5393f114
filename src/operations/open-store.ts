// From what a project's configuration says of its store to the driver that opens it. The only place that picks one.
import { relative, resolve } from "node:path";
import type { AwsAccess } from "../base/aws.ts";
import { CloisterError } from "../base/errors.ts";
import { folderStore } from "../store/folder.ts";
import { checkEndpoint, parseS3Url, type S3Access, s3Url } from "../store/s3-place.ts";
import type { Store } from "../store/store.ts";
import type { StoreConfig } from "./config.ts";
import type { Host } from "./host.ts";

type Draft = StoreConfig & { readonly folder: string };

const SCHEME = /^([a-z0-9+.-]{2,}):\/\//i;
const REGION = /^[a-z0-9-]{1,40}$/;
const PROFILE = /^[^\p{Cc}]{1,128}$/u;
/** What a server other than AWS is told where nobody named a region: most take any, and this is their default. */
const DEFAULT_REGION = "us-east-1";

/** Opens a store; a bucket's driver is loaded only for a bucket. @throws CloisterError USAGE */
export async function openStore(
  host: Host,
  config: Draft & { readonly project?: string; readonly pin?: string },
): Promise<Store> {
  if (!isBucket(config.store)) return folderStore(placeOfStore(config));
  const access = { ...accessOf(host, config), credentials: await ownSession(host, config) };
  return (await import("../store/s3.ts")).s3Store(access);
}

/** A project that is only being made or joined has no role to be opened in yet. */
async function ownSession(
  host: Host,
  { project, pin, ...config }: Draft & { readonly project?: string; readonly pin?: string },
): Promise<AwsAccess["credentials"]> {
  if (project === undefined || pin === undefined) return undefined;
  return (await import("./creds/own-access.ts")).ownCredentials(host, { ...config, project, pin });
}

/** Where the store is: the absolute path of a folder, or the address of a bucket. @throws CloisterError USAGE */
export function placeOfStore(config: Draft): string {
  if (isBucket(config.store)) return s3Url(parseS3Url(config.store));
  const given = (["endpoint", "region", "profile"] as const).find((key) => config[key] !== undefined);
  if (given !== undefined) {
    throw new CloisterError("USAGE", `a store in a folder has no ${given}`, {
      why: `the store is ${config.store}`,
      next: `leave out ${given}, or write the store like s3://bucket/prefix`,
    });
  }
  return resolve(config.folder, config.store);
}

/** A store as it is given on a command line, where paths start at the working directory, as a folder's configuration. */
export function storeConfigFor(host: Host, folder: string, given: StoreConfig): StoreConfig {
  const { endpoint, region, profile } = given;
  if (isBucket(given.store)) return { store: s3Url(parseS3Url(given.store)), endpoint, region, profile };
  const absolute = resolve(host.cwd, given.store);
  const near = relative(folder, absolute);
  return { store: near === "" || near.startsWith("..") ? absolute : near, endpoint, region, profile };
}

/** The store and what belongs to it as arguments of `cloister join`; whose credentials are used is for each to say. */
export function argumentsOfStore(place: string, { endpoint, region }: StoreConfig): string {
  const server = endpoint === undefined ? "" : ` --endpoint ${endpoint}`;
  return `${place}${server}${region === undefined ? "" : ` --region ${region}`}`;
}

/** Whether this is the address of a bucket; otherwise it is a path. @throws CloisterError USAGE for any other address */
export function isBucket(store: string): boolean {
  const scheme = SCHEME.exec(store)?.[1]?.toLowerCase();
  if (scheme === undefined) return false;
  if (scheme === "s3") return true;
  throw new CloisterError("USAGE", `there is no kind of store for ${scheme}://`, {
    why: "a store is a folder, or a bucket of S3 or of a server that speaks as S3 does",
    next: "write it like ../store or s3://bucket/prefix; a server's address goes into --endpoint",
  });
}

/**
 * How to reach a bucket. Without credentials here, those of the `aws` program are used, by its own rules: environment,
 * profile, single sign-on, the machine's role.
 */
function accessOf(host: Host, config: StoreConfig): S3Access {
  const { env, signal } = host;
  const { region, profile } = config;
  if (region !== undefined && !REGION.test(region)) throw odd("region", region, "eu-west-1");
  if (profile !== undefined && !PROFILE.test(profile)) throw odd("profile", profile, "work");
  // A variable that is set to nothing is not set, as for the SDK.
  const given = config.endpoint ?? (env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"] || undefined);
  const endpoint = given === undefined ? undefined : checkEndpoint(given, env["CLOISTER_ALLOW_HTTP"] === "1");
  const fallback = endpoint === undefined ? undefined : env["AWS_REGION"] || DEFAULT_REGION;
  return { ...parseS3Url(config.store), endpoint, region: region ?? fallback, profile, signal };
}

function odd(what: "region" | "profile", given: string, example: string): CloisterError {
  return new CloisterError("USAGE", `${given.slice(0, 100)} is no ${what}`, {
    next: `write it like --${what} ${example}, or correct the ${what} line of .cloister/config.yaml`,
  });
}
