// Stands in for STS where only what follows its answer is timed: everybody is given a session of an hour.
// Prints its address, and ends with its standard input.
import { createServer } from "node:http";

const server = createServer((request, response) => {
  request.resume();
  const expiration = new Date(Date.now() + 3_600_000).toISOString();
  const fields = { AccessKeyId: "ASIABENCH00000000000", SecretAccessKey: "s", SessionToken: "t".repeat(800) };
  const credentials = Object.entries({ ...fields, Expiration: expiration }).map(
    ([name, text]) => `<${name}>${text}</${name}>`,
  );
  response.setHeader("content-type", "text/xml");
  response.end(
    `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>${credentials.join("")}</Credentials></AssumeRoleResult></AssumeRoleResponse>`,
  );
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.resume().on("end", () => process.exit());
