import { type Command, InvalidArgumentError, Option } from 'commander'
import { isOrigin, originForm } from '../server/mcp/origins.ts'
import type { McpOptions } from '../server/mcp/plugin.ts'
import type { MetricsAddress } from '../server/metrics-address.ts'
import { isPrefix, prefixForm } from '../server/paths.ts'
import { parsePort, SettingError } from './settings.ts'

/** What is served besides cq's API, and under which prefix. */
export interface ExposureSettings {
  readonly prefix: string
  readonly metrics: boolean | MetricsAddress
  readonly docs: boolean
  readonly dashboard: boolean
  readonly mcp: boolean | McpOptions
}

/** As the flags give them. */
export interface ExposureFlags extends Omit<ExposureSettings, 'mcp'> {
  readonly mcp: boolean
  readonly mcpOrigins?: readonly string[]
}

/** Adds `--prefix`, `--metrics`, `--docs`, `--dashboard`, `--mcp` and `--mcp-origins`. */
export function addExposureOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--prefix <path>',
        'a prefix of every path, such as /cq; /health and /ready answer without it as well',
      )
        .env('CQ_PREFIX')
        .argParser(parsePrefix)
        .default('', 'none'),
    )
    .addOption(
      new Option(
        '--metrics <where>',
        'where /metrics is served: on, with the rest; off; or on its own port or host:port (a port alone listens on --host)',
      )
        .env('CQ_METRICS')
        .argParser(parseMetrics)
        .default(true, 'on'),
    )
    .addOption(
      new Option('--docs <state>', 'whether /docs and /openapi.json are served: on or off')
        .env('CQ_DOCS')
        .argParser(parseSwitch)
        .default(true, 'on'),
    )
    .addOption(
      new Option('--dashboard <state>', 'whether the dashboard is served under /ui/: on or off')
        .env('CQ_DASHBOARD')
        .argParser(parseSwitch)
        .default(true, 'on'),
    )
    .addOption(
      new Option('--mcp <state>', 'whether MCP is served at /mcp, for agents: on or off')
        .env('CQ_MCP')
        .argParser(parseSwitch)
        .default(true, 'on'),
    )
    .addOption(
      new Option(
        '--mcp-origins <origins>',
        "web pages that may use /mcp besides the server's own, separated by commas, such as https://cq.example",
      )
        .env('CQ_MCP_ORIGINS')
        .argParser(parseOrigins),
    )
}

/**
 * The options of `createServer` for these settings.
 * @throws {SettingError} if metrics would have the server's own port
 */
export function exposure({
  prefix,
  metrics,
  docs,
  dashboard,
  mcp,
  mcpOrigins,
  host,
  port,
}: ExposureFlags & { readonly host: string; readonly port: number }): ExposureSettings {
  const rest = { prefix, docs, dashboard, mcp: mcp && { allowedOrigins: mcpOrigins } }
  if (typeof metrics !== 'object') return { ...rest, metrics }
  const address = { host, ...metrics }
  if (address.port === port && port !== 0 && address.host === host)
    throw new SettingError(
      `--metrics (CQ_METRICS) must name another port than the server's, ${port}; "on" is beside the rest`,
    )
  return { ...rest, metrics: address }
}

function parsePrefix(text: string): string {
  if (isPrefix(text)) return text
  throw new InvalidArgumentError(`it must be ${prefixForm}.`)
}

function parseMetrics(text: string): boolean | MetricsAddress {
  if (/^(on|off)$/.test(text)) return text === 'on'
  const [, address, host = address, port] =
    /^(?:(?:\[([\da-f:.]+)\]|([\w.-]+)):)?(\d+)$/i.exec(text) ?? []
  if (port === undefined)
    throw new InvalidArgumentError('it must be on, off, a port, or host:port as in 127.0.0.1:9464.')
  return { ...(host !== undefined && { host }), port: parsePort(port) }
}

function parseSwitch(text: string): boolean {
  if (/^(on|off)$/.test(text)) return text === 'on'
  throw new InvalidArgumentError('it must be on or off.')
}

function parseOrigins(text: string): string[] {
  const origins = text.split(',').map((origin) => origin.trim())
  if (origins.every(isOrigin)) return origins
  throw new InvalidArgumentError(`each must be ${originForm}.`)
}
