import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { notFound } from './errors.ts'

/** A file of the dashboard, ready to be sent. */
interface Asset {
  readonly type: string
  readonly whole: Buffer
  /** `undefined` where that saves nothing. */
  readonly zipped: Buffer | undefined
}

const page = 'index.html'
/** What the page has as the address that its links are relative to. */
const baseMark = '<base href="/ui/"'

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
}

/** Nothing but the dashboard's own files is loaded, run or spoken to, and nobody frames it. */
const headers = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join(';'),
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

/** Where the build puts the dashboard: beside what it makes of this file, or in `dist` when running from source. */
const folders = ['../../dashboard', '../../dist/dashboard'].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
)

/**
 * Serves the dashboard under `/ui/`. Its few files are kept in memory, so that no path of a request ever becomes a
 * path of the disk.
 * @param isAtRoot whether `/` leads to it, too
 */
export async function dashboardRoutes(server: FastifyInstance, isAtRoot: boolean): Promise<void> {
  const folder = folders.find((one) => existsSync(join(one, page)))
  if (folder === undefined) {
    server.log.warn('there is no dashboard, since it has not been built: npm run build')
    return
  }
  const assets = await readAssets(folder)
  const route = { schema: { hide: true }, exposeHeadRoute: true }
  const toDashboard = (request: FastifyRequest, reply: FastifyReply) =>
    reply.redirect(addressOfDashboard(request.originalUrl), 302)
  if (isAtRoot) server.get('/', route, toDashboard)
  const open = (request: FastifyRequest, reply: FastifyReply) =>
    request.originalUrl.split(/[?#]/, 1)[0]?.endsWith('/')
      ? sendPage(assets, 0, request, reply)
      : toDashboard(request, reply)
  server.get('/ui/', route, open)
  // A host may ignore trailing slashes.
  if (!server.hasRoute({ method: 'GET', url: `${server.prefix}/ui` }))
    server.get('/ui', route, open)
  server.get<{ Params: { '*': string } }>('/ui/*', route, (request, reply) => {
    const name = request.params['*']
    if (name === page) throw notFound()
    const asset = assets.get(name)
    if (!asset) {
      if (name.startsWith('assets/')) throw notFound()
      // As the browser counts: an escaped slash is none.
      const [path = ''] = request.originalUrl.split(/[?#]/, 1)
      const depth = path.slice(`${server.prefix}/ui/`.length).split('/').length - 1
      return sendPage(assets, depth, request, reply)
    }
    // The build names these by their content.
    const isLasting = name.startsWith('assets/')
    reply.header('cache-control', isLasting ? 'public, max-age=31536000, immutable' : 'no-cache')
    return send(asset, request, reply)
  })
}

async function readAssets(folder: string): Promise<ReadonlyMap<string, Asset>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const assets = new Map<string, Asset>()
  for (const entry of entries) {
    const type = types[extname(entry.name)]
    if (!entry.isFile() || type === undefined) continue
    const path = join(entry.parentPath, entry.name)
    const name = relative(folder, path).split(sep).join('/')
    assets.set(name, toAsset(type, await readFile(path)))
  }
  return assets
}

function toAsset(type: string, whole: Buffer): Asset {
  const zipped = gzipSync(whole, { level: 9 })
  return { type, whole, zipped: zipped.length < whole.length ? zipped : undefined }
}

/** Every address that is not a file's is one of the page's own. */
function sendPage(
  assets: ReadonlyMap<string, Asset>,
  depth: number,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const index = assets.get(page)
  if (!index || depth > 8) throw notFound()
  const whole = index.whole
    .toString()
    .replace(baseMark, `<base href="${'../'.repeat(depth) || './'}"`)
  reply.header('cache-control', 'no-cache')
  return send({ ...index, whole: Buffer.from(whole), zipped: undefined }, request, reply)
}

function send({ type, whole, zipped }: Asset, request: FastifyRequest, reply: FastifyReply) {
  const isZipped = zipped && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
  if (isZipped) reply.header('content-encoding', 'gzip')
  return reply
    .headers({ ...headers, vary: 'accept-encoding', 'content-type': type })
    .send(isZipped ? zipped : whole)
}

/** Relative to the requested address, so that it is right behind a proxy that strips a prefix, too. */
function addressOfDashboard(url: string): string {
  const path = url.split(/[?#]/, 1)[0] ?? ''
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (name === 'ui') return 'ui/'
  return name === '' ? 'ui/' : `${name}/ui/`
}
