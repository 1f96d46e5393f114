// Where a new project lies in AWS, from what was said of its store, its account and its keys.
import { CloisterError } from "../../base/errors.ts";
import { isKmsKey } from "../../keys/kms.ts";
import type { AwsPlace } from "../../policy/aws-block.ts";
import type { CreateOptions } from "../types.ts";

/** The template for a team in AWS. */
const AWS_TEMPLATE = "aws";

/**
 * What the policy is to say of AWS; undefined for a project that has nothing to do with it.
 * @throws CloisterError USAGE where account, region or bucket cannot be told
 */
export function awsPlaceOf(options: CreateOptions): AwsPlace | undefined {
  const { kms } = options;
  if (options.template !== AWS_TEMPLATE && kms === undefined) return undefined;
  if (kms !== undefined && !isKmsKey(kms)) {
    throw new CloisterError("USAGE", `${kms} is no key ARN of KMS`, {
      next: "--kms arn:aws:kms:REGION:ACCOUNT:key/ID   (the key itself: an alias can be pointed elsewhere)",
    });
  }
  const [, , , keyRegion, keyAccount] = kms?.split(":") ?? [];
  const account = options.account ?? keyAccount;
  if (account === undefined || !/^\d{12}$/.test(account)) {
    throw new CloisterError("USAGE", "which AWS account will the project lie in?", {
      why: "the policy names it, and the IAM roles that policy export aws writes are there",
      next: "--account 111122223333   (12 digits: aws sts get-caller-identity)",
    });
  }
  const region = options.region ?? keyRegion;
  if (region === undefined) {
    throw new CloisterError("USAGE", "which region will the project lie in?", { next: "--region REGION" });
  }
  if (keyRegion !== undefined && keyRegion !== region) {
    throw new CloisterError("USAGE", `the key is in ${keyRegion}, and the project in ${region}`, {
      why: "KMS is called in the project's region",
      next: `--region ${keyRegion}, or a --kms key in ${region}`,
    });
  }
  return { account, region, kms, ...bucketOf(options) };
}

/** A project under KMS is one in AWS, and its policy says where; that its store is a folder for now changes nothing. */
function bucketOf({ store, bucket }: CreateOptions): { readonly bucket: string; readonly prefix: string } {
  const [, name, prefix = ""] = /^s3:\/\/([^/]+)\/?(.*?)\/*$/.exec(store) ?? [];
  if (name !== undefined) return { bucket: name, prefix };
  if (bucket !== undefined) return { bucket, prefix: "" };
  throw new CloisterError("USAGE", "which bucket will the project lie in?", {
    why: "the policy says where the project lies in AWS, also while its store is a folder",
    next: "--store s3://BUCKET/PREFIX, or --bucket NAME",
  });
}
