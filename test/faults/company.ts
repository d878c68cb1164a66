import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SqliteStore } from '../../src/index.ts'
import { RunningCommand, runCommand } from '../cli/command.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { makeKey, propose } from './kills.ts'

/** Two servers on one file, and every command that may run beside them. */

export interface CompanyFigures {
  readonly acknowledged: number
  readonly commands: number
  readonly faults: readonly string[]
}

const log = { warn() {}, error() {} }

/** @param rounds rounds of every command, or one of those that do most to the file */
export async function tryCompany(
  directory: string,
  rounds: number | 'short',
): Promise<CompanyFigures> {
  const path = join(directory, 'cq.db')
  const units = join(directory, 'units.jsonl')
  const pepper = randomBytes(32).toString('base64url')
  const key = await makeKey(path, pepper)
  const environment = {
    CQ_DB_PATH: path,
    CQ_JWT_SECRET: randomBytes(48).toString('base64url'),
    CQ_API_KEY_PEPPER: pepper,
  }
  const faults: string[] = []
  const ids: string[] = []
  let commands = 0
  {
    const serve = () => new RunningCommand({ args: ['serve', '--port', '0'], environment })
    await using first = serve()
    await using second = serve()
    const urls = await Promise.all(
      [first, second].map(async (server) => (await server.tells(/listening at (http:[^"]+)/))[1]),
    )
    let goesOn = true
    const agents = Promise.all(
      [...urls, ...urls].map(async (url = '') => {
        while (goesOn) {
          const id = await propose(url, key)
          if (id === undefined) faults.push('a proposal was refused')
          else ids.push(id)
        }
      }),
    )
    const run = async (args: string[], input?: string) => {
      const { code, stderr } = await runCommand({
        args,
        environment,
        ...(input !== undefined && { input }),
      })
      commands++
      if (code !== 0) faults.push(`${args.join(' ')} ended with ${code}: ${stderr}`)
    }
    for (let round = 0; round < (rounds === 'short' ? 1 : rounds); round++) {
      const imported = unitId(round + 1)
      const item = { knowledge_unit: sampleUnit(imported, new Date()), status: 'approved' }
      await writeFile(units, `${JSON.stringify(item)}\n`)
      await run(['import', units])
      await run(['backup', join(directory, 'backup.db'), '--force'])
      await run(['check'])
      await run(['unit', 'remove', imported, '--yes'])
      if (rounds === 'short') break
      await run(['export', join(directory, 'export.jsonl'), '--force'])
      await run(['migrate'])
      await run(['user', 'add', `user-${round}`], 'correct horse battery staple')
      await run(['key', 'create', `user-${round}`, '--name', 'key', '--ttl', '1d'])
      await run(['key', 'list', `user-${round}`])
      await run(['user', 'remove', `user-${round}`, '--yes'])
    }
    goesOn = false
    await agents
  }
  await using store = await SqliteStore.open({ path, log, readers: 1, rankers: 0 })
  const found = await Promise.all(ids.map((id) => store.getAny(id)))
  const lost = found.filter((unit) => unit === null).length
  if (lost > 0) faults.push(`${lost} acknowledged units are lost`)
  return { acknowledged: ids.length, commands, faults }
}
