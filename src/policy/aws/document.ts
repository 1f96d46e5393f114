// Policy documents of IAM, as far as they are written here (docs.aws.amazon.com/IAM, "IAM JSON policy elements").

/** `{ StringLike: { "s3:prefix": [...] } }`. */
export type Conditions = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

export type Principal =
  | "*"
  | Readonly<Record<"AWS" | "Federated", string | readonly string[]>>
  | Readonly<Record<string, string | readonly string[]>>;

export interface Statement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: Principal;
  readonly Action: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Condition?: Conditions;
}

export interface PolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: readonly Statement[];
}

export function documentOf(statements: readonly Statement[]): PolicyDocument {
  return { Version: "2012-10-17", Statement: statements };
}

/** A list of one is written as the text alone, which is what AWS gives back, and shorter. */
export function one(values: readonly string[]): string | readonly string[] {
  const [first] = values;
  return values.length === 1 && first !== undefined ? first : values;
}
