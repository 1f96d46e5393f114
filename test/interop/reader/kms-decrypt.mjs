#!/usr/bin/env node
// Decrypts with AWS KMS, for `cloister_reader.py --kms-decrypt`: KEY_ARN and a context `name=value,…` as arguments, the
// ciphertext on standard input, the plain text on standard output. Ends with 6 where KMS says that it is no ciphertext of
// this key in this context, and with 7 where KMS does not give it for any other reason.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
const { DecryptCommand, KMSClient } = await import("@aws-sdk/client-kms");

const [key = "", context = ""] = process.argv.slice(2);
const sealed = [];
for await (const chunk of process.stdin) sealed.push(chunk);
const command = new DecryptCommand({
  KeyId: key,
  EncryptionContext: Object.fromEntries(context.split(",").map((pair) => pair.split("="))),
  CiphertextBlob: Buffer.concat(sealed),
});
try {
  const { Plaintext } = await new KMSClient({ region: key.split(":")[3] }).send(command);
  process.stdout.write(Plaintext);
} catch (error) {
  process.stderr.write(`${error.name}: ${error.message}\n`);
  process.exitCode = ["InvalidCiphertextException", "IncorrectKeyException"].includes(error.name) ? 6 : 7;
}
