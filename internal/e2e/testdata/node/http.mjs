// A client of the TypeScript SDK for the tests, driven over its standard input
// and output, a JSON object a line:
//
//   node http.mjs FOLDER WAY URL
//
// FOLDER is where npm installed the SDKs. WAY is "streamable" or "sse" with
// version 1 of the SDK, which speaks 2025-11-25, and "2026-07-28" with version 2.
// The first line it writes is {"version"}, the protocol version agreed on. After
// that {"list":true} is answered with {"tools":[name]} and {"tool","arguments"}
// with {"called":result}; what fails, with {"failed":message}. It ends with its
// input.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const [folder, way, url] = process.argv.slice(2)
const load = createRequire(folder + '/')

async function connect() {
  const who = { name: 'e2e', version: '1' }
  if (way === '2026-07-28') {
    const { Client, StreamableHTTPClientTransport } = load('@modelcontextprotocol/client')
    const client = new Client(who, { versionNegotiation: { mode: { pin: way } } })
    await client.connect(new StreamableHTTPClientTransport(new URL(url)))
    return { client, version: client.getNegotiatedProtocolVersion() }
  }
  const { Client } = load('@modelcontextprotocol/sdk/client/index.js')
  const { StreamableHTTPClientTransport } = load('@modelcontextprotocol/sdk/client/streamableHttp.js')
  const { SSEClientTransport } = load('@modelcontextprotocol/sdk/client/sse.js')
  const transport = new (way === 'sse' ? SSEClientTransport : StreamableHTTPClientTransport)(new URL(url))
  // The SSE transport keeps the version to itself.
  let version
  const told = transport.setProtocolVersion?.bind(transport)
  transport.setProtocolVersion = (agreed) => {
    version = agreed
    told?.(agreed)
  }
  const client = new Client(who)
  await client.connect(transport)
  return { client, version }
}

const say = (message) => process.stdout.write(JSON.stringify(message) + '\n')

const { client, version } = await connect()
say({ version })
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  try {
    if (asked.list) {
      say({ tools: (await client.listTools()).tools.map((tool) => tool.name) })
    } else {
      say({ called: await client.callTool({ name: asked.tool, arguments: asked.arguments }) })
    }
  } catch (failure) {
    say({ failed: String(failure) })
  }
}
await client.close()
