// How a bucket is reached, from what the configuration and the environment say.
import { expect, test } from "vitest";
import type { Host } from "../../src/operations/host.ts";
import { openStore } from "../../src/operations/open-store.ts";
import { hostIn } from "./project.ts";

const bucket = { store: "s3://acme-ml/churn", folder: "/nowhere" };
const withEnv = (env: Host["env"]): Host => ({ ...hostIn("/nowhere", "ana"), env });

test("variables that are set to nothing are as good as absent, as for the AWS SDK", async () => {
  const empty = withEnv({ AWS_ENDPOINT_URL_S3: "", AWS_ENDPOINT_URL: "", AWS_REGION: "" });
  expect((await openStore(empty, bucket)).url).toBe("s3://acme-ml/churn");
});

test("an endpoint of the environment is held to the same rules as one of the configuration", async () => {
  const plain = withEnv({ AWS_ENDPOINT_URL_S3: "", AWS_ENDPOINT_URL: "http://s3.acme.example" });
  await expect(openStore(plain, bucket)).rejects.toMatchObject({ code: "USAGE" });
  const insisting = withEnv({ AWS_ENDPOINT_URL: "http://s3.acme.example", CLOISTER_ALLOW_HTTP: "1" });
  expect((await openStore(insisting, bucket)).url).toBe("s3://acme-ml/churn");
});
