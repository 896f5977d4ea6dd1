// A client of the TypeScript SDK that a test drives: one command a line on
// stdin, one answer a line on stdout.
//
//   node client.mjs '{"tools":…,"sdk":"v1"|"v2","transport":"stdio"|"http"|"sse",…}'
//
// tools is the folder of the npm packages; stdio wants command, args and env,
// http and sse a url, and headers where callers authenticate, or else oauth, with
// clientId, clientSecret and issuer. With elicitation true the client says that
// it can ask the person. Commands:
//
//   {"op":"call","name":…,"args":{…}}           calls a tool
//   {"op":"request","method":…,"params":{…}}    sends a request as it is
//   {"op":"answer","with":{…}|"never"}          what the person answers from now on
//   {"op":"follow","uri":…}                     subscribes to a resource
//   {"op":"told"}                               waits until a resource changed
//
// The answer is {"result":…} or {"error":…}, with "asked", the messages that the
// person was shown since the command before, and "updated", the resources that
// changed since the last "told".
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { join } from "node:path";

const config = JSON.parse(process.argv[2]);
const require = createRequire(join(config.tools, "package.json"));
let asked = [];
let updated = [];
let answer = { action: "decline" };
let waiting = () => {};

function changed(notification) {
  updated.push(notification.params.uri);
  waiting();
}

async function person(request) {
  asked.push(request.params);
  return answer === "never" ? new Promise(() => {}) : answer;
}

function transport(sdk) {
  const init = { requestInit: { headers: config.headers ?? {} } };
  if (config.oauth) {
    const { issuer, ...credentials } = config.oauth;
    init.authProvider = new sdk.ClientCredentialsProvider({ ...credentials, expectedIssuer: issuer });
  }
  switch (config.transport) {
    case "stdio":
      return new sdk.StdioClientTransport({ command: config.command, args: config.args ?? [], env: config.env, stderr: "inherit" });
    case "http":
      return new sdk.StreamableHTTPClientTransport(new URL(config.url), init);
    case "sse":
      return new sdk.SSEClientTransport(new URL(config.url), init);
  }
}

const info = { name: "typescript", version: "1" };
const capabilities = config.elicitation ? { elicitation: {} } : {};
let client, any;
if (config.sdk === "v1") {
  const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
  const types = require("@modelcontextprotocol/sdk/types.js");
  client = new Client(info, { capabilities });
  if (config.elicitation) client.setRequestHandler(types.ElicitRequestSchema, person);
  client.setNotificationHandler(types.ResourceUpdatedNotificationSchema, changed);
  any = types.ResultSchema;
  await client.connect(
    transport({
      ...require("@modelcontextprotocol/sdk/client/stdio.js"),
      ...require("@modelcontextprotocol/sdk/client/streamableHttp.js"),
      ...require("@modelcontextprotocol/sdk/client/sse.js"),
      ...require("@modelcontextprotocol/sdk/client/auth-extensions.js"),
    }),
  );
} else {
  const sdk = require("@modelcontextprotocol/client");
  client = new sdk.Client(info, { capabilities, versionNegotiation: { mode: { pin: "2026-07-28" } } });
  if (config.elicitation) client.setRequestHandler("elicitation/create", person);
  client.setNotificationHandler("notifications/resources/updated", changed);
  await client.connect(transport({ ...sdk, ...require("@modelcontextprotocol/client/stdio") }));
}

async function run(command) {
  switch (command.op) {
    case "call":
      return client.callTool({ name: command.name, arguments: command.args }, ...(config.sdk === "v1" ? [undefined] : []));
    case "request":
      return config.sdk === "v1"
        ? client.request({ method: command.method, params: command.params }, any)
        : client.request({ method: command.method, params: command.params });
    case "answer":
      answer = command.with;
      return {};
    case "follow":
      if (config.sdk === "v1") await client.subscribeResource({ uri: command.uri });
      else await client.listen({ resourceSubscriptions: [command.uri] });
      return {};
    case "told":
      if (updated.length === 0) await new Promise((told) => (waiting = told));
      return {};
  }
}

const print = (value) => process.stdout.write(JSON.stringify(value) + "\n");
print({ result: { server: client.getServerVersion(), capabilities: client.getServerCapabilities() } });
for await (const line of createInterface({ input: process.stdin })) {
  asked = [];
  try {
    const command = JSON.parse(line);
    print({ result: await run(command), asked, updated });
    if (command.op === "told") updated = [];
  } catch (error) {
    print({ error: { code: error.code ?? 0, message: String(error.message ?? error) }, asked, updated });
  }
}
await client.close();
process.exit(0);
