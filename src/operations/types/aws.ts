// What writing and checking the AWS side of a policy takes and gives.

/** Which policy is meant: a file, or the project's in force. */
export interface AwsExportOptions {
  /** Policy file; undefined: the version in force. */
  readonly file?: string | undefined;
  /** Folder to write to. */
  readonly out: string;
}

export interface AwsExported {
  readonly out: string;
  readonly policyVersion: number;
  /** What was written, with the characters that AWS counts and takes at most. */
  readonly documents: readonly {
    readonly title: string;
    readonly file: string;
    readonly chars: number;
    readonly charsMax: number;
  }[];
  /** Written besides. */
  readonly terraform: string;
  readonly notes: readonly string[];
}

export interface AwsVerifyOptions {
  readonly file?: string | undefined;
  /** Folder with what the commands of {@link AwsVerified} printed. */
  readonly deployed: string;
}

export interface AwsVerified {
  readonly policyVersion: number;
  /** Whether everything is as the policy makes it. */
  readonly same: boolean;
  readonly documents: readonly {
    readonly title: string;
    readonly file: string;
    readonly state: "same" | "differs" | "missing";
    readonly differences: readonly { readonly direction: "wider" | "narrower" | "other"; readonly text: string }[];
  }[];
}

/** How to read what is deployed. */
export interface AwsReadings {
  readonly policyVersion: number;
  readonly readings: readonly { readonly title: string; readonly file: string; readonly command: string }[];
}
