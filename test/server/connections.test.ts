import { once } from 'node:events'
import type { RequestListener, Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { type ConnectionLimits, guardedServer } from '../../src/server/connections.ts'
import { serveStore } from './served-store.ts'

const mebibyte = 2 ** 20
const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`

let server: Server | undefined
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  if (server?.listening) {
    server.closeAllConnections()
    await new Promise((resolve) => server?.close(resolve))
  }
})

async function serve(handler: RequestListener, limits: Partial<ConnectionLimits> = {}) {
  server = guardedServer(handler, { mostConnections: 100, closeGrace: 60_000, ...limits })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** Resolves once it is closed, for whatever reason. */
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

/** The server's end of the next connection. One whose client reads nothing does not close there. */
async function nextConnection(server: Server): Promise<Socket> {
  const [socket] = (await once(server, 'connection')) as [Socket]
  return socket
}

/** A client, and all that it has read. */
class Client {
  readonly socket: Socket
  readonly closed: Promise<unknown>
  text = ''

  constructor(text = '', { reads = true } = {}) {
    const { port } = (server as Server).address() as AddressInfo
    this.socket = connect(port, '127.0.0.1')
    sockets.push(this.socket)
    this.socket.on('error', () => {})
    this.closed = closing(this.socket)
    if (reads) this.read()
    this.socket.write(text)
  }

  read(): void {
    this.socket.setEncoding('latin1').on('data', (text: string) => {
      this.text += text
    })
  }

  async reads(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) await once(this.socket, 'data')
  }
}

/** Answers with the path. */
const echo: RequestListener = ({ url }, response) => response.end(url)

describe('a connection', () => {
  test('that sends requests ahead is answered in their order, one at a time', async () => {
    let underWay = 0
    await serve(async ({ url }, response) => {
      expect(++underWay).toBe(1)
      await turn()
      underWay--
      response.end(url)
    })
    const paths = Array.from({ length: 65 }, (_, index) => `/${index};`)
    const client = new Client(paths.map(get).join(''))
    await client.reads(/\/64;/)
    expect(client.text.match(/\/\d+;/g)).toEqual(paths)
  })

  test('that sends more of them ahead is closed', async () => {
    const held: (() => void)[] = []
    await serve((_request, response) => held.push(() => response.end()))
    const client = new Client(get('/').repeat(66))
    await client.closed
    expect(held).toHaveLength(1)
  })

  test('that reads no answer has no further one made', async () => {
    let made = 0
    await serve((_request, response) => {
      made++
      response.end(Buffer.alloc(32 * mebibyte))
    })
    new Client(get('/').repeat(20), { reads: false })
    // Another one is answered meanwhile, more than once.
    const other = new Client(get('/'))
    for (let round = 1; round <= 3; round++) {
      while (other.text.length < round * 32 * mebibyte) await once(other.socket, 'data')
      other.socket.write(get('/'))
    }
    expect(made).toBeLessThanOrEqual(5)
  })

  test('that reads no answer is closed after a while', async () => {
    const server = await serve((_request, response) => response.end(Buffer.alloc(32 * mebibyte)), {
      stallTimeout: 100,
    })
    const connection = nextConnection(server)
    new Client(get('/'), { reads: false })
    await closing(await connection)
  })

  test('whose answer takes long is not', async () => {
    await serve(({ url }, response) => setTimeout(() => response.end(url), 400), {
      stallTimeout: 100,
    })
    await new Client(get('/late')).reads(/\/late/)
  })

  test.each([
    ['half a head', 'GET / HTTP/1.1\r\nho', { headersTimeout: 100, requestTimeout: 1_000 }],
    [
      'half a body',
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf',
      { headersTimeout: 50, requestTimeout: 100 },
    ],
  ])('that sends %s and no more is closed by its deadline', async (_what, text, limits) => {
    await serve((request) => request.resume(), { ...limits, checkInterval: 20 })
    await new Client(text).closed
  })

  test('beyond the most that may be is closed as it comes', async () => {
    await serve(echo, { mostConnections: 2 })
    const clients = [new Client(get('/one')), new Client(get('/two'))]
    await Promise.all(clients.map((client) => client.reads(/\/(one|two)/)))
    await new Client(get('/three')).closed
  })
})

describe('closing', () => {
  const closed = () => new Promise((resolve) => server?.close(resolve))

  test.each([
    ['nothing', ''],
    ['half a head', 'GET / HTTP/1.1\r\nho'],
  ])('ends connections that have sent %s at once', async (_what, text) => {
    const server = await serve(() => {})
    const client = new Client(text)
    await once(server, 'connection')
    await Promise.all([closed(), client.closed])
  })

  test('ends connections that were answered at once', async () => {
    await serve(echo)
    const client = new Client(get('/done'))
    await client.reads(/\/done/)
    await Promise.all([closed(), client.closed])
  })

  test('waits for an answer that is being made, and takes no request after it', async () => {
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<void>()
    let taken = 0
    await serve(async ({ url }, response) => {
      taken++
      asked.resolve()
      await answer.promise
      response.end(url)
    })
    const client = new Client(get('/first;') + get('/second;'))
    await asked.promise
    const end = closed()
    answer.resolve()
    await Promise.all([end, client.closed])
    expect(client.text).toMatch(/connection: close[\s\S]*\/first;$/i)
    expect(taken).toBe(1)
  })

  const post = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf'

  test('waits for the other half of a request', async () => {
    const server = await serve((request, response) => {
      request.on('end', () => response.end('whole')).resume()
    })
    const client = new Client(post)
    await once(server, 'request')
    const end = closed()
    client.socket.write(' more')
    await Promise.all([end, client.closed])
    expect(client.text).toMatch(/connection: close[\s\S]*whole$/i)
  })

  test('waits no longer than the grace period for it', async () => {
    const server = await serve((request) => request.resume(), { closeGrace: 100 })
    const client = new Client(post)
    await once(server, 'request')
    await Promise.all([closed(), client.closed])
  })

  test('waits for an answer that is being sent, to its last byte', async () => {
    const length = 48 * mebibyte
    await serve((_request, response) => response.end(Buffer.alloc(length)))
    const client = new Client(get('/'), { reads: false })
    client.socket.once('readable', () => {})
    await once(client.socket, 'readable')
    const end = closed()
    await turn()
    client.socket.removeAllListeners('readable')
    client.read()
    await Promise.all([end, client.closed])
    expect(client.text.length - client.text.indexOf('\r\n\r\n') - 4).toBe(length)
  })

  test('ends one that nobody reads, once the grace period is over', async () => {
    const server = await serve((_request, response) => response.end(Buffer.alloc(32 * mebibyte)), {
      closeGrace: 100,
    })
    const request = once(server, 'request')
    new Client(get('/'), { reads: false })
    await request
    await closed()
  })

  test('ends one whose answer never comes likewise', async () => {
    const server = await serve(() => {}, { closeGrace: 100 })
    const client = new Client(get('/'))
    await once(server, 'request')
    await Promise.all([closed(), client.closed])
  })
})

test('the whole server is guarded so', async () => {
  await using served = await serveStore({ server: { maxConnections: 5 } })
  const { port } = new URL(served.url)
  const held = Array.from({ length: 10 }, () => connect(Number(port), '127.0.0.1'))
  const ends = held.map(async (socket) => {
    socket.on('error', () => {})
    await closing(socket)
  })
  // Five are closed as they come, and the others as the server closes.
  await Promise.any(ends)
  await served[Symbol.asyncDispose]()
  await Promise.all(ends)
})

test.each([
  [{ maxConnections: 0 }, 'maxConnections must be a whole number of at least 1, and is 0'],
  [{ closeGrace: -1 }, 'closeGrace must be a whole number of at least 0, and is -1'],
])('%j is refused', async (options, message) => {
  await expect(serveStore({ server: options })).rejects.toThrow(message)
})
