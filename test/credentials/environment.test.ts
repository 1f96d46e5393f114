// What a program that is handed a credential finds besides: nothing that an SDK would take instead.
import { expect, it } from "vitest";
import { credentialEnvironment } from "../../src/index.ts";

it("leaves no other credential of AWS, under any name that SDKs read, and none of ours", async () => {
  const handed = { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1:1/" };
  const { set, unset, secrets } = await credentialEnvironment(handed);
  const older = ["AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_BEARER_TOKEN_BEDROCK"];
  expect(unset).toEqual(expect.arrayContaining(["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", ...older]));
  expect(secrets).toEqual(expect.arrayContaining(["CLOISTER_PASSPHRASE_FILE", "CLOISTER_TOKEN_FILE"]));
  expect(set).toMatchObject({ AWS_EC2_METADATA_DISABLED: "true" });
});
