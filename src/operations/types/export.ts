// What exporting a version out of its domain or its project takes and gives.
import type { VersionSummary } from "./artifact.ts";

export interface ExportOptions {
  readonly reference: string;
  /** `s3://bucket/prefix`, `domain:NAME` or a folder. */
  readonly to: string;
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  /** To another domain: class of the new version. Default: the same. */
  readonly class?: string | undefined;
  /** To another domain: `name[:label]` there. Default: the same. */
  readonly name?: string | undefined;
  /** To a bucket: server other than AWS, region and profile. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface Exported extends VersionSummary {
  readonly dryRun: boolean;
  /** In the one spelling that the policy matches. */
  readonly destination: string;
  readonly destinationKind: "folder" | "bucket" | "domain";
  /** Log entry of the export. */
  readonly exportEntry: number | undefined;
  /** To another domain: the version that was made there. */
  readonly made: { readonly reference: string; readonly class: string; readonly versionId: string } | undefined;
}
